"""
How our scaler reads its sources: what an answer means for what is held of a signal.
"""

from __future__ import annotations

from loadgen.simulation.collectors import Collectors
from loadgen.simulation.jobs import Jobs
from loadgen.simulation.scaling import Reading
from loadgen.simulation.world import Place
from scaler.domain.observed import Observed
from scaler.domain.readings import (
    NOTHING_SEEN,
    Absent,
    GpuUse,
    Known,
    Observation,
    PodUse,
    QueueDepth,
    RequestRate,
    Signal,
    Unknown,
    Value,
)

Answer = Value | str | None
"""A value, why there is none, or None for no series."""


class Readers:
    """
    One source for each signal.
    """

    def __init__(self, reading: Reading, jobs: Jobs, collectors: Collectors) -> None:
        self._reading, self._jobs, self._collectors = reading, jobs, collectors

    def observed(self) -> Observed | None:
        """
        Return the replicas as the cluster shows them; None where nobody may look.
        """
        return self._collectors.observed() if self._reading.observed else None

    def read(self, signal: Signal) -> Answer:
        """
        Return what a signal's source answers now.
        """
        match signal:
            case Signal.QUEUE:
                if self._collectors.away(Place.QUEUE):
                    return "the queue's server cannot be reached"
                return QueueDepth(self._jobs.waiting, self._jobs.in_flight if self._reading.in_flight else None)
            case Signal.REQUESTS:
                if self._collectors.away(Place.PROMETHEUS):
                    return "Prometheus cannot be reached"
                rate = self._collectors.rate(self._reading.rate_window)
                return None if rate is None else RequestRate(rate)
            case Signal.GPU:
                return self._gpus()

    def _gpus(self) -> Answer:
        collectors = self._collectors
        if not self._reading.gpu_lag:
            if collectors.away(Place.EXPORTER):
                return "the GPU exporter cannot be reached"
            samples = collectors.gpus_now()
        elif collectors.away(Place.PROMETHEUS):
            return "Prometheus cannot be reached"
        else:
            samples = collectors.gpus()
        return GpuUse(tuple(PodUse(sample.pod, sample.percent) for sample in samples)) if samples else None


def noted(before: Observation | None, answer: Answer, now: float) -> tuple[Observation, bool]:
    """
    Return what is held of a signal after an answer, and whether that says anything but the same again.

    Trouble leaves the last good sample standing.
    """
    held = before or NOTHING_SEEN
    if isinstance(answer, str):
        since = held.trouble.since if held.trouble is not None and held.trouble.cause == answer else now
        after = Observation(held.good, Unknown(answer, since))
        return after, after.trouble != held.trouble
    after = Observation(Absent(now) if answer is None else Known(answer, now))
    if held.trouble is not None:
        return after, True
    match held.good:
        case Known(value):
            return after, value != answer
        case Absent():
            return after, answer is not None
        case None:
            return after, True
