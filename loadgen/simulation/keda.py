"""
KEDA and the HPA at work on one ScaledObject: the poll, the push stream, the HPA's rounds, and what errors do to them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import floor
from random import Random
from typing import Protocol

from loadgen.simulation.agenda import Agenda
from loadgen.simulation.hpa import Hpa, Metric
from loadgen.simulation.pods import ReplicaSet
from loadgen.simulation.scaling import ScaledObject
from loadgen.simulation.timeline import Recorder


@dataclass(frozen=True, slots=True)
class Answer:
    """
    What one trigger says: active or not, its metric's sum, and the metric's target for one replica.
    """

    active: bool
    value: float
    target: float


class Triggers(Protocol):
    """
    The triggers of a ScaledObject.
    """

    def ask(self) -> Sequence[Answer | None]:
        """
        Return what each trigger says now; None for an error.
        """
        ...

    def open_stream(self) -> bool:
        """
        Open the push stream; return whether it could be opened.
        """
        ...

    def close_stream(self) -> None:
        """
        Hang up.
        """
        ...


class Keda:
    """
    Polls, listens and scales.
    """

    def __init__(
        self, settings: ScaledObject, triggers: Triggers, replicas: ReplicaSet, agenda: Agenda, *, known: bool
    ) -> None:
        """
        *known*: whether the ScaledObject has been there for long; else it is made when the simulation begins.
        """
        self.unknown_steps = Recorder()
        self._settings, self._triggers, self._replicas, self._agenda = settings, triggers, replicas, agenda
        self._hpa = Hpa(settings.min_replicas, settings.max_replicas, settings.behaviour)
        self._metric_known = known
        self._last_active: float | None = 0.0 if known and settings.replicas else None
        self._failures: dict[int, int] = {}
        self._listening = False
        self._stream = 0
        self._wait = settings.stream_retry

    def begin(self, rng: Random | None) -> None:
        """
        Begin to poll and to sync: at once, or somewhere in the rhythm that is drawn.
        """
        poll, sync = self._settings.polling_interval, self._settings.sync
        poll_at, sync_at = (rng.uniform(0, poll), rng.uniform(0, sync)) if rng else (0.0, 0.0)
        self._agenda.every(poll_at, poll, self._poll)
        self._agenda.every(sync_at, sync, self._sync)
        if self._metric_known:
            self._agenda.at(0.0, self._listen)

    def pushed(self) -> None:
        """
        Hear that the scaler is active.
        """
        if self._listening and self._metric_known:
            self._activate()

    def stream_broke(self) -> None:
        """
        Open the push stream again, which ended in an error, after a wait that grows.
        """
        if self._listening:
            self._retry()

    def _poll(self) -> None:
        if not self._listening:
            self._listen()
        answers = self._ask()
        settings, current = self._settings, self._replicas.wanted
        error = None in answers
        self._metric_known = self._metric_known or not error
        if any(answer is not None and answer.active for answer in answers):
            self._activate()
        elif error and settings.fallback is not None and settings.fallback.replicas:
            if any(self._fallen_back(index) for index, answer in enumerate(answers) if answer is None):
                self._replicas.scale_to(settings.fallback.replicas)
        elif error and settings.fallback is None:
            return
        elif current < settings.min_replicas:
            self._replicas.scale_to(settings.min_replicas)
        elif current and not settings.min_replicas and self._cooled_down():
            self._replicas.scale_to(0)

    def _activate(self) -> None:
        self._last_active = self._agenda.now
        if not self._replicas.wanted:
            self._replicas.scale_to(max(1, self._settings.min_replicas))

    def _cooled_down(self) -> bool:
        now = self._agenda.now
        if self._last_active is None:
            return now >= self._settings.initial_cooldown_period
        return now - self._last_active >= self._settings.cooldown_period

    def _sync(self) -> None:
        if not self._replicas.wanted:
            return
        metrics: list[Metric] = []
        for index, answer in enumerate(self._ask()):
            if answer is not None:
                metrics.append((_cut(answer.value), answer.target))
            elif self._settings.fallback is not None and self._fallen_back(index):
                metrics.append((float(self._settings.fallback.replicas), 1.0))
            else:
                return
        self._replicas.scale_to(self._hpa.replicas(self._replicas.wanted, metrics, self._agenda.now))

    def _ask(self) -> Sequence[Answer | None]:
        answers = self._triggers.ask()
        for index, answer in enumerate(answers):
            self._failures[index] = self._failures.get(index, 0) + 1 if answer is None else 0
        if None in answers:
            self._hang_up()
        self.unknown_steps.note(self._agenda.now, int(None in answers))
        return answers

    def _fallen_back(self, index: int) -> bool:
        fallback = self._settings.fallback
        return fallback is not None and self._failures.get(index, 0) > fallback.failure_threshold

    def _listen(self) -> None:
        self._listening = True
        self._wait = self._settings.stream_retry
        self._open(self._stream)

    def _open(self, stream: int) -> None:
        if stream == self._stream and self._listening and not self._triggers.open_stream():
            self._retry()

    def _retry(self) -> None:
        self._agenda.at(self._agenda.now + self._wait, self._open, self._stream)
        self._wait = min(self._wait * 2, self._settings.stream_retry_most)

    def _hang_up(self) -> None:
        # After an error KEDA builds its scalers anew at the next poll, which takes the push stream away until then.
        self._listening = False
        self._stream += 1
        self._triggers.close_stream()


def _cut(value: float) -> float:
    """
    Cut a metric to thousandths, as KEDA does, forgiving what floats lose.
    """
    return floor(value * 1000 + 1e-6) / 1000
