"""
The forecast: what becomes of a workload by itself, if its readings stay as they are.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from scaler.domain.decide import decide
from scaler.domain.decision import Decision, Phase, Verdict
from scaler.domain.observed import Observed
from scaler.domain.policy import Policy
from scaler.domain.readings import NOTHING_SEEN, Absent, Known, Observation, Reading, Signal, Unknown
from scaler.domain.signals import Observations
from scaler.domain.state import State
from scaler.domain.wording import duration, replicas_text

_STEPS = 20  # whatever a kind remembers, more than a few steps without a change are none that people wait for
_FOR_EVER = 1e9
_LEAST_STEP = 0.001


@dataclass(frozen=True, slots=True)
class Forecast:
    """
    The next decision that differs from the one *before* in its verdict, phase or replicas, and when it is due.
    """

    at: float
    decision: Decision
    before: Decision

    def sentence(self, now: float) -> str:
        """
        Say it: `goes idle in 2 min 10 s unless that changes`.
        """
        return f"{self._what()} in {duration(max(0.0, self.at - now))} unless that changes"

    def _what(self) -> str:
        after, before = self.decision, self.before
        if after.verdict is Verdict.UNKNOWN:
            return "its answer becomes an error"
        if after.phase is Phase.IDLE:
            return "goes idle"
        if after.replicas != before.replicas or before.verdict is Verdict.UNKNOWN:
            return f"wants {replicas_text(after.replicas)}"
        return f"is taken to be {after.phase.value}" if after.phase else "changes"


def forecast(
    policy: Policy, seen: Observations, state: State, now: float, observed: Observed | None = None, pending: str = ""
) -> Forecast | None:
    """
    Return what comes next if every reading is read again as it is *now*; None if nothing does, or not before long.

    It is found by deciding ahead, so it holds for every policy kind.
    """
    readings = {
        signal: seen.get(signal, NOTHING_SEEN).reading(rule.freshness, now) for signal, rule in policy.rules.items()
    }
    lasting = replace(
        policy, rules={signal: replace(rule, freshness=_FOR_EVER) for signal, rule in policy.rules.items()}
    )
    at, (present, state) = now, decide(lasting, _again(readings, now), state, now, observed, pending)
    decision = present
    for _ in range(_STEPS):
        if decision.recheck_at is None or decision.recheck_at >= now + _FOR_EVER:
            return None
        at = max(decision.recheck_at, at + _LEAST_STEP)
        decision, state = decide(lasting, _again(readings, at), state, at, observed, pending)
        if _outcome(decision) != _outcome(present):
            return Forecast(at, decision, present)
    return None


def _again(readings: Mapping[Signal, Reading], at: float) -> Observations:
    """
    Return what is seen if the same is read at another time; what is unknown stays so.
    """
    return {signal: _read(reading, at) for signal, reading in readings.items()}


def _read(reading: Reading, at: float) -> Observation:
    match reading:
        case Known(value):
            return Observation(Known(value, at))
        case Absent():
            return Observation(Absent(at))
        case Unknown():
            return Observation(None, reading)


def _outcome(decision: Decision) -> tuple[object, ...]:
    return decision.verdict, decision.phase, decision.replicas
