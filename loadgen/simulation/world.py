"""
The world around a scaler: how long pods take to start and to stop, how late metrics are, and what fails when.

Everything is a parameter, so that a sped-up stand-in can be described as well as a cluster. All times in seconds.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from enum import Enum
from math import inf


class Place(Enum):
    """
    What can fail.
    """

    QUEUE = "queue"
    """The broker cannot be reached: nobody reads it, takes a job from it or acknowledges one."""
    PROMETHEUS = "prometheus"
    """Prometheus does not answer, and collects nothing."""
    EXPORTER = "exporter"
    """The GPU exporter is not there to be collected: Prometheus answers, and has no series."""
    SCALER = "scaler"
    """The external scaler does not answer, and forgets what it knew: it restarts."""


@dataclass(frozen=True, slots=True)
class Outage:
    """
    One thing fails from `start` on, until `end`.
    """

    place: Place
    start: float
    end: float

    def __post_init__(self) -> None:
        """
        Refuse an outage that ends before it starts.
        """
        if not 0 <= self.start < self.end:
            raise ValueError(f"an outage must start at 0 s or later and end after that, not {self.start} to {self.end}")


@dataclass(frozen=True, slots=True)
class World:
    """
    All that is not the workload and not the way of scaling it.

    Attributes:
        scheduling: from a pod's creation until it is bound to a node; `image_pull` and `model_load` follow.
        readiness: from the model being loaded until the pod is marked ready (its probe's period, mostly).
        jitter: each of those differs from pod to pod by up to this share, evenly drawn.
        grace: a pod that is to stop takes no more jobs, and has so long to end those it has; then it is killed.
        concurrency: jobs that one pod works on at a time; none slows another down.
        start_delay: from a change of the wanted replicas until pods are created or told to stop.
        queue_look: how often an idle pod looks for a job; 0 for a pod that is handed each job at once.
        deletion_cost: whether idle pods are marked to go first (pod deletion cost); else the newest go.
        gpu_busy: a GPU's use while its pod works, in per cent; at other times it is 0.
        gpu_collection: how often the exporter reads the GPUs; `scrape_interval`: how often Prometheus collects.
        outages: what fails when.
        flap_window: a replica started within so long after one was stopped is a flap.
        aligned: whether KEDA, the HPA and the collectors all begin at 0 with a ScaledObject made at that moment; else
            it has been there for long, and where in their rhythm they are is drawn.
        overtime: the simulation ends so long after the workload's span, whatever is still waiting.
    """

    scheduling: float = 2.0
    image_pull: float = 8.0
    model_load: float = 75.0
    readiness: float = 5.0
    jitter: float = 0.1
    grace: float = 30.0
    concurrency: int = 1
    start_delay: float = 0.0
    queue_look: float = 0.0
    deletion_cost: bool = False
    gpu_busy: float = 95.0
    gpu_collection: float = 30.0
    scrape_interval: float = 15.0
    outages: tuple[Outage, ...] = ()
    flap_window: float = 300.0
    aligned: bool = False
    overtime: float = 86400.0

    def __post_init__(self) -> None:
        """
        Refuse what cannot be.
        """
        for each in fields(self):
            value = getattr(self, each.name)
            if each.name == "outages":
                continue
            if not 0 <= value < inf:
                raise ValueError(f"world: {each.name} must be at least 0 and finite, not {value}")
        for name in ("concurrency", "gpu_collection", "scrape_interval"):
            if not getattr(self, name) > 0:
                raise ValueError(f"world: {name} must be above 0, not {getattr(self, name)}")
        if self.jitter >= 1:
            raise ValueError(f"world: jitter must be below 1, not {self.jitter}")

    @property
    def cold_start(self) -> float:
        """The usual time from a pod's creation until it is ready."""
        return self.scheduling + self.image_pull + self.model_load + self.readiness

    @property
    def shortest_cold_start(self) -> float:
        """The least time from a pod's creation until it is ready."""
        return self.cold_start * (1 - self.jitter)
