"""
What the engine shows: views for the page, the metrics and `explain`, made when somebody looks.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from scaler.domain.decide import decide
from scaler.domain.decision import Decision, Reason, Verdict, Want
from scaler.domain.forecast import forecast
from scaler.domain.readings import NOTHING_SEEN, Absent, Known, Reading, Signal
from scaler.engine.engine import Engine
from scaler.engine.history import Archive, History
from scaler.engine.observing import Observer
from scaler.engine.plan import Plan
from scaler.engine.roster import Workload
from scaler.engine.switchboard import Line
from scaler.engine.views import (
    ConfigurationView,
    CountersView,
    Glance,
    HistoryView,
    SettingsView,
    SignalView,
    SourceView,
    WorkloadView,
)
from scaler.engine.workload import MetadataError
from scaler.settings.document import Document
from scaler.settings.origins import Setting, origins, whole

_PORTION = 100  # workloads that are looked at in one go: a millisecond


class Showing:
    """
    The views of one engine (the shape `Views`).

    Attributes:
        in_force: the configuration that the engine works under; who reloads it puts it here.
    """

    def __init__(self, engine: Engine, in_force: ConfigurationView) -> None:
        self.in_force = in_force
        self._engine = engine

    def workloads(self) -> Sequence[WorkloadView]:
        """
        Return every workload by namespace and name, its triggers in the order in which they were first seen.
        """
        return self._views(sorted(self._engine.roster, key=_by_name))

    async def gauges(self) -> Sequence[WorkloadView]:
        """
        Return the numbers of every workload, in the order of `workloads`, and let calls be answered in between.
        """
        ordered = sorted(self._engine.roster, key=lambda workload: (workload.caller.namespace, workload.caller.name))
        shown: list[WorkloadView] = []
        for first in range(0, len(ordered), _PORTION):
            now = self.now()
            shown += [self._gauge(workload, now) for workload in ordered[first : first + _PORTION]]
            await asyncio.sleep(0)
        return shown

    def workload(self, namespace: str, name: str) -> Sequence[WorkloadView]:
        """
        Return the views of one ScaledObject's triggers with what comes next, none if it is not known.
        """
        return self._views(self._engine.roster.named(namespace, name), ahead=True)

    def glances(self) -> Sequence[Glance]:
        """
        Return what is quickly told of every workload, in the order of `workloads`.
        """
        return [_glance(workload) for workload in sorted(self._engine.roster, key=_by_name)]

    def settings(self, namespace: str, name: str) -> Sequence[SettingsView]:
        """
        Return the effective policies of one ScaledObject's triggers, in the order of `workload`.
        """
        return [_settings(self._engine.document, each) for each in self._engine.roster.named(namespace, name)]

    def histories(self, namespace: str, name: str) -> Sequence[HistoryView]:
        """
        Return what happened to one ScaledObject's triggers, in the order of `workload`.
        """
        return [_history(workload, self._engine.archive) for workload in self._engine.roster.named(namespace, name)]

    def sources(self) -> Sequence[SourceView]:
        """
        Return every connection by name.
        """
        now = self.now()
        return [_source(name, line, now) for name, line in sorted(self._engine.switchboard.lines.items())]

    def configuration(self) -> ConfigurationView:
        """
        Return what is in force.
        """
        return self.in_force

    def document(self) -> Sequence[Setting]:
        """
        Return what the configuration in force says, and what it leaves to its defaults; never a secret.
        """
        return whole(self._engine.document)

    def counters(self) -> CountersView:
        """
        Return what was counted, as a copy.
        """
        return replace(self._engine.record.counters(), wakes=self._engine.wakes.took.durations())

    def now(self) -> float:
        """
        Return the time on the clock of the decisions and readings.
        """
        return asyncio.get_running_loop().time()

    def _views(self, workloads: Sequence[Workload], *, ahead: bool = False) -> list[WorkloadView]:
        now = self.now()
        return [self._view(workload, workload.plan, now, ahead=ahead) for workload in workloads]

    def _view(self, workload: Workload, plan: Plan | MetadataError, now: float, *, ahead: bool) -> WorkloadView:
        """
        Show the decision in force, with the readings and the sentence as they are at this moment.
        """
        if isinstance(plan, MetadataError):
            return _refused(workload, plan, now, self._engine.observer)
        caller, shadow = workload.caller, workload.shadow
        sighting = self._engine.observer.sighting(caller.namespace, caller.name)
        first = workload.state.phase is None
        pending = self._engine.observer.pending_for(caller, sighting.observed, first=first)
        present, _ = decide(plan.policy, workload.observations, workload.state, now, sighting.observed, pending)
        held = present if workload.decision is None or workload.overdue(now) else workload.decision
        same = (present.verdict, present.replicas, present.phase) == (held.verdict, held.replicas, held.phase)
        return WorkloadView(
            namespace=caller.namespace,
            name=caller.name,
            policy=plan.policy.name,
            kind=plan.kind_text,
            decision=present if same else replace(held, wants=present.wants),
            signals=tuple(self._signal(signal, plan) for signal in Signal if signal in plan.asks),
            last_called_seconds_ago=now - workload.last_called,
            expired=workload.expired,
            acts=plan.acts,
            shadow=None if shadow is None else self._view(shadow, shadow.plan, now, ahead=ahead),
            forecast=forecast(plan.policy, workload.observations, workload.state, now, sighting.observed, pending)
            if ahead
            else None,
            sighting=sighting,
        )

    def _gauge(self, workload: Workload, now: float) -> WorkloadView:
        """
        Show the decision in force with its readings as they are now.

        A sleeper that only hears the same again is not decided about anew, and need not be here.
        """
        plan, held = workload.plan, workload.decision
        if isinstance(plan, MetadataError) or held is None or workload.overdue(now):
            return self._view(workload, plan, now, ahead=False)
        wants = tuple(again for want in held.wants if (again := _again(want, workload, plan, now)) is not None)
        if len(wants) < len(held.wants):
            return self._view(workload, plan, now, ahead=False)
        return WorkloadView(
            namespace=workload.caller.namespace,
            name=workload.caller.name,
            policy=plan.policy.name,
            kind=plan.kind_text,
            decision=held if wants == held.wants else replace(held, wants=wants),
            signals=(),
            last_called_seconds_ago=now - workload.last_called,
            expired=workload.expired,
            acts=plan.acts,
        )

    def _signal(self, signal: Signal, plan: Plan) -> SignalView:
        ask = plan.asks[signal]
        return SignalView(signal, ask.connection, ask.text, self._engine.switchboard.how(ask.question))


def _again(want: Want, workload: Workload, plan: Plan, now: float) -> Want | None:
    """
    Return a signal's part in a decision with its reading as it is now; None if that says anything else.
    """
    rule = plan.policy.rules.get(want.signal)
    if rule is None:
        return None
    reading = workload.observations.get(want.signal, NOTHING_SEEN).reading(rule.freshness, now)
    if reading is want.reading:
        return want
    return Want(want.signal, reading, want.target, want.replicas) if _alike(reading, want.reading) else None


def _alike(one: Reading, other: Reading) -> bool:
    if isinstance(one, Known) and isinstance(other, Known):
        return one.value == other.value
    return isinstance(one, Absent) and isinstance(other, Absent)


def _by_name(workload: Workload) -> tuple[str, str]:
    return workload.caller.namespace, workload.caller.name


def _glance(workload: Workload) -> Glance:
    decision, caller = workload.decision, workload.caller
    policy = "" if isinstance(workload.plan, MetadataError) else workload.plan.policy.name
    if decision is None:
        return Glance(caller.namespace, caller.name, policy, None, None, 0)
    return Glance(caller.namespace, caller.name, policy, decision.verdict, decision.phase, decision.replicas)


def _settings(document: Document, workload: Workload) -> SettingsView:
    plan = workload.plan
    if isinstance(plan, MetadataError):
        return SettingsView("")
    name, shadow = plan.policy.name, workload.shadow
    watched = None if shadow is None else _settings(document, shadow)
    return SettingsView(name, origins(document, workload.caller.metadata, name), watched)


def _refused(workload: Workload, error: MetadataError, now: float, observer: Observer) -> WorkloadView:
    """
    Show a workload whose metadata has no meaning under the present configuration.
    """
    state = workload.state
    decision = Decision(
        verdict=Verdict.UNKNOWN,
        replicas=0,
        phase=state.phase,
        reason=Reason.UNKNOWN,
        sentence=f"its trigger's metadata is refused: {error}",
        wants=(),
        at=now,
        since=workload.asked_at if state.phase is None else state.since,
        recheck_at=None,
    )
    caller = workload.caller
    return WorkloadView(
        namespace=caller.namespace,
        name=caller.name,
        policy="",
        kind="",
        decision=decision,
        signals=(),
        last_called_seconds_ago=now - workload.last_called,
        expired=workload.expired,
        sighting=observer.sighting(caller.namespace, caller.name),
    )


def _history(workload: Workload, archive: Archive) -> HistoryView:
    """
    Show what happened to a workload: of one that never changed, what is known of it since it was first decided about.
    """
    shadow = None if workload.shadow is None else _history(workload.shadow, archive)
    if workload.decision is None or not archive.seconds:
        return HistoryView(workload.asked_at, shadow=shadow)
    history = workload.history or History(workload.decision, archive.step)
    changes = history.changes()
    since = max(changes[0].at, asyncio.get_running_loop().time() - archive.seconds)
    return HistoryView(since, changes, history.samples(), shadow)


def _source(name: str, line: Line, now: float) -> SourceView:
    status = line.poller.status()
    up = status.failing_since is None
    return SourceView(
        connection=name,
        type=line.settings.type,
        up=up,
        mode=status.mode,
        last_error=None if up else status.last_error,
        last_good_seconds_ago=None if status.last_good is None else max(0.0, now - status.last_good),
        reads_total=status.reads,
        errors_total=status.errors,
        latency_seconds=status.latency,
        lateness_seconds=status.lateness,
        latencies=status.latencies,
        latenesses=status.latenesses,
        skipped_total=status.skipped,
    )
