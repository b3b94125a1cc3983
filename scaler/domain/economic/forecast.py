"""
The forecast: from the arrivals of the last minute to those within the next cold start, as it was learned.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import floor, isfinite, log2
from struct import Struct

BINS = 24
_FINE = 4
"""So many arrivals or more in a minute share their bin with their like."""

_MOST_PENDING = 25
_SOONEST = 15.0
_PARTS = 24.0
"""A sample is taken at most every so many seconds, and so many times in a cold start."""

_FULL, _FADING = 500.0, 0.9
_BUCKET, _BUCKETS = 5.0, 12
_MINUTE = 60.0
_PRIOR = 5.0
"""That the last minute goes on, but for one of its arrivals, counts like so many samples."""

_PACKED = Struct(f"{2 * BINS}d")


@dataclass(frozen=True, slots=True)
class Sample:
    """
    A sample that is not complete: when it was taken, its bin, and the arrivals until then.
    """

    at: float
    bin: int
    arrived: int


@dataclass(frozen=True, slots=True)
class Forecast:
    """
    What is known of arrivals. Times in seconds.

    Attributes:
        arrived: all arrivals until now.
        recent: the arrivals of the last minute: (5-second piece of time, arrivals), the oldest first.
        bins: for each bin of the arrivals of a minute the arrivals in the cold starts that followed, and their count,
            packed; empty for none.
        pending: samples whose cold start is not over; `sampled_at`: when the last one was taken.
    """

    arrived: int = 0
    recent: tuple[tuple[int, int], ...] = ()
    bins: bytes = b""
    pending: tuple[Sample, ...] = ()
    sampled_at: float | None = None

    @classmethod
    def of(cls, sums: Sequence[float], counts: Sequence[float]) -> Forecast:
        """
        Return a forecast that was learned before.

        Raises:
            ValueError: these cannot be sums and counts of arrivals.
        """
        if len(sums) != BINS or len(counts) != BINS or not all(isfinite(x) and x >= 0 for x in (*sums, *counts)):
            raise ValueError(f"a forecast needs {BINS} sums and {BINS} counts, all of them finite and at least 0")
        return cls(bins=_PACKED.pack(*sums, *counts)) if any(counts) else cls()

    @property
    def sums(self) -> tuple[float, ...]:
        """The arrivals within a cold start after the samples of each bin."""
        return self._unpacked[:BINS]

    @property
    def counts(self) -> tuple[float, ...]:
        """The samples of each bin."""
        return self._unpacked[BINS:]

    def passed(self, now: float, cold_start: float) -> Forecast:
        """
        Return it with those samples complete whose cold start is over. What comes at *now* is not in it yet.
        """
        over = 0
        while over < len(self.pending) and self.pending[over].at + cold_start <= now:
            over += 1
        if not over:
            return self
        bins = list(self._unpacked)
        for sample in self.pending[:over]:
            bins[sample.bin] += self.arrived - sample.arrived
            bins[BINS + sample.bin] += 1.0
            if bins[BINS + sample.bin] > _FULL:
                bins[sample.bin] *= _FADING
                bins[BINS + sample.bin] *= _FADING
        return replace(self, bins=_PACKED.pack(*bins), pending=self.pending[over:])

    def came(self, now: float, jobs: int = 1) -> Forecast:
        """
        Return it with so many more arrivals.
        """
        piece = floor(now / _BUCKET)
        recent = [each for each in self.recent if each[0] > piece - _BUCKETS]
        if recent and recent[-1][0] == piece:
            recent[-1] = (piece, recent[-1][1] + jobs)
        else:
            recent.append((piece, jobs))
        return replace(self, arrived=self.arrived + jobs, recent=tuple(recent))

    def sampled(self, now: float, cold_start: float) -> Forecast:
        """
        Return it with a new sample, where the last one is long enough ago.
        """
        if self.sampled_at is not None and now - self.sampled_at < max(_SOONEST, cold_start / _PARTS):
            return self
        if len(self.pending) >= _MOST_PENDING:
            return self
        sample = Sample(now, _bin(self.last_minute(now)), self.arrived)
        return replace(self, pending=(*self.pending, sample), sampled_at=now)

    def interrupted(self) -> Forecast:
        """
        Return it without what was not complete.
        """
        return replace(self, recent=(), pending=(), sampled_at=None)

    def last_minute(self, now: float) -> int:
        """
        Return the arrivals of the last minute.
        """
        oldest = floor(now / _BUCKET) - _BUCKETS
        return sum(count for piece, count in self.recent if piece > oldest)

    def rate(self, now: float, cold_start: float) -> float:
        """
        Return the arrivals a second that are expected within the next cold start.
        """
        minute = self.last_minute(now)
        total = count = 0.0
        if self.bins:
            numbers, at = self._unpacked, _bin(minute)
            total, count = numbers[at], numbers[BINS + at]
        return (total / cold_start + _PRIOR * max(0, minute - 1) / _MINUTE) / (count + _PRIOR)

    @property
    def _unpacked(self) -> tuple[float, ...]:
        return _PACKED.unpack(self.bins) if self.bins else _NONE


_NONE = (0.0,) * (2 * BINS)


def _bin(arrivals: int) -> int:
    return arrivals if arrivals < _FINE else min(BINS - 1, _FINE + floor(3 * log2(arrivals / _FINE)))
