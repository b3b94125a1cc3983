"""
Gaps: how long a replica was not needed before it was needed again, and for how long it is worth keeping.

The gaps are counted in bins that grow with their length, each with what it cost to be without the replica at its end.
How long to keep one is a problem of optimal stopping over them: at each age of a gap, keeping costs the time until its
end, and letting go costs what a new start costs.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import isfinite
from struct import Struct

BINS = 32
_DAY = 86400.0
EDGES: tuple[float, ...] = (0.0, *(2.0 * math.pow(_DAY, index / BINS) for index in range(1, BINS + 1)))
"""Where the bins begin and end, in seconds: from 0 to two days, and what is longer counts as in the last."""

_FADING = 1 - 1 / 200
"""What was booked counts so much less with each gap that comes after it."""

_PRIOR = 2.0
"""The expected gaps and costs, before any was seen, count like so many."""

_PRIOR_SHARE = 0.2
"""Half of the expected gaps are shorter than this share of what a new start costs."""

_LONGEST = 4.0
"""Nothing is kept for longer than so many times what a new start costs, unless the gaps themselves speak for it."""

_PACKED = Struct(f"{2 * BINS}d")


@dataclass(frozen=True, slots=True)
class Gaps:
    """
    The gaps of one level. Costs are in seconds of one replica.

    Attributes:
        bins: counts and costs of each bin, packed, since there are many of them; empty for none.
        cost: the sum of all costs; `count`: of all counts. Both fade like those of the bins.
    """

    bins: bytes = b""
    cost: float = 0.0
    count: float = 0.0

    @classmethod
    def of(cls, counts: Sequence[float], costs: Sequence[float], cost: float, count: float) -> Gaps:
        """
        Return gaps of known counts and costs for each bin.

        Raises:
            ValueError: these cannot be counts and costs of gaps.
        """
        numbers = (*counts, *costs, cost, count)
        if len(counts) != BINS or len(costs) != BINS or not all(isfinite(each) and each >= 0 for each in numbers):
            raise ValueError(f"gaps need {BINS} counts and {BINS} costs, all of them finite and at least 0")
        return cls(_PACKED.pack(*counts, *costs), cost, count) if any(counts) else NO_GAPS

    @property
    def counts(self) -> tuple[float, ...]:
        """How many gaps fell into each bin, the older ones faded."""
        return self._unpacked[:BINS]

    @property
    def costs(self) -> tuple[float, ...]:
        """What the gaps of each bin cost together, the older ones faded."""
        return self._unpacked[BINS:]

    def booked(self, gap: float, cost: float) -> Gaps:
        """
        Return the gaps with one more, of so many seconds, after which being without the replica cost so much.
        """
        bins = [each * _FADING for each in self._unpacked]
        at = min(bisect_right(EDGES, max(gap, 0.0)) - 1, BINS - 1)
        bins[at] += 1.0
        bins[BINS + at] += cost
        return Gaps(_PACKED.pack(*bins), self.cost * _FADING + cost, self.count * _FADING + 1.0)

    def mean_cost(self, expected: float) -> float:
        """
        Return what it costs to be without the replica, where *expected* is the cost that is expected without gaps.
        """
        return (self.cost + _PRIOR * expected) / (self.count + _PRIOR)

    def worth_keeping(self, expected: float) -> float:
        """
        Return for how many seconds a replica is worth keeping after its job; *expected* as in `mean_cost`.
        """
        mean = self.mean_cost(expected)
        keeping = letting_go = left = 0.0
        shortest = None
        counts, costs = self.counts, self.costs
        for at, mass in zip(reversed(range(BINS)), self._masses(mean), strict=True):
            start, end = EDGES[at], EDGES[at + 1]
            left += mass
            ends = mass / left
            paid = (costs[at] + _PRIOR * mean) / (counts[at] + _PRIOR)
            stay = ends * (end - start) / 2 + (1 - ends) * (end - start + keeping)
            letting_go = ends * paid + (1 - ends) * letting_go
            if stay < letting_go:
                keeping = stay
            else:
                keeping, shortest = letting_go, start
        longest = _LONGEST * mean
        return longest if shortest is None else min(shortest, longest)

    def usually_within(self, age: float, expected: float) -> float | None:
        """
        Return in how many seconds three out of four gaps of this *age* have ended; None if none was that long.
        """
        ends = _usual_end(self, min(bisect_right(EDGES, max(age, 0.0)) - 1, BINS - 1), self.mean_cost(expected))
        return None if ends is None else max(ends - age, 1.0)

    @property
    def _unpacked(self) -> tuple[float, ...]:
        return _PACKED.unpack(self.bins) if self.bins else _NONE

    def _masses(self, mean: float) -> Iterator[float]:
        """
        Yield how much each bin weighs, from the last to the first: what was seen in it, and what is expected without.
        """
        half = _PRIOR_SHARE * mean
        beyond = 0.0
        for start, count in zip(reversed(EDGES[:-1]), self.counts[::-1], strict=True):
            reaching = half / (half + start)
            yield count + _PRIOR * (reaching - beyond)
            beyond = reaching


@lru_cache(maxsize=1000)
def _usual_end(gaps: Gaps, at: int, mean: float) -> float | None:
    """
    Return the end of the bin by which three out of four gaps have ended that reach the bin *at*; None if none did.
    """
    if not any(gaps.counts[at:]):
        return None
    masses = list(gaps._masses(mean))[::-1][at:]  # noqa: SLF001 - stands outside to be remembered: it is asked often
    missing = 0.75 * sum(masses)
    for index, mass in enumerate(masses):
        missing -= mass
        if missing <= 0:
            return EDGES[at + index + 1]
    return EDGES[-1]


_NONE = (0.0,) * (2 * BINS)
NO_GAPS = Gaps()
