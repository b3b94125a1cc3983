"""
Growing: whether another replica saves more waiting, within a cold start or two, than it costs.

The queue is taken as a fluid: jobs flow in at the expected rate, and every ready replica drains it.
"""

from __future__ import annotations

from dataclasses import dataclass

_STEPS = 8


@dataclass(frozen=True, slots=True)
class Prospect:
    """
    What is to be expected of a queue. Times in seconds.

    Attributes:
        waiting: the jobs that wait now; `rate`: those that will come a second.
        replicas: those that are wanted now; `ready`: those of them that are ready.
        cold_start, service: how long a start and a job take.
        price: what a second of waiting costs, in seconds of a replica.
    """

    waiting: int
    rate: float
    replicas: int
    ready: int
    cold_start: float
    service: float
    price: float

    def best(self, most: int) -> int:
        """
        Return the replicas that cost least: at least those that are there, at most *most*; the fewest among equals.
        """
        left, common = self._until_ready()
        best, least = self.replicas, self._cost(self.replicas, left, common)
        for replicas in range(self.replicas + 1, most + 1):
            if (replicas - self.replicas) * self.cold_start + self.price * common >= least:
                break
            cost = self._cost(replicas, left, common)
            if cost < least:
                best, least = replicas, cost
        return best

    @property
    def left_when_ready(self) -> float:
        """The jobs that will wait when a replica that is started now is ready."""
        return self._until_ready()[0]

    def _until_ready(self) -> tuple[float, float]:
        half = self.cold_start / 2
        left, first = self._drained(float(self.waiting), self.ready, half)
        left, second = self._drained(left, self.replicas, half)
        return left, first + second

    def _cost(self, replicas: int, left: float, common: float) -> float:
        rest, area = self._drained(left, replicas, self.cold_start)
        afterwards = rest * rest * self.service / (2 * replicas)
        return (replicas - self.replicas) * self.cold_start + self.price * (common + area + afterwards)

    def _drained(self, left: float, servers: int, lasting: float) -> tuple[float, float]:
        """
        Return what is left of so many jobs after a while, and the seconds that they waited, in eight equal steps.

        Between two steps the queue changes evenly; where it would fall below nothing, it is empty from that step on.
        """
        slope = self.rate - servers / self.service
        end = left + slope * lasting
        if slope >= 0 or end >= 0:
            return end, lasting * (left + end) / 2
        step = lasting / _STEPS
        whole = int(left / (-slope * step))
        last = left + slope * step * whole
        return 0.0, step * whole * (left + last) / 2 + step * last / 2
