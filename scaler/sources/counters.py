"""
Counters: how fast they grow, over several targets that come and go, from readings taken now and then.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable, Mapping
from math import isfinite

from scaler.sources.series import Series

WINDOW = 15.0
"""
Seconds that a rate looks back, where readings are closer together than that.

One request between two readings that are a second apart is not a rate of one per second. Demand shows at once all the
same: the first request makes the rate positive.
"""

SHORTEST = 0.5
"""Seconds between two readings at least that say something about a rate."""

_Labels = frozenset[tuple[str, str]]


class _Target:
    """
    What the counters at one target have grown by since it was first seen.
    """

    def __init__(self) -> None:
        self._values: Mapping[_Labels, float] = {}
        self._grown = 0.0
        self._history: deque[tuple[float, float]] = deque()

    def see(self, values: Mapping[_Labels, float], began: float, at: float) -> None:
        if self._history and began < self._history[-1][0]:
            return  # it overlaps the reading before: which of them is older is not known
        if self._history:
            self._grown += sum(_increase(self._values.get(labels, 0.0), value) for labels, value in values.items())
        self._values = values
        self._history.append((at, self._grown))
        while len(self._history) > 2 and self._history[1][0] <= at - WINDOW:  # noqa: PLR2004 - a rate takes two
            self._history.popleft()

    def per_second(self) -> float | None:
        if len(self._history) < 2:  # noqa: PLR2004 - a rate takes two
            return None
        (first, before), (last, now) = self._history[0], self._history[-1]
        return (now - before) / max(last - first, SHORTEST)


class Rate:
    """
    The rate of one question, summed over all targets and series.

    A counter that falls was reset, and has grown by what it shows. A series that appears at a known target has grown
    from zero (labelled counters appear with their first request); at a new target it counts from then on.
    """

    def __init__(self) -> None:
        self.seen_at = 0.0
        self._targets: dict[object, _Target] = {}

    def see(self, target: object, series: Iterable[Series], began: float, at: float) -> None:
        """
        Take note of the counters at a target, read between *began* and *at*.

        Raises:
            ValueError: one of them is no counter; nothing of the reading is kept.
        """
        values = {}
        for one in series:
            if not isfinite(one.value) or one.value < 0:
                raise ValueError(f"{one.name} is {one.value:g}, which no counter can be")
            values[frozenset(one.labels.items())] = one.value
        self._targets.setdefault(target, _Target()).see(values, began, at)
        self.seen_at = at

    def keep(self, targets: Collection[object]) -> None:
        """
        Forget the targets that are gone.
        """
        self._targets = {target: counters for target, counters in self._targets.items() if target in targets}

    def per_second(self) -> float | None:
        """
        Return the growth per second; None while no target was seen twice.
        """
        rates = [rate for target in self._targets.values() if (rate := target.per_second()) is not None]
        return sum(rates) if rates else None


def _increase(before: float, now: float) -> float:
    return now - before if now >= before else now
