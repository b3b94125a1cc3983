"""
Durations: how many were how long, counted where they are measured, and cheap enough for every call.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate


@dataclass(frozen=True, slots=True)
class Durations:
    """
    What was counted up to one moment.

    Attributes:
        bounds: the upper bounds of the buckets in seconds, rising; one more bucket has none.
        counts: how many there were in each bucket.
        total: the sum of all of them, in seconds.
    """

    bounds: Sequence[float]
    counts: Sequence[int]
    total: float

    def up_to(self) -> list[tuple[str, int]]:
        """
        Return how many were no longer than each bound, bounds written as Prometheus has them.
        """
        return list(zip((*map(str, self.bounds), "+Inf"), accumulate(self.counts), strict=True))


class Stopwatch:
    """
    Counts durations by their length, without a lock: within the event loop alone.

    It takes a fifth of the time that prometheus_client's histogram takes, which is on the path of every call; and it is
    read at the same moment as everything else in a snapshot.
    """

    __slots__ = ("_bounds", "_counts", "_total")

    def __init__(self, bounds: Sequence[float]) -> None:
        self._bounds = tuple(float(bound) for bound in bounds)
        self._counts = [0] * (len(bounds) + 1)
        self._total = 0.0

    def note(self, seconds: float) -> None:
        """
        Count one.
        """
        self._counts[bisect_left(self._bounds, seconds)] += 1
        self._total += seconds

    def durations(self) -> Durations:
        """
        Return what was counted, as a copy.
        """
        return Durations(self._bounds, tuple(self._counts), self._total)


CALL_BOUNDS = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
"""Seconds of a call: a lookup takes far less than a millisecond, first readings may take a second and a half."""

READ_BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Seconds of a read of a source, from a pipeline nearby to the deadline."""

LATENESS_BOUNDS = (0.001, 0.005, 0.025, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Seconds by which a read begins late."""

WAKE_BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Seconds from the reading that wakes to the push that says so."""
