"""
Signals: what may be believed of each one at a moment, and what follows from all of them together.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from math import inf

from scaler.domain.decision import Phase, Want
from scaler.domain.observed import Observed, Replica
from scaler.domain.outlook import Outlook
from scaler.domain.phases import AWAKE
from scaler.domain.policy import Activation, Missing, Policy, SignalRule
from scaler.domain.readings import (
    DEMAND,
    NOTHING_SEEN,
    Absent,
    GpuUse,
    Known,
    Observation,
    QueueDepth,
    Reading,
    RequestRate,
    Signal,
    Unknown,
)
from scaler.domain.replicas import level, replicas_for
from scaler.domain.state import State
from scaler.domain.wording import reading_text

Observations = Mapping[Signal, Observation]
"""What is held of each signal of a workload."""

SERIES_WITHIN = 120.0
"""Seconds within which a ready pod has series: a few intervals of an exporter, and of who scrapes it."""


@dataclass(frozen=True, slots=True)
class Signals:
    """
    All signals of a policy at one moment, read in the light of the workload's state and of what its cluster shows.
    """

    policy: Policy
    phase: Phase | None
    wants: tuple[Want, ...]
    observed: Observed | None = None

    @classmethod
    def read(
        cls, policy: Policy, seen: Observations, state: State, now: float, observed: Observed | None = None
    ) -> Signals:
        """
        Settle what may be believed of every signal that the policy has a rule for.
        """
        wants = []
        for signal, rule in policy.rules.items():
            observation = seen.get(signal, NOTHING_SEEN)
            reading = observation.reading(rule.freshness, now)
            if isinstance(reading, Absent):
                absence = _guessed if observed is None else partial(_seen, observed)
                reading = absence(rule, reading, policy, state, now)
            wants.append(Want(signal, reading, rule.target, _replicas(rule, reading)))
        return cls(policy, state.phase, tuple(wants), observed)

    @property
    def awake(self) -> bool:
        """Whether the workload has replicas, or is about to."""
        return self.phase in AWAKE

    def demand(self) -> bool | None:
        """
        Tell whether there is work: None if that hangs on something unknown.

        What sleeps wakes above the on-thresholds, of any signal or of all as the policy says. What is awake has work
        until every signal is at or below its off-threshold. An optional signal that is unknown is left out.
        """
        answers = [self._has_work(want) for want in self.wants if want.signal in DEMAND and not self._left_out(want)]
        if not answers:
            return None
        if self.policy.activation is Activation.ALL and not self.awake:
            return _all(answers)
        return _any(answers)

    @property
    def something_unknown(self) -> bool:
        """Whether any signal is unknown."""
        return any(isinstance(want.reading, Unknown) for want in self.wants)

    @property
    def required_unknown(self) -> bool:
        """Whether a required signal is unknown."""
        return any(isinstance(want.reading, Unknown) and not self._left_out(want) for want in self.wants)

    @property
    def in_flight(self) -> int | None:
        """How many jobs are in flight, if that is known."""
        return next((value.in_flight for value in self._values() if isinstance(value, QueueDepth)), None)

    @property
    def pods(self) -> int:
        """How many of the workload's pods have GPU readings."""
        return max(
            (len({use.pod for use in value.pods}) for value in self._values() if isinstance(value, GpuUse)), default=0
        )

    @property
    def replicas(self) -> tuple[Replica, ...]:
        """The workload's pods, as far as its cluster shows them."""
        return () if self.observed is None else self.observed.replicas

    @property
    def ready(self) -> bool:
        """Whether its cluster shows that one of its pods is ready."""
        return self.observed is not None and self.observed.ready_since is not None

    @property
    def silent_until(self) -> float:
        """Until when pods that are ready may yet report for the first time; in the past if none has to."""
        silent = any(
            isinstance(want.reading, Absent) and self.policy.rules[want.signal].at_workload for want in self.wants
        )
        since = None if self.observed is None else self.observed.ready_since
        return -inf if since is None or not silent else since + SERIES_WITHIN

    @property
    def gpu_text(self) -> str:
        """What the GPU reading says, in words."""
        return next((reading_text(want) for want in self.wants if want.signal is Signal.GPU), "no GPU is watched")

    @property
    def gpu_busy(self) -> bool:
        """Whether a pod's GPU is known to compute."""
        return any(
            isinstance(value, GpuUse) and value.highest > self.policy.rules[Signal.GPU].on for value in self._values()
        )

    @property
    def series(self) -> bool:
        """Whether the workload's own pods are known to report something, so that there are pods."""
        return any(
            isinstance(want.reading, Known) and self.policy.rules[want.signal].at_workload for want in self.wants
        )

    @property
    def served(self) -> bool:
        """Whether requests are known to be served, wherever that is counted."""
        return any(isinstance(value, RequestRate) and value.per_second > 0 for value in self._values())

    @property
    def served_at_workload(self) -> bool:
        """Whether the workload's own pods are known to serve requests."""
        rule = self.policy.rules.get(Signal.REQUESTS)
        return rule is not None and rule.at_workload and self.served

    def outlook(self, *, demand: bool, replicas: int, kept: bool, overheld: bool) -> Outlook:
        """
        Return what a policy kind is shown. At least one signal must be known.
        """
        times = [want.reading.at for want in self.wants if not isinstance(want.reading, Unknown)]
        return Outlook(
            wants=self.wants,
            demand=demand,
            busy=self.gpu_busy,
            overheld=overheld,
            replicas=replicas,
            kept=kept,
            maximum=self.policy.maximum,
            seen_from=max(times),
            seen_to=min(times),
            observed=self.observed,
        )

    def stale_at(self, now: float, loaded_at: float) -> float | None:
        """
        Return when the first of the readings is no longer believed: stale, or an absence that loading explains no more.
        """
        times = [
            want.reading.at + self.policy.rules[want.signal].freshness
            for want in self.wants
            if not isinstance(want.reading, Unknown)
        ]
        if now < loaded_at and any(isinstance(want.reading, Absent) for want in self.wants):
            times.append(loaded_at)
        return min(times, default=None)

    def _has_work(self, want: Want) -> bool | None:
        rule = self.policy.rules[want.signal]
        match want.reading:
            case Known(value):
                return level(value) > (rule.off if self.awake else rule.on)
            case Absent():
                return False
            case Unknown():
                return None

    def _left_out(self, want: Want) -> bool:
        return isinstance(want.reading, Unknown) and self.policy.rules[want.signal].missing is Missing.OPTIONAL

    def _values(self) -> Iterable[object]:
        return (want.reading.value for want in self.wants if isinstance(want.reading, Known))


