"""
Which lines of a chart can be left out, one at a time.

Every significant line of every template, and every condition, so that it always or never holds. Blank lines, comments,
and lines that only open or close a block are no mutants by themselves.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

_ACTION = re.compile(
    r"""
    {{-?\s*
    (?P<said>
        /\*.*?\*/                           # a comment
        | (?: "(?:[^"\\]|\\.)*" | `[^`]*` | (?!-?}}). )*?
    )
    \s*-?}}
    """,
    re.DOTALL | re.VERBOSE,
)
_OPENS = ("if", "with", "range", "define", "block")
_BLOCK_WORDS = (*_OPENS, "else", "end")


@dataclass(frozen=True, order=True)
class Mutant:
    """
    A template with some of its lines left out.

    Attributes:
        file: the template, from the folder of the charts on.
        line: where it begins, counted from 1.
        lines: all that are left out.
        what: what is left out, as people read it.
    """

    file: str
    line: int
    lines: tuple[int, ...]
    what: str

    def of(self, text: str) -> str:
        """
        Return the text of the template without those lines.
        """
        kept = [each for number, each in enumerate(text.splitlines(keepends=True), start=1) if number not in self.lines]
        return "".join(kept)


Span = tuple[int, int]


@dataclass
class _Block:
    word: str
    opened: Span
    others: list[tuple[str, Span]] = field(default_factory=list)
    closed: Span = (0, 0)


@dataclass
class _Shape:
    """
    What stands where in a template.

    Attributes:
        silent: lines of comments, and those that only open or close a block.
        spans: actions over several lines.
        blocks: what is opened and closed.
    """

    silent: set[int] = field(default_factory=set)
    spans: list[Span] = field(default_factory=list)
    blocks: list[_Block] = field(default_factory=list)


def mutants(charts: Path, template: Path) -> Iterator[Mutant]:
    """
    Yield every mutant of a template.
    """
    lines = template.read_text().splitlines()
    shape = _shape(template.read_text())
    file = str(template.relative_to(charts))
    inside = {number: span for span in shape.spans for number in _lines(span)}
    for number, line in enumerate(lines, start=1):
        if not line.strip() or line.lstrip().startswith("#") or number in shape.silent:
            continue
        first, last = inside.get(number, (number, number))
        if number == first:
            yield Mutant(file, number, _lines((first, last)), line.strip())
        elif number != last:
            yield Mutant(file, number, (number,), line.strip())
    for block in shape.blocks:
        if block.word == "if" and shape.silent.issuperset(_edges(block)):
            yield from _conditions(file, lines[block.opened[0] - 1].strip(), block)


def _conditions(file: str, condition: str, block: _Block) -> Iterator[Mutant]:
    first, end = block.opened[0], block.closed[1]
    match block.others:
        case []:
            left_out = (*_lines(block.opened), *_lines(block.closed))
            yield Mutant(file, first, left_out, f"{condition} always holds")
        case [("else", other)]:
            always = (*_lines(block.opened), *_lines((other[0], end)))
            never = (*_lines((first, other[1])), *_lines(block.closed))
            yield Mutant(file, first, always, f"{condition} always holds")
            yield Mutant(file, first, never, f"{condition} never holds")


def _lines(span: Span) -> tuple[int, ...]:
    return tuple(range(span[0], span[1] + 1))


def _edges(block: _Block) -> Iterator[int]:
    for span in (block.opened, block.closed, *(span for _, span in block.others)):
        yield from span


def _shape(text: str) -> _Shape:
    shape = _Shape()
    open_blocks: list[_Block] = []
    words: dict[int, list[str]] = {}
    for action in _ACTION.finditer(text):
        span = (text.count("\n", 0, action.start()) + 1, text.count("\n", 0, action.end()) + 1)
        word, _, rest = action["said"].partition(" ")
        for edge in set(span):
            words.setdefault(edge, []).append("/*" if word.startswith("/*") else word)
        if word.startswith("/*"):
            shape.silent.update(_lines(span))
        elif word in _OPENS:
            open_blocks.append(_Block(word, span))
        elif word == "else":
            open_blocks[-1].others.append((f"{word} {rest}".strip(), span))
        elif word == "end":
            open_blocks[-1].closed = span
            shape.blocks.append(open_blocks.pop())
        if span[0] != span[1] and word not in _BLOCK_WORDS and not word.startswith("/*"):
            shape.spans.append(span)
    bare = _ACTION.sub(lambda action: "\n" * action[0].count("\n"), text).splitlines()
    for number, found in words.items():
        if set(found) <= {*_BLOCK_WORDS, "/*"} and not bare[number - 1].strip():
            shape.silent.add(number)
    return shape
