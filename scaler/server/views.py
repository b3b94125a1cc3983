"""
How a workload looks as JSON: everything behind its decision, for people and for `scaler explain`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from difflib import get_close_matches
from typing import Any

from scaler.domain.decision import Want
from scaler.domain.readings import Absent, GpuUse, Known, QueueDepth, Reading, RequestRate, Unknown, Value
from scaler.engine.views import ConfigurationView, SignalView, WorkloadView

Json = dict[str, Any]

# How alike two names must be to be taken for one mistyped (difflib's ratio), and how many are offered.
_ALIKE = 0.5
_OFFERED = 3


def workload(view: WorkloadView, now: float, wall: float) -> Json:
    """
    Return a workload as JSON.

    Args:
        view: the workload.
        now: the present on the decision's clock.
        wall: the present in seconds since 1970.
    """
    decision = view.decision
    since = now - decision.since
    sources = {source.signal: source for source in view.signals}
    return {
        "namespace": view.namespace,
        "name": view.name,
        "policy": view.policy,
        "kind": view.kind,
        "verdict": decision.verdict.value,
        "phase": None if decision.phase is None else decision.phase.value,
        "replicas": decision.replicas,
        "reason": decision.reason.value,
        "sentence": decision.sentence,
        "since": _instant(wall - since),
        "since_seconds_ago": _seconds(since),
        "recheck_in_seconds": None if decision.recheck_at is None else max(0.0, _seconds(decision.recheck_at - now)),
        "last_called_seconds_ago": _seconds(view.last_called_seconds_ago),
        "signals": [_signal(want, sources.get(want.signal), now) for want in decision.wants],
    }


def unknown_workload(namespace: str, name: str, known: Sequence[WorkloadView]) -> str:
    """
    Return a sentence for somebody who asked for a workload that there is not, with the names that come near.
    """
    names = dict.fromkeys(f"{view.namespace}/{view.name}" for view in known)
    near = get_close_matches(f"{namespace}/{name}", names, n=_OFFERED, cutoff=_ALIKE)
    hint = f"did you mean {' or '.join(near)}?" if near else "it is known from KEDA's first call on"
    return f"there is no workload {namespace}/{name}; {hint}"


def readiness(configuration: ConfigurationView) -> str:
    """
    Return what a ready scaler says of itself: a refused configuration leaves the old one in force, and it ready.
    """
    errors = configuration.errors
    if not errors:
        return "ready"
    return f"ready; configuration refused: {len(errors)} error{'s' if errors[1:] else ''}: {'; '.join(errors)}"


def _signal(want: Want, source: SignalView | None, now: float) -> Json:
    return {
        "signal": want.signal.value,
        "source": source and source.connection,
        "what": source and source.asks,
        "watched": source and source.watch,
        **_reading(want.reading, now),
        "target": want.target,
        "wants": want.replicas,
    }


def _reading(reading: Reading, now: float) -> Json:
    shown: Json = {"state": "", "value": None, "age_seconds": None, "cause": None, "unknown_seconds": None}
    match reading:
        case Known(value=value, at=at):
            return shown | {"state": "known", "value": _value(value), "age_seconds": _seconds(now - at)}
        case Absent(at=at):
            return shown | {"state": "absent", "age_seconds": _seconds(now - at)}
        case Unknown(cause=cause, since=since):
            return shown | {"state": "unknown", "cause": cause, "unknown_seconds": _seconds(now - since)}


def _value(value: Value) -> Json:
    match value:
        case QueueDepth():
            return {"waiting": value.waiting, "in_flight": value.in_flight}
        case RequestRate():
            return {"per_second": value.per_second}
        case GpuUse():
            return {"pods": [{"pod": use.pod, "percent": use.percent} for use in value.pods], "total": value.total}


def _instant(wall: float) -> str:
    return datetime.fromtimestamp(wall, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _seconds(seconds: float) -> float:
    return round(seconds, 3)
