"""
What a publisher did, and how punctual it was.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field
from typing import Any

from loadgen.simulation.run import percentile


@dataclass(slots=True)
class Report:
    """
    The books of one run.

    Attributes:
        planned: how many jobs there were to send.
        late: of each job that was sent, how many seconds after its time the broker had it.
        perhaps_twice: jobs that were sent again because the broker's answer was lost.
        seconds: how long it took.
    """

    planned: int
    late: array[float] = field(default_factory=lambda: array("d"))
    perhaps_twice: int = 0
    seconds: float = 0.0

    @property
    def sent(self) -> int:
        """How many jobs the broker has."""
        return len(self.late)

    def figures(self) -> dict[str, Any]:
        """
        Return the report as plain numbers; lateness in seconds, None where nothing was sent.
        """
        ordered = sorted(self.late)
        late = {f"p{percent}": percentile(ordered, percent) for percent in (50, 99)} if ordered else None
        return {
            "planned": self.planned,
            "sent": self.sent,
            "perhaps_twice": self.perhaps_twice,
            "seconds": self.seconds,
            "late_seconds": None if late is None else {**late, "max": ordered[-1]},
        }

    def sentences(self) -> list[str]:
        """
        Return the report as lines for people.
        """
        figures = self.figures()
        rate = f", {self.sent / self.seconds:.3g} per second" if self.sent and self.seconds > 0 else ""
        lines = [f"sent {self.sent} of {self.planned} jobs in {self.seconds:.1f} s{rate}"]
        if late := figures["late_seconds"]:
            lines.append(f"late by {_ms(late['p50'])} (median), {_ms(late['p99'])} (p99), {_ms(late['max'])} (most)")
        if self.perhaps_twice:
            lines.append(
                f"{self.perhaps_twice} jobs may be there twice: the broker's answer was lost, and they were sent again"
            )
        return lines


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.1f} ms" if seconds < 1 else f"{seconds:.2f} s"
