"""
Jobs as pairs of numbers, and what can be done to all of them: cut, sped up, thinned, laid over one another.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from heapq import merge
from random import Random

Jobs = list[tuple[float, float]]
"""(arrival, service): seconds from the start, and seconds of work for one replica; arrivals never fall."""


def window(jobs: Sequence[tuple[float, float]], start: float, end: float) -> Jobs:
    """
    Return the jobs that arrive in [start, end), their times counted from *start*.
    """
    return [(arrival - start, service) for arrival, service in jobs if start <= arrival < end]


def faster(jobs: Iterable[tuple[float, float]], factor: float) -> Jobs:
    """
    Return the same jobs, *factor* times as close to each other; each takes as long as before.
    """
    return [(arrival / factor, service) for arrival, service in jobs]


def thinned(jobs: Iterable[tuple[float, float]], share: float, seed: str) -> Jobs:
    """
    Return about that share (0 to 1) of the jobs, each kept or not by a draw of its own.
    """
    draws = Random(seed)
    return [job for job in jobs if draws.random() < share]


def overlaid(*several: Sequence[tuple[float, float]]) -> Jobs:
    """
    Return all jobs of several lists in the order of their arrival.
    """
    return list(merge(*several))
