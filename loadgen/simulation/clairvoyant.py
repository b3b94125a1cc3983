"""
What the best possible way of scaling costs, if it knew all arrivals in advance: no policy can go below it.

The bound is the optimum of an easier problem. Time goes in short steps; work is a fluid that all serving pods drain
together; what came within a step is there from its beginning. Of each step only two numbers are kept: how many pods
serve at most, and the work that is left. From the work that was done it follows how many jobs can have been begun, and
so how many must wait: at most as many as were completed, plus those in the hands of serving pods. With equal service
times that is a theorem. With others it supposes that jobs are completed in the order in which they came, which holds
but for a few at a time: the bound is an approximation then.

A start costs a cold start less two steps, because a pod that serves in parts of two steps is counted in both. The best
plan is found by going through the steps with all (pods, work left, cost) that no other is better than.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate
from math import ceil, inf

from loadgen.simulation.workload import Workload
from loadgen.simulation.world import World

_HOUR = 3600.0
_FINENESS = 12
"""Steps in a cold start."""

_MOST_STEPS = 400_000
_MOST_LABELS = 400
"""Plans that are kept for one number of pods; beyond that, neighbours are taken together, the best of both."""

_AFTERWARDS = 20 * _FINENESS
"""Steps that are looked at after the last arrival."""

_ROUNDING = 1e-6

Label = tuple[float, float]
"""The work that is left, and the cost up to now, both in seconds."""


@dataclass(frozen=True, slots=True)
class Bound:
    """
    A cost in GPU-hours that no way of scaling can go below; `exact`: whether that is proven or an approximation.
    """

    cost: float
    exact: bool


@lru_cache(maxsize=64)
def clairvoyant_bound(workload: Workload, world: World, most: int, price: float, given: int = 0) -> Bound:
    """
    Return the bound for at most *most* replicas, of which *given* are there at the beginning, for doing all jobs.
    """
    exact = len(set(workload.services)) <= 1
    if not workload.arrivals:
        return Bound(0.0, exact)
    return Bound(max(_Search(workload, world, most, price, given).cost(), 0.0) / _HOUR, exact)


class _Search:
    def __init__(self, workload: Workload, world: World, most: int, price: float, given: int) -> None:
        # A pod holds its GPU from when it is bound to a node.
        start = (world.cold_start - world.scheduling) * (1 - world.jitter)
        self._delta = max(start / _FINENESS, workload.span / _MOST_STEPS)
        self._start = max(start - 2 * self._delta, 0.0)
        self._price, self._given = price, given
        self._each = world.concurrency * self._delta
        self._concurrency = world.concurrency
        self._most = most * _generations(world)
        self._arrivals = workload.arrivals
        self._work = list(accumulate(workload.services))

    def cost(self) -> float:
        """
        Return the least cost in seconds.
        """
        frontier: list[list[Label]] = [[] for _ in range(self._given)] + [[(0.0, -self._given * self._delta)]]
        came, step, jobs = 0, 0, len(self._arrivals)
        while came < jobs:
            if len(frontier) == 1 and frontier[0][0][0] == 0.0 and len(frontier[0]) == 1:
                step = max(step, int(self._arrivals[came] / self._delta))
            end = (step + 1) * self._delta
            until = bisect_right(self._arrivals, end, came)
            frontier = self._step(frontier, came, until, end)
            came, step = until, step + 1
        for _ in range(_AFTERWARDS):
            if self._complete(frontier) <= self._at_least(frontier):
                break
            step += 1
            frontier = self._step(frontier, came, came, step * self._delta)
        return min(self._complete(frontier), self._at_least(frontier))

    def _step(self, frontier: Sequence[list[Label]], came: int, until: int, end: float) -> list[list[Label]]:
        fresh = self._work[until - 1] - (self._work[came - 1] if came else 0.0) if until > came else 0.0
        scaled = self._scaled([[(left + fresh, cost) for left, cost in labels] for labels in frontier])
        arrived = self._work[until - 1] if until else 0.0
        # How long the last, the last two, … of the step's arrivals are there until its end.
        there = [0.0, *accumulate(end - self._arrivals[job] for job in range(until - 1, came - 1, -1))]
        after = []
        for pods, labels in enumerate(scaled):
            served, held = self._each * pods, self._delta * pods
            moved = []
            for work, cost in labels:
                left = work - served if work > served + _ROUNDING else 0.0
                waited = 0.0
                if left:
                    begun = bisect_right(self._work, arrived - left + _ROUNDING) + self._concurrency * pods
                    if begun < until:
                        waited = max(came - begun, 0) * self._delta + there[min(until - begun, until - came)]
                moved.append((left, cost + held + self._price * waited))
            after.append(_best(moved))
        while len(after) > 1 and not after[-1]:
            after.pop()
        return after

    def _scaled(self, frontier: list[list[Label]]) -> list[list[Label]]:
        """
        Let more pods serve, each for a start, where there is work for them; and let fewer serve, for nothing.
        """
        pods = 0
        while pods < min(len(frontier), self._most):
            useful = [(work, cost + self._start) for work, cost in frontier[pods] if work > self._each * pods]
            if useful:
                if pods + 1 == len(frontier):
                    frontier.append([])
                frontier[pods + 1] = _best(frontier[pods + 1] + useful)
            pods += 1
        for fewer in range(len(frontier) - 2, -1, -1):
            frontier[fewer] = _best(frontier[fewer] + frontier[fewer + 1])
        return frontier

    def _complete(self, frontier: Sequence[list[Label]]) -> float:
        return min((cost for labels in frontier for left, cost in labels if left == 0.0), default=inf)

    def _at_least(self, frontier: Sequence[list[Label]]) -> float:
        """
        Return the least that the plans which have work left can still come to.
        """
        return min(
            (
                cost + left / self._concurrency + (0.0 if pods else self._start)
                for pods, labels in enumerate(frontier)
                for left, cost in labels
                if left
            ),
            default=inf,
        )


def _best(labels: list[Label]) -> list[Label]:
    """
    Keep what nothing else is better than, in order of the work left.
    """
    labels.sort()
    kept: list[Label] = []
    cheapest = inf
    for label in labels:
        if label[1] < cheapest:
            cheapest = label[1]
            kept.append(label)
    while len(kept) > _MOST_LABELS:
        kept = _joined(kept)
    return kept


def _joined(labels: list[Label]) -> list[Label]:
    """
    Take neighbours together, as a plan that is as good as the better of both in each respect.
    """
    pairs = [(labels[at][0], labels[at + 1][1]) for at in range(1, len(labels) - 1, 2)]
    return [labels[0], *pairs, *labels[1 + 2 * len(pairs) :]]


def _generations(world: World) -> int:
    """
    Return how many times the replicas can serve at once: pods that end their jobs serve beside those that came after.

    A pod that serves now was wanted at some moment of the last grace period; in one that is shorter than a cold start
    all of them were wanted at its beginning.
    """
    if world.grace <= world.shortest_cold_start:
        return 1
    return ceil(world.grace / world.shortest_cold_start) if world.shortest_cold_start else _MOST_STEPS
