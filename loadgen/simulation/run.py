"""
One run of the simulator, and what it cost.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

from loadgen.simulation.clairvoyant import Bound, clairvoyant_bound
from loadgen.simulation.scaling import Fixed, Scaling
from loadgen.simulation.timeline import Timeline
from loadgen.simulation.workload import Workload
from loadgen.simulation.world import World

_HOUR = 3600.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """
    What a run cost, in plain numbers.

    Attributes:
        price: what an hour that a job waits is worth, in GPU-hours.
        jobs: how many came; `unfinished`: how many were not done when the simulation ended.
        gpu_hours: hours for which pods held a GPU (one each), from their binding to a node until they were gone.
        busy_share: the part of that time in which they worked, lost work included.
        wait_p50, wait_p95, wait_p99, wait_mean: how long a job took beyond its service time, in seconds; work that was
            lost and done again is waiting. Of an unfinished job it is the time until the end.
        wait_hours: all of that together.
        cold_starts: replicas that were started; `wakes`: how often the first of them was wanted at zero.
        flaps: starts of replicas soon after one was stopped.
        killed: jobs cut off by the end of their pod; `lost_hours`: the work that was lost by it.
        zero_hours: hours in which no pod held a GPU.
        cost: `gpu_hours + price * wait_hours`.
        bound: a cost that no way of scaling can go below that ends all jobs, even if it knew all arrivals;
            `bound_exact`: whether that is proven, as it is for equal service times, or an approximation.
    """

    price: float
    jobs: int
    unfinished: int
    gpu_hours: float
    busy_share: float
    wait_p50: float
    wait_p95: float
    wait_p99: float
    wait_mean: float
    wait_hours: float
    cold_starts: int
    wakes: int
    flaps: int
    killed: int
    lost_hours: float
    zero_hours: float
    cost: float
    bound: float
    bound_exact: bool


@dataclass(frozen=True, slots=True)
class Run:
    """
    What happened to a workload.

    Attributes:
        end: when the simulation ended, in seconds: the span is over, and so are the jobs, or the world's overtime.
        waits: of each job in the order of arrival, in seconds: its end less its arrival less its service time.
        unfinished: how many jobs were not done at the end.
        busy_seconds: pod-seconds in which at least one job was worked on; `lost_seconds`: job-seconds of lost work.
    """

    workload: Workload
    scaling: Scaling
    world: World
    seed: int
    end: float
    timeline: Timeline
    waits: tuple[float, ...]
    unfinished: int
    cold_starts: int
    wakes: int
    flaps: int
    killed: int
    busy_seconds: float
    lost_seconds: float

    @property
    def gpu_seconds(self) -> float:
        """Seconds for which pods held a GPU, one each."""
        return self.timeline.pods.area(0.0, self.end)

    def outcome(self, price: float, *, bounded: bool = True) -> Outcome:
        """
        Return what the run cost where an hour of waiting is worth *price* GPU-hours.

        Without *bounded* the bound is 0, which is true and found at once.
        """
        if price < 0:
            raise ValueError(f"the price of waiting must be at least 0, not {price}")
        gpu_seconds, ordered = self.gpu_seconds, sorted(self.waits)
        gpu_hours, wait_hours = gpu_seconds / _HOUR, sum(self.waits) / _HOUR
        bound = Bound(0.0, exact=False)
        if bounded:
            bound = clairvoyant_bound(self.workload, self.world, self.most_replicas, price, self.given)
        return Outcome(
            price=price,
            jobs=len(self.waits),
            unfinished=self.unfinished,
            gpu_hours=gpu_hours,
            busy_share=self.busy_seconds / gpu_seconds if gpu_seconds else 0.0,
            wait_p50=percentile(ordered, 50),
            wait_p95=percentile(ordered, 95),
            wait_p99=percentile(ordered, 99),
            wait_mean=sum(self.waits) / len(self.waits) if self.waits else 0.0,
            wait_hours=wait_hours,
            cold_starts=self.cold_starts,
            wakes=self.wakes,
            flaps=self.flaps,
            killed=self.killed,
            lost_hours=self.lost_seconds / _HOUR,
            zero_hours=self.timeline.pods.zero(0.0, self.end) / _HOUR,
            cost=gpu_hours + price * wait_hours,
            bound=bound.cost,
            bound_exact=bound.exact,
        )

    @property
    def most_replicas(self) -> int:
        """The most replicas that there could have been."""
        return self.scaling.replicas if isinstance(self.scaling, Fixed) else self.scaling.keda.max_replicas

    @property
    def given(self) -> int:
        """The replicas that were there, and ready, at the beginning."""
        if isinstance(self.scaling, Fixed):
            return self.scaling.replicas if self.scaling.warm else 0
        return self.scaling.keda.replicas


def percentile(ordered: Sequence[float], percent: float) -> float:
    """
    Return the value that so many per cent of the values, which must be in order, do not exceed; 0 of none.
    """
    return ordered[max(ceil(len(ordered) * percent / 100) - 1, 0)] if ordered else 0.0
