"""
How a workload looks as JSON: everything behind its decision, for people and for `scaler explain`.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from datetime import UTC, datetime
from difflib import get_close_matches
from operator import attrgetter
from typing import Any, TypeVar

from scaler.domain.decision import Want
from scaler.domain.forecast import Forecast
from scaler.domain.readings import Absent, GpuUse, Known, QueueDepth, Reading, RequestRate, Signal, Unknown, Value
from scaler.engine.views import Change, ConfigurationView, Glance, HistoryView, Sample, SignalView, WorkloadView

Json = dict[str, Any]
Entry = TypeVar("Entry", Change, Sample)

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
        "verdict": decision.verdict.value,
        "phase": None if decision.phase is None else decision.phase.value,
        "replicas": decision.replicas,
        "reason": decision.reason.value,
        "sentence": decision.sentence,
        "since": instant(wall - since),
        "since_seconds_ago": _seconds(since),
        "recheck_in_seconds": None if decision.recheck_at is None else max(0.0, _seconds(decision.recheck_at - now)),
        "last_called_seconds_ago": _seconds(view.last_called_seconds_ago),
        "signals": [_signal(want, sources.get(want.signal), now) for want in decision.wants],
        "next": view.forecast and _next(view.forecast, now),
        "acts": view.acts,
        "shadow": None if view.shadow is None else workload(view.shadow, now, wall),
    }


def _next(coming: Forecast, now: float) -> Json:
    decision = coming.decision
    return {
        "in_seconds": _seconds(max(0.0, coming.at - now)),
        "verdict": decision.verdict.value,
        "phase": decision.phase and decision.phase.value,
        "replicas": decision.replicas,
        "sentence": coming.sentence(now),
    }


def history(view: WorkloadView, past: HistoryView, since: float, now: float, wall: float) -> Json:
    """
    Return what happened to a workload as JSON, the oldest first.

    Args:
        view: the workload.
        past: its history.
        since: from when on, on the decision's clock; what held then comes first.
        now: the present on the decision's clock.
        wall: the present in seconds since 1970.
    """

    def moment(at: float) -> Json:
        return {"at": instant(wall - now + at), "seconds_ago": _seconds(now - at)}

    return {
        "namespace": view.namespace,
        "name": view.name,
        "policy": view.policy,
        "known_since": instant(wall - now + past.since),
        "acts": view.acts,
        "changes": [
            {
                **moment(change.at),
                "verdict": change.verdict.value,
                "phase": change.phase and change.phase.value,
                "replicas": change.replicas,
                "reason": change.reason.value,
                "sentence": change.sentence,
            }
            for change in holding_from(past.changes, since)
        ],
        "samples": [
            {
                **moment(sample.at),
                **{signal.value: sample.values.get(signal) for signal in Signal},
                "unknown": sorted(signal.value for signal in sample.unknown),
                "replicas": sample.replicas,
            }
            for sample in holding_from(past.samples, since)
        ],
        "shadow": view.shadow and past.shadow and history(view.shadow, past.shadow, since, now, wall),
    }


def holding_from(entries: Sequence[Entry], since: float) -> Sequence[Entry]:
    """
    Return the entries from a time on, and the one that held at that time.
    """
    return entries[max(0, bisect_right(entries, since, key=attrgetter("at")) - 1) :]


def unknown_workload(namespace: str, name: str, known: Sequence[Glance]) -> str:
    """
    Return a sentence for somebody who asked for a workload that there is not, with the names that come near.
    """
    names = dict.fromkeys(f"{view.namespace}/{view.name}" for view in known)
    near = get_close_matches(f"{namespace}/{name}", names, n=_OFFERED, cutoff=_ALIKE)
    hint = f"did you mean {' or '.join(near)}?" if near else "it is known from KEDA's first call on"
    return f"there is no workload {namespace}/{name}; {hint}"


def instant(wall: float) -> str:
    """
    Write a moment, in seconds since 1970, as programs read it.
    """
    return datetime.fromtimestamp(wall, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


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


def _seconds(seconds: float) -> float:
    return round(seconds, 3)
