"""
The HPA's arithmetic for one external metric of type AverageValue, as Kubernetes' controller does it. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil


@dataclass(frozen=True, slots=True)
class Behaviour:
    """
    The HPA's rules, with Kubernetes' defaults. Times in seconds.

    Attributes:
        tolerance: how far the load may be off what the replicas carry before anything changes, as a share.
        up_factor: how many times the replicas there may be after one `up_period`; `up_pods`: how many more there may
            always be. The larger of both counts.
        down_window: going down follows the largest recommendation of this long.
    """

    tolerance: float = 0.1
    up_factor: float = 2.0
    up_pods: int = 4
    up_period: float = 15.0
    down_window: float = 300.0


class Hpa:
    """
    One HorizontalPodAutoscaler: what it recommended before, and the replicas it wants now.
    """

    def __init__(self, minimum: int, maximum: int, behaviour: Behaviour) -> None:
        self._minimum = max(1, minimum)
        self._maximum = maximum
        self._behaviour = behaviour
        self._recommended: list[tuple[float, int]] = []
        self._changed: list[tuple[float, int]] = []

    def replicas(self, current: int, value: float, target: float, now: float) -> int:
        """
        Return the replicas to have now that the metric's sum is *value*, with *current* of them running.

        Only to be called with at least one running: at none the HPA is off.
        """
        if not self._recommended:
            self._recommended.append((now, current))
        wanted = self._steady(self._proportional(current, value, target), current, now)
        wanted = min(wanted, self._most(current, now), self._maximum)
        wanted = max(wanted, self._minimum)
        if wanted != current:
            self._changed.append((now, wanted - current))
        return wanted

    def _proportional(self, current: int, value: float, target: float) -> int:
        tolerance = self._behaviour.tolerance
        near = 1.0 - tolerance <= value / (target * current) <= 1.0 + tolerance
        return current if near else ceil(value / target)

    def _steady(self, recommendation: int, current: int, now: float) -> int:
        since = now - self._behaviour.down_window
        self._recommended = [(at, replicas) for at, replicas in self._recommended if at > since]
        self._recommended.append((now, recommendation))
        ceiling = max(replicas for _, replicas in self._recommended)
        return max(recommendation, min(current, ceiling))

    def _most(self, current: int, now: float) -> int:
        since = now - self._behaviour.up_period
        self._changed = [(at, change) for at, change in self._changed if at > since]
        before = current - sum(change for _, change in self._changed)
        return max(current, before + self._behaviour.up_pods, ceil(before * self._behaviour.up_factor))
