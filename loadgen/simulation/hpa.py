"""
The HPA's arithmetic for external metrics of type AverageValue, as Kubernetes' controller does it. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import ceil

from loadgen.simulation.scaling import Behaviour, Direction, Select, Step, Unit

Metric = tuple[float, float]
"""A metric's sum, and its target for one replica."""


class Hpa:
    """
    One HorizontalPodAutoscaler: what it recommended and changed before, and the replicas it wants now.
    """

    def __init__(self, minimum: int, maximum: int, behaviour: Behaviour) -> None:
        self._minimum = max(1, minimum)
        self._maximum = maximum
        self._up, self._down = behaviour.up, behaviour.down
        self._longest = max(self._up.window, self._down.window)
        self._longest_period = max((step.period for step in (*self._up.steps, *self._down.steps)), default=0.0)
        self._recommended: list[tuple[float, int]] = []
        self._changed: list[tuple[float, int]] = []

    def replicas(self, current: int, metrics: Iterable[Metric], now: float) -> int:
        """
        Return the replicas to have now, with *current* of them wanted; only to be called with at least one.
        """
        if not self._recommended:
            self._recommended.append((now, current))
        recommendation = max(self._proportional(current, value, target) for value, target in metrics)
        wanted = self._limited(self._steady(recommendation, current, now), current, now)
        if wanted != current:
            self._changed = [(at, change) for at, change in self._changed if at > now - self._longest_period]
            self._changed.append((now, wanted - current))
        return wanted

    def _proportional(self, current: int, value: float, target: float) -> int:
        ratio = value / (target * current)
        if 1.0 - self._down.tolerance <= ratio <= 1.0 + self._up.tolerance:
            return current
        return ceil(value / target)

    def _steady(self, recommendation: int, current: int, now: float) -> int:
        """
        Go up to the least recommended in one window, down to the most recommended in the other.
        """
        self._recommended = [(at, replicas) for at, replicas in self._recommended if at > now - self._longest]
        least = most = recommendation
        for at, replicas in self._recommended:
            if at > now - self._up.window:
                least = min(least, replicas)
            if at > now - self._down.window:
                most = max(most, replicas)
        self._recommended.append((now, recommendation))
        return min(max(current, least), most)

    def _limited(self, wanted: int, current: int, now: float) -> int:
        if wanted > current:
            most = max(current, self._most(self._up, current, now))
            return max(min(wanted, most, self._maximum), self._minimum)
        if wanted < current:
            least = min(current, self._least(self._down, current, now))
            return min(max(wanted, least, self._minimum), self._maximum)
        return min(max(wanted, self._minimum), self._maximum)

    def _most(self, rules: Direction, current: int, now: float) -> int:
        if rules.select is Select.DISABLED:
            return current
        proposals = [_raised(step, self._before(step, current, now)) for step in rules.steps]
        return min(proposals) if rules.select is Select.MIN else max(proposals)

    def _least(self, rules: Direction, current: int, now: float) -> int:
        if rules.select is Select.DISABLED:
            return current
        proposals = [_lowered(step, self._before(step, current, now)) for step in rules.steps]
        return max(proposals) if rules.select is Select.MIN else min(proposals)

    def _before(self, step: Step, current: int, now: float) -> int:
        """
        Return the replicas there were when the step's period began.
        """
        return current - sum(change for at, change in self._changed if at > now - step.period)


def _raised(step: Step, before: int) -> int:
    return before + step.value if step.unit is Unit.PODS else ceil(before * (1 + step.value / 100))


def _lowered(step: Step, before: int) -> int:
    return before - step.value if step.unit is Unit.PODS else int(before * (1 - step.value / 100))