def _guessed(rule: SignalRule, absent: Absent, policy: Policy, state: State, now: float) -> Reading:
    """
    Judge an absence without having seen the pods: normal for what they themselves report while there are none.
    """
    if not rule.at_workload:
        return _no_series(absent)
    loading = not state.series_seen and now - state.woken_at < policy.holds.loading
    if state.phase not in AWAKE or loading:
        return absent
    return Unknown("no series for its pods, although replicas are wanted", absent.at)


def _seen(observed: Observed, rule: SignalRule, absent: Absent, _: Policy, state: State, now: float) -> Reading:
    """
    Judge an absence by the pods that are there: one that has been ready for a while has to report, and goes on with it.

    The pods of what has gone idle may go at any time, and who is about to go need not report.
    """
    if not rule.at_workload:
        return _no_series(absent)
    since = observed.ready_since
    if since is None or state.phase is Phase.IDLE or (now < since + SERIES_WITHIN and not state.series_seen):
        return absent
    return Unknown(f"no series for its pods, although {_are(observed.ready)} ready", absent.at)


def _are(number: int) -> str:
    return "one is" if number == 1 else f"{number} are"


def _no_series(absent: Absent) -> Unknown:
    return Unknown("the source answered, but has no series for it", absent.at)


def _replicas(rule: SignalRule, reading: Reading) -> float | None:
    match reading:
        case Known(value):
            return replicas_for(value, rule.target)
        case Absent():
            return 0.0
        case Unknown():
            return None


def _any(answers: Sequence[bool | None]) -> bool | None:
    return True if True in answers else (None if None in answers else False)


def _all(answers: Sequence[bool | None]) -> bool | None:
    return None if None in answers else all(answers)
