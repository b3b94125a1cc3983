"""
What can be learned from series of samples, without asking anybody. Times in seconds.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import inf
from random import Random

Samples = Sequence[tuple[float, float]]
"""(time, value), times rising."""


@dataclass(frozen=True, slots=True)
class Series:
    """
    One series of a range.
    """

    labels: Mapping[str, str]
    samples: Samples


def growth(series: Iterable[Series], start: float, step: float) -> dict[float, float]:
    """
    Return by how much some counters grew together up to each sample's time.

    A counter that falls was set to zero in between, and one that appears later than the range does counted from zero:
    the replicas of a workload come and go, and what each of them counted first must not be lost.
    """
    grown: dict[float, float] = {}
    for each in series:
        for at, more in _growth(each.samples, start, step):
            grown[at] = grown.get(at, 0.0) + more
    return dict(sorted(grown.items()))


def total(series: Iterable[Series]) -> dict[float, float]:
    """
    Return the sum of some gauges at each sample's time.
    """
    sums: dict[float, float] = {}
    for each in series:
        for at, value in each.samples:
            sums[at] = sums.get(at, 0.0) + value
    return dict(sorted(sums.items()))


def came(done: Mapping[float, float], present: Mapping[float, float]) -> dict[float, float]:
    """
    Return how many jobs came up to each time: those that were done, and by how many more are present than before.
    """
    arrived: dict[float, float] = {}
    times = sorted({*done, *present})
    before: float | None = None
    owed = 0.0
    for at in times:
        now = present.get(at, 0.0)
        owed += done.get(at, 0.0) + (0.0 if before is None else now - before)
        before = now
        # The two are not read at one moment: what seems to go away comes back with the next sample.
        if owed > 0:
            arrived[at] = owed
            owed = 0.0
    return arrived


def moments(counts: Mapping[float, float], step: float, seed: str) -> list[float]:
    """
    Return a moment for each job: drawn evenly from the *step* seconds before the time at which it was first counted.
    """
    draws = Random(seed)
    found: list[float] = []
    rest = 0.0
    for at, count in sorted(counts.items()):
        whole = int(rest + count + 0.5)
        rest += count - whole
        found += (at - draws.random() * step for _ in range(whole))
    return sorted(found)


def area(counts: Mapping[float, float]) -> float:
    """
    Return a gauge's sum over the time of its samples, each holding until the next.
    """
    return sum(value * (later - at) for (at, value), (later, _) in pairwise(sorted(counts.items())))


def drawn(bounds: Mapping[float, float], mean: float, count: int, seed: str) -> list[float]:
    """
    Return so many values as a histogram has them: *bounds* are upper bounds with how many lie at or below each.

    Within a bucket they are drawn evenly, above the last bound up to twice as high; then all are scaled so that their
    mean is *mean*, which the histogram knows better than its buckets.
    """
    buckets = _buckets(bounds)
    if not buckets:
        return []
    draws = Random(seed)
    chosen = draws.choices(buckets, weights=[share for _, _, share in buckets], k=count)
    values = [low + draws.random() * (high - low) for low, high, _ in chosen]
    scale = mean * count / sum(values) if sum(values) else 1.0
    return [value * scale for value in values]


def _growth(samples: Samples, start: float, step: float) -> Iterable[tuple[float, float]]:
    if not samples:
        return
    first, value = samples[0]
    if first > start + step / 2:
        yield first, value
    for (_, before), (at, now) in pairwise(samples):
        yield at, now - before if now >= before else now


def _buckets(bounds: Mapping[float, float]) -> list[tuple[float, float, float]]:
    found: list[tuple[float, float, float]] = []
    low, below = 0.0, 0.0
    for high, counted in sorted(bounds.items()):
        if counted > below:
            found.append((low, low * 2 if high == inf else high, counted - below))
        low, below = high, max(below, counted)
    return found
