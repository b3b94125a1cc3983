"""
YAML as configuration needs it: mappings, lists, texts, numbers, true, false and nothing else, each with its line.

PyYAML parses; what it would make of the events is more than we want (aliases that multiply, keys that silently replace
one another, `no` that is false, `12:30` that is 750, dates).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml

Path = tuple[str | int, ...]

_DEEPEST = 20
_INT = re.compile(r"[-+]?[0-9]{1,18}")
_FLOAT = re.compile(r"[-+]?([0-9]{1,18}(\.[0-9]{0,18})?|\.[0-9]{1,18})([eE][-+]?[0-9]{1,3})?")
_WORDS = {"": None, "~": None, "null": None, "true": True, "false": False}
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class YamlError(ValueError):
    """
    The text is not the YAML we read; the message says what and on which line.
    """


@dataclass(frozen=True, slots=True)
class Parsed:
    """
    What a text holds.

    Attributes:
        data: the data; an empty mapping for a text without any.
        lines: the line of each key and list item, counted from 1.
        repeated: the keys that stand more than once in their mapping, with the line of each repetition.
    """

    data: Any
    lines: dict[Path, int] = field(default_factory=dict)
    repeated: list[tuple[Path, int]] = field(default_factory=list)


def parse_yaml(text: str) -> Parsed:
    """
    Return what one YAML document holds.

    Raises:
        YamlError: it is not YAML, or uses what configuration does not need (aliases, tags, several documents).
    """
    builder = _Builder(yaml.parse(text, Loader=_LOADER))
    try:
        return builder.document()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = "" if mark is None else f"line {mark.line + 1}: "
        raise YamlError(f"{where}{_plain(error.problem or error.context or 'not YAML')}") from error
    except yaml.YAMLError as error:
        raise YamlError(f"not YAML: {str(error).splitlines()[0]}") from error


def _plain(problem: str) -> str:
    if "cannot start any token" in problem:
        return f"{problem} (a tab, perhaps: YAML is indented by spaces)"
    return problem


class _Builder:
    """
    Makes data of a parser's events.
    """

    def __init__(self, events: Iterator[yaml.Event]) -> None:
        self._events = events
        self._lines: dict[Path, int] = {}
        self._repeated: list[tuple[Path, int]] = []

    def document(self) -> Parsed:
        data: Any = None
        for number, event in enumerate(self._events):
            if isinstance(event, yaml.DocumentStartEvent):
                if number > 1:
                    raise YamlError(f"line {_line(event)}: one document is read, and a second one begins here")
                data = self._value(next(self._events), ())
        return Parsed({} if data is None else data, self._lines, self._repeated)

    def _value(self, event: yaml.Event, path: Path) -> Any:
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None) is not None:
            raise YamlError(f"line {_line(event)}: anchors and aliases are not read")
        if getattr(event, "tag", None) not in (None, "!"):
            raise YamlError(f"line {_line(event)}: tags are not read")
        if len(path) > _DEEPEST:
            raise YamlError(f"line {_line(event)}: nested too deeply")
        if isinstance(event, yaml.MappingStartEvent):
            return self._mapping(path)
        if isinstance(event, yaml.SequenceStartEvent):
            return self._list(path)
        return self._scalar(event)

    def _mapping(self, path: Path) -> dict[str, Any]:
        mapping: dict[str, Any] = {}
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            if not isinstance(event, yaml.ScalarEvent):
                raise YamlError(f"line {_line(event)}: a key must be text")
            key = event.value
            if key in mapping:
                self._repeated.append(((*path, key), _line(event)))
            self._lines.setdefault((*path, key), _line(event))
            mapping[key] = self._value(next(self._events), (*path, key))
        return mapping

    def _list(self, path: Path) -> list[Any]:
        items: list[Any] = []
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            self._lines[(*path, len(items))] = _line(event)
            items.append(self._value(event, (*path, len(items))))
        return items

    def _scalar(self, event: yaml.Event) -> Any:
        if not isinstance(event, yaml.ScalarEvent):
            raise YamlError(f"line {_line(event)}: a value is missing")
        text, plain = str(event.value), event.implicit[0]
        if not plain:
            return text
        if text in _WORDS:
            return _WORDS[text]
        if _INT.fullmatch(text):
            return int(text)
        return float(text) if _FLOAT.fullmatch(text) else text


def _line(event: yaml.Event) -> int:
    return event.start_mark.line + 1 if event.start_mark is not None else 1
