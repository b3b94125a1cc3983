"""
The GPU exporter and Prometheus: what they have collected, which is always somewhat old.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from loadgen.simulation.agenda import Agenda
from loadgen.simulation.jobs import Jobs
from loadgen.simulation.pods import ReplicaSet
from loadgen.simulation.world import Place, World
from scaler.domain.observed import Observed

_STALE = 300.0
"""Seconds after which Prometheus no longer answers with a sample."""


@dataclass(frozen=True, slots=True)
class GpuSample:
    """
    One pod's GPU: the pod's name, and the use in per cent.
    """

    pod: str
    percent: float


class Collectors:
    """
    What is away (by the schedule of outages), and what was collected when.

    Attributes:
        on_scrape: called when Prometheus has collected.
    """

    def __init__(self, world: World, jobs: Jobs, replicas: ReplicaSet, agenda: Agenda, longest_window: float) -> None:
        self._world, self._jobs, self._replicas, self._agenda = world, jobs, replicas, agenda
        self.on_scrape: Callable[[], None] = _nothing
        self._window = longest_window
        self._exported: tuple[GpuSample, ...] = ()
        self._gpus: tuple[float, tuple[GpuSample, ...]] | None = None
        self._arrivals: deque[tuple[float, int]] = deque()
        self._waiting: tuple[float, int] | None = None

    def begin(self, rng: Random | None) -> None:
        """
        Begin to collect, in a rhythm of its own each.
        """
        exporter, prometheus = self._world.gpu_collection, self._world.scrape_interval
        exported_at, scraped_at = (rng.uniform(0, exporter), rng.uniform(0, prometheus)) if rng else (0.0, 0.0)
        self._agenda.every(exported_at, exporter, self._export)
        self._agenda.every(scraped_at, prometheus, self._scrape)

    def away(self, place: Place) -> bool:
        """
        Tell whether something is away now.
        """
        now = self._agenda.now
        return any(outage.place is place and outage.start <= now < outage.end for outage in self._world.outages)

    def observed(self) -> Observed:
        """
        Return the replicas as the cluster shows them, which is at once.
        """
        return self._replicas.observed()

    def gpus_now(self) -> tuple[GpuSample, ...]:
        """
        Return the GPUs as they are.
        """
        busy = self._world.gpu_busy
        return tuple(GpuSample(pod.name, busy if pod.busy else 0.0) for pod in self._replicas.holding())

    def gpus(self) -> tuple[GpuSample, ...]:
        """
        Return the GPUs as Prometheus has them; none if there is no series.
        """
        if self._gpus is None or self._agenda.now - self._gpus[0] >= _STALE:
            return ()
        return self._gpus[1]

    def waiting(self) -> int | None:
        """
        Return the jobs waiting as Prometheus has them; None if there is no series.
        """
        if self._waiting is None or self._agenda.now - self._waiting[0] >= _STALE:
            return None
        return self._waiting[1]

    def rate(self, window: float) -> float | None:
        """
        Return the jobs that came per second, as `rate` over a window has it; None if there are too few samples.
        """
        since = self._agenda.now - window
        samples = [sample for sample in self._arrivals if sample[0] > since]
        if len(samples) < 2:  # noqa: PLR2004 - a rate is the difference of two
            return None
        (first_at, first), (last_at, last) = samples[0], samples[-1]
        return (last - first) / (last_at - first_at)

    def _export(self) -> None:
        self._exported = self.gpus_now()

    def _scrape(self) -> None:
        now = self._agenda.now
        if self.away(Place.PROMETHEUS):
            return
        self._gpus = (now, () if self.away(Place.EXPORTER) else self._exported)
        if not self.away(Place.QUEUE):
            self._waiting = (now, self._jobs.waiting)
        self._arrivals.append((now, self._jobs.came))
        while self._arrivals and self._arrivals[0][0] <= now - self._window:
            self._arrivals.popleft()
        self.on_scrape()


def _nothing() -> None:
    pass
