"""
Patterns of arrivals. Times in seconds, rates in jobs per second.

Every pattern is a frozen value with one method: `times(length, seed)` returns the arrivals in [0, length), rising. The
same pattern, length and seed give the same arrivals everywhere. Patterns are composed by `Together` and `InTurn`; a
part draws from a seed of its own, so that changing one part leaves the others as they were.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from heapq import merge
from itertools import count, takewhile
from math import ceil, cos, inf, pi
from random import Random
from typing import Protocol

DAY = 86_400.0


class Pattern(Protocol):
    """
    What can say when jobs arrive.
    """

    def times(self, length: float, seed: str) -> list[float]:
        """
        Return the arrivals in [0, length), rising.
        """
        ...


@dataclass(frozen=True, slots=True)
class Constant:
    """
    One job each time the same interval has passed, the first at its end.
    """

    rate: float

    def __post_init__(self) -> None:
        """
        Refuse a rate that means nothing.
        """
        _require_positive(rate=self.rate)

    def times(self, length: float, seed: str) -> list[float]:  # noqa: ARG002 - nothing is drawn
        """
        Return the multiples of the interval.
        """
        # Multiplied rather than added up: a million additions would drift.
        return list(takewhile(lambda at: at < length, (number / self.rate for number in count(1))))


@dataclass(frozen=True, slots=True)
class Poisson:
    """
    Independent arrivals at a constant rate.
    """

    rate: float

    def __post_init__(self) -> None:
        """
        Refuse a rate that means nothing.
        """
        _require_positive(rate=self.rate)

    def times(self, length: float, seed: str) -> list[float]:
        """
        Return arrivals with exponential intervals.
        """
        return _poisson(self.rate, length, Random(seed))


@dataclass(frozen=True, slots=True)
class Bursts:
    """
    Bursts at random moments.

    Attributes:
        rate: bursts per second, on average; their moments are independent.
        size: jobs in a burst.
        spread: the jobs of a burst come within so many seconds, each at a moment of its own.
    """

    rate: float
    size: int
    spread: float = 0.0

    def __post_init__(self) -> None:
        """
        Refuse bursts that mean nothing.
        """
        _require_positive(rate=self.rate, size=self.size)
        _require_bounded(spread=self.spread)

    def times(self, length: float, seed: str) -> list[float]:
        """
        Return the jobs of all bursts; what would come after the end is left out.
        """
        draws = Random(seed)
        starts = _poisson(self.rate, length, draws)
        times = sorted(start + draws.random() * self.spread for start in starts for _ in range(self.size))
        return [at for at in times if at < length]


@dataclass(frozen=True, slots=True)
class OnOff:
    """
    Phases with arrivals and phases without, the first one with.

    Attributes:
        rate: jobs per second while on; arrivals are independent.
        on: seconds that a phase with arrivals lasts on average (its length is drawn from an exponential distribution).
        off: the same of a phase without.
    """

    rate: float
    on: float
    off: float

    def __post_init__(self) -> None:
        """
        Refuse phases that mean nothing.
        """
        _require_positive(rate=self.rate, on=self.on, off=self.off)

    def times(self, length: float, seed: str) -> list[float]:
        """
        Return the arrivals of the phases that are on.
        """
        draws = Random(seed)
        times: list[float] = []
        start = 0.0
        while start < length:
            end = start + draws.expovariate(1 / self.on)
            times += (start + at for at in _poisson(self.rate, min(end, length) - start, draws))
            start = end + draws.expovariate(1 / self.off)
        return times


@dataclass(frozen=True, slots=True)
class Diurnal:
    """
    A rate that swings between a low and a high once a day, as a cosine.

    Attributes:
        low: jobs per second half a day from the peak.
        high: jobs per second at the peak.
        peak: seconds after the start at which the rate is highest.
        day: seconds of a day.
    """

    low: float
    high: float
    peak: float = DAY / 2
    day: float = DAY

    def __post_init__(self) -> None:
        """
        Refuse a swing that means nothing.
        """
        _require_positive(high=self.high, day=self.day)
        _require_bounded(low=self.low, peak=self.peak)
        if self.low > self.high:
            raise ValueError(f"low must be at most high ({self.high:g}), not {self.low:g}")

    def times(self, length: float, seed: str) -> list[float]:
        """
        Return independent arrivals at the rate of each moment.
        """
        middle, swing = (self.high + self.low) / 2, (self.high - self.low) / 2
        return _varying(
            lambda at: middle + swing * cos(2 * pi * (at - self.peak) / self.day), self.high, length, Random(seed)
        )


@dataclass(frozen=True, slots=True)
class Ramp:
    """
    A rate that changes evenly from the first moment to the last, up or down.
    """

    first: float
    last: float

    def __post_init__(self) -> None:
        """
        Refuse a ramp that means nothing.
        """
        _require_bounded(first=self.first, last=self.last)
        _require_positive(**{"the higher rate": max(self.first, self.last)})

    def times(self, length: float, seed: str) -> list[float]:
        """
        Return independent arrivals at the rate of each moment.
        """
        slope = (self.last - self.first) / length
        return _varying(lambda at: self.first + slope * at, max(self.first, self.last), length, Random(seed))


@dataclass(frozen=True, slots=True)
class Together:
    """
    Several patterns at the same time.
    """

    parts: tuple[Pattern, ...]

    def times(self, length: float, seed: str) -> list[float]:
        """
        Return the arrivals of all parts.
        """
        return list(merge(*(part.times(length, f"{seed}/{number}") for number, part in enumerate(self.parts))))


@dataclass(frozen=True, slots=True)
class InTurn:
    """
    Several patterns one after the other, each for its seconds, and again from the first until the end.
    """

    parts: tuple[tuple[Pattern, float], ...]

    def __post_init__(self) -> None:
        """
        Refuse a round that never ends or takes no time.
        """
        for _, seconds in self.parts:
            _require_positive(seconds=seconds)

    def times(self, length: float, seed: str) -> list[float]:
        """
        Return the arrivals of each part in its turn.
        """
        round_length = sum(seconds for _, seconds in self.parts)
        times: list[float] = []
        for turn in range(ceil(length / round_length)):
            start = turn * round_length
            for number, (part, seconds) in enumerate(self.parts):
                times += (start + at for at in part.times(seconds, f"{seed}/{turn}/{number}") if start + at < length)
                start += seconds
        return times


def _poisson(rate: float, length: float, draws: Random) -> list[float]:
    times: list[float] = []
    at = draws.expovariate(rate)
    while at < length:
        times.append(at)
        at += draws.expovariate(rate)
    return times


def _varying(rate: Callable[[float], float], highest: float, length: float, draws: Random) -> list[float]:
    """
    Return arrivals at a rate that changes: those at its highest, each kept with the probability that its moment has.
    """
    return [at for at in _poisson(highest, length, draws) if draws.random() * highest < rate(at)]


def _require_positive(**numbers: float) -> None:
    for name, number in numbers.items():
        if not 0 < number < inf:
            raise ValueError(f"{name} must be above 0 and finite, not {number:g}")


def _require_bounded(**numbers: float) -> None:
    for name, number in numbers.items():
        if not 0 <= number < inf:
            raise ValueError(f"{name} must be at least 0 and finite, not {number:g}")
