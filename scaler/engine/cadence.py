"""
How often questions are asked, and the grid of times on which that happens.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import floor

from scaler.domain.choice import Choice

# A grid point nearer than this part of an interval has been reached: timers may fire a little early.
_REACHED = 0.001


class Cadence(Choice):
    """
    How closely a question is watched.
    """

    REGULAR = "regular"
    """It is asked every interval."""

    CLOSE = "close"
    """A workload at zero waits for it: it is tracked where the source announces changes, else asked all the time."""


@dataclass(frozen=True, slots=True)
class Timing:
    """
    The times of one connection, in seconds.

    Attributes:
        interval: between two regular reads.
        timeout: the deadline of one read.
        safety_net: between two reads of what is tracked.
        watch_interval: between two close reads; a source that cannot bear that much sets a longer one.
    """

    interval: float
    timeout: float
    safety_net: float
    watch_interval: float

    def __post_init__(self) -> None:
        """
        Refuse times that would never come, or always.
        """
        if not min(self.interval, self.timeout, self.safety_net, self.watch_interval) > 0:
            raise ValueError(f"every time must be above 0 s: {self}")


@dataclass(frozen=True, slots=True)
class Grid:
    """
    Equally spaced times, so that a rhythm never drifts: what was due at one point is due again at a later point.

    `phase` (0 to 1) shifts the grid by that part of an interval, so that not all rhythms beat together.
    """

    phase: float

    def after(self, now: float, interval: float) -> float:
        """
        Return the first point after *now*; points that were missed are left out.
        """
        return (floor(now / interval - self.phase + _REACHED) + 1 + self.phase) * interval
