"""
How long jobs take, where the arrivals alone are known. Times in seconds.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, log, sqrt
from random import Random
from typing import Protocol


class Service(Protocol):
    """
    What can say how long jobs take.
    """

    def draw(self, draws: Random) -> float:
        """
        Return the seconds of one more job.
        """
        ...


@dataclass(frozen=True, slots=True)
class Fixed:
    """
    Every job takes the same time.
    """

    mean: float

    def __post_init__(self) -> None:
        """
        Refuse a time that means nothing.
        """
        _require(self.mean)

    def draw(self, draws: Random) -> float:  # noqa: ARG002 - nothing is drawn
        """
        Return the time.
        """
        return self.mean


@dataclass(frozen=True, slots=True)
class Exponential:
    """
    Times without memory: many short ones, few long ones.
    """

    mean: float

    def __post_init__(self) -> None:
        """
        Refuse a time that means nothing.
        """
        _require(self.mean)

    def draw(self, draws: Random) -> float:
        """
        Return a time.
        """
        return draws.expovariate(1 / self.mean)


@dataclass(frozen=True, slots=True)
class Lognormal:
    """
    Times whose logarithm is normal, as generation times tend to be; *cv* is standard deviation over mean.
    """

    mean: float
    cv: float

    def __post_init__(self) -> None:
        """
        Refuse a time or a spread that means nothing.
        """
        _require(self.mean)
        if not 0 < self.cv < inf:
            raise ValueError(f"cv must be above 0 and finite, not {self.cv:g}")

    def draw(self, draws: Random) -> float:
        """
        Return a time.
        """
        variance = log(1 + self.cv**2)
        return draws.lognormvariate(log(self.mean) - variance / 2, sqrt(variance))


def _require(mean: float) -> None:
    if not 0 < mean < inf:
        raise ValueError(f"mean must be above 0 s and finite, not {mean:g}")
