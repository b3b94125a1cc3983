"""
KEDA's stock triggers, as they answer.
"""

from __future__ import annotations

from collections.abc import Sequence

from loadgen.simulation.collectors import Collectors
from loadgen.simulation.jobs import Jobs
from loadgen.simulation.keda import Answer
from loadgen.simulation.scaling import Measure, Prometheus, RabbitMQ, Redis, Stock, Trigger
from loadgen.simulation.world import Place


class StockTriggers:
    """
    The triggers of a stock ScaledObject. None of them pushes.
    """

    def __init__(self, scaling: Stock, jobs: Jobs, collectors: Collectors) -> None:
        self._triggers = scaling.triggers
        self._jobs, self._collectors = jobs, collectors

    def ask(self) -> Sequence[Answer | None]:
        """
        Return what each trigger says now; None for an error.
        """
        return [self._answer(trigger) for trigger in self._triggers]

    def open_stream(self) -> bool:
        """
        There is nothing to listen to, and nothing to retry.
        """
        return True

    def close_stream(self) -> None:
        """
        There is nothing to hang up.
        """

    def _answer(self, trigger: Trigger) -> Answer | None:
        if isinstance(trigger, Prometheus):
            return self._queried(trigger)
        if self._collectors.away(Place.QUEUE):
            return None
        match trigger:
            case Redis(list_length, activation):
                return _compared(self._jobs.waiting, list_length, activation)
            case RabbitMQ(value, activation, exclude_unacknowledged):
                unacknowledged = 0 if exclude_unacknowledged else self._jobs.in_flight
                return _compared(self._jobs.waiting + unacknowledged, value, activation)

    def _queried(self, trigger: Prometheus) -> Answer | None:
        if self._collectors.away(Place.PROMETHEUS):
            return None
        value = self._measured(trigger)
        if value is None:
            if not trigger.ignore_null_values:
                return None
            value = 0.0
        return _compared(value, trigger.threshold, trigger.activation_threshold)

    def _measured(self, trigger: Prometheus) -> float | None:
        match trigger.measure:
            case Measure.REQUESTS:
                return self._collectors.rate(trigger.window)
            case Measure.QUEUE:
                return self._collectors.waiting()
            case Measure.GPU:
                gpus = self._collectors.gpus()
                return sum(gpu.percent for gpu in gpus) if gpus else None


def _compared(value: float, target: float, activation: float) -> Answer:
    return Answer(active=value > activation, value=value, target=target)
