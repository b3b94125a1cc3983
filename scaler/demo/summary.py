"""
The end: what was expected, what was found, and whether the story went as told.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from scaler.demo.story import Check


@dataclass(frozen=True, slots=True)
class Outcome:
    """
    How it went: every check that was made, and why the story ended early, if it did.
    """

    checks: Sequence[Check]
    seconds: float
    trouble: str | None = None
    log: Sequence[str] = ()

    @property
    def as_told(self) -> bool:
        """
        Whether every expectation was met.
        """
        return self.trouble is None and all(check.met for check in self.checks)


def print_summary(outcome: Outcome, console: Console) -> None:
    """
    Print the checks as a table, the verdict, and where it went wrong the end of the scaler's log.
    """
    if outcome.checks:
        console.print(_table(outcome.checks))
    if outcome.as_told:
        console.print(f"[bold green]The story went as told[/], in {outcome.seconds:.0f} s.", highlight=False)
        return
    console.print("[bold red]The story went otherwise.[/]")
    console.print(outcome.trouble, markup=False, highlight=False)
    if outcome.log:
        console.print("\nThe scaler's last lines:")
    for line in outcome.log:
        console.print(f"  {line}", markup=False, highlight=False, soft_wrap=True)


def _table(checks: Sequence[Check]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in ("", "chapter", "expected", "found"):
        table.add_column(heading)
    told = ""
    for check in checks:
        mark = "[green]✓[/]" if check.met else "[bold red]✗[/]"
        table.add_row(mark, "" if check.chapter == told else check.chapter, escape(check.expected), escape(check.found))
        told = check.chapter
    return table
