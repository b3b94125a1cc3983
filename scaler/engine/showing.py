"""
What the engine shows: views for the page, the metrics and `explain`, made when somebody looks.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from scaler.domain.decide import decide
from scaler.domain.decision import Decision, Reason, Verdict
from scaler.domain.forecast import forecast
from scaler.domain.readings import Signal
from scaler.engine.engine import Engine
from scaler.engine.history import Archive, History
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
        return self._engine.record.counters()

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
            return _refused(workload, plan, now)
        shadow = workload.shadow
        present, _ = decide(plan.policy, workload.observations, workload.state, now)
        held = present if workload.decision is None or workload.overdue(now) else workload.decision
        same = (present.verdict, present.replicas, present.phase) == (held.verdict, held.replicas, held.phase)
        return WorkloadView(
            namespace=workload.caller.namespace,
            name=workload.caller.name,
            policy=plan.policy.name,
            decision=present if same else replace(held, wants=present.wants),
            signals=tuple(self._signal(signal, plan) for signal in Signal if signal in plan.asks),
            last_called_seconds_ago=now - workload.last_called,
            acts=plan.acts,
            shadow=None if shadow is None else self._view(shadow, shadow.plan, now, ahead=ahead),
            forecast=forecast(plan.policy, workload.observations, workload.state, now) if ahead else None,
        )

    def _signal(self, signal: Signal, plan: Plan) -> SignalView:
        ask = plan.asks[signal]
        return SignalView(signal, ask.connection, ask.text, self._engine.switchboard.how(ask.question))


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


def _refused(workload: Workload, error: MetadataError, now: float) -> WorkloadView:
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
    return WorkloadView(caller.namespace, caller.name, "", decision, (), now - workload.last_called)


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
    )
