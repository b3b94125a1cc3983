"""
What the domain's README draws from the code: `python -m tests.domain.documentation` writes it anew.
"""

from __future__ import annotations

import ast
import inspect
from pathlib import Path

import scaler.domain
from scaler.domain.decision import Phase, Reason
from scaler.domain.phases import TRANSITIONS, Event

README = Path(scaler.domain.__path__[0]) / "README.md"


def fresh(text: str) -> str:
    """
    Return the README with everything between its markers drawn anew.
    """
    for name, drawn in (("phases", diagram()), ("events", events()), ("reasons", reasons())):
        begin, end = f"<!-- {name}: drawn from the code -->\n", f"<!-- end of {name} -->"
        before, found, rest = text.partition(begin)
        _, ended, after = rest.partition(end)
        assert found, f"the README has lost {begin}"
        assert ended, f"the README has lost {end}"
        text = f"{before}{begin}{drawn}\n{end}{after}"
    return text


def diagram() -> str:
    """
    Draw the table of transitions, without those that change nothing.
    """
    arrows = [
        f"    {'[*]' if phase is None else phase.value} --> {after.value}: {', '.join(_leading(phase, after))}"
        for phase in TRANSITIONS
        for after in Phase
        if after is not phase and _leading(phase, after)
    ]
    return "\n".join(["```mermaid", "stateDiagram-v2", *arrows, "```"])


def events() -> str:
    """
    Write the events as a table.
    """
    return _table("what a decision found", {event.name.lower(): event.value for event in Event})


def reasons() -> str:
    """
    Write the reasons as a table, each with what stands under it in the code.
    """
    (enumeration,) = ast.parse(inspect.getsource(Reason)).body
    assert isinstance(enumeration, ast.ClassDef)
    texts = [
        node.value.value
        for node in enumeration.body[1:]
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    ]
    return _table("reason", {f"`{reason.value}`": str(text) for reason, text in zip(Reason, texts, strict=True)})


def _leading(phase: Phase | None, after: Phase) -> list[str]:
    return [event.name.lower() for event, reached in TRANSITIONS[phase].items() if reached is after]


def _table(heading: str, rows: dict[str, str]) -> str:
    return "\n".join([f"| {heading} | |", "|---|---|", *(f"| {name} | {text} |" for name, text in rows.items())])


if __name__ == "__main__":
    README.write_text(fresh(README.read_text(encoding="utf-8")), encoding="utf-8")
