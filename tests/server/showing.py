"""
A small engine for the HTTP server's tests: it shows what it was told to.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from scaler.domain.decision import Decision, Phase, Reason, Verdict, Want
from scaler.domain.readings import Absent, GpuUse, Known, PodUse, QueueDepth, Reading, RequestRate, Signal, Unknown
from scaler.engine.views import (
    ConfigurationView,
    CountersView,
    Glance,
    HistoryView,
    SettingsView,
    SignalView,
    SourceView,
    WatchMode,
    WorkloadView,
)
from scaler.settings.origins import Setting

NOW = 1000.0
"""The engine's present, in every test."""

WALL = 1_767_225_600.0
"""The same moment for people: 2026-01-01 at midnight, UTC."""

QUEUE = Want(Signal.QUEUE, Known(QueueDepth(waiting=7, in_flight=2), at=998.5), target=3.0, replicas=3.0)
REQUESTS = Want(Signal.REQUESTS, Known(RequestRate(12.0), at=990.0), target=5.0, replicas=3.0)
GPU = Want(Signal.GPU, Known(GpuUse((PodUse("agent-0", 95.0), PodUse("agent-1", 85.0))), at=995.0), 80.0, 2.25)
NO_GPU = Want(Signal.GPU, Absent(at=995.0), target=80.0, replicas=None)


def unknown(want: Want, cause: str = "redis-main refuses the connection") -> Want:
    """
    Return the same signal, not known for ten seconds.
    """
    reading: Reading = Unknown(cause, since=NOW - 10)
    return Want(want.signal, reading, want.target, replicas=None)


def shown(
    namespace: str = "ai",
    name: str = "agent",
    *,
    wants: tuple[Want, ...] = (QUEUE, REQUESTS, GPU),
    replicas: int = 3,
    verdict: Verdict = Verdict.ACTIVE,
    phase: Phase | None = Phase.ACTIVE,
    reason: Reason = Reason.DEMAND,
) -> WorkloadView:
    """
    Return a workload as it may be shown.
    """
    decision = Decision(
        verdict=verdict,
        replicas=replicas,
        phase=phase,
        reason=reason,
        sentence="a sentence for people",
        wants=wants,
        at=NOW - 0.5,
        since=NOW - 90,
        recheck_at=NOW + 30,
    )
    signals = tuple(SignalView(want.signal, "redis-main", "list jobs", "tracking") for want in wants)
    return WorkloadView(namespace, name, "default", decision, signals, last_called_seconds_ago=4.0)


@dataclass
class StagedViews:
    """
    Views as staged, at `NOW`.
    """

    known: list[WorkloadView] = field(default_factory=list)
    connections: list[SourceView] = field(
        default_factory=lambda: [
            SourceView(
                "redis-main",
                "redis",
                up=True,
                mode=WatchMode.TRACKING,
                last_good_seconds_ago=0.5,
                reads_total=10,
                errors_total=1,
                latency_seconds=0.002,
                lateness_seconds=0.001,
            ),
            SourceView("rabbit", "rabbitmq", up=False, mode=WatchMode.POLLING, last_error="refused", reads_total=1),
        ]
    )
    loaded: ConfigurationView = field(default_factory=lambda: ConfigurationView(loaded_at=WALL, generation=2))
    counted: CountersView = field(default_factory=CountersView)
    past: HistoryView = field(default_factory=lambda: HistoryView(since=NOW - 90))
    rules: SettingsView = field(default_factory=lambda: SettingsView("default"))
    said: list[Setting] = field(default_factory=list)
    trouble: Exception | None = None

    def workloads(self) -> Sequence[WorkloadView]:
        """
        Return what is staged.
        """
        return tuple(self.known)

    def workload(self, namespace: str, name: str) -> Sequence[WorkloadView]:
        """
        Return those of one ScaledObject, or raise the trouble that is staged.
        """
        if self.trouble is not None:
            raise self.trouble
        return tuple(view for view in self.known if (view.namespace, view.name) == (namespace, name))

    def glances(self) -> Sequence[Glance]:
        """
        Return what is quickly told of those that are staged.
        """
        return tuple(
            Glance(
                each.namespace,
                each.name,
                each.policy,
                each.decision.verdict,
                each.decision.phase,
                each.decision.replicas,
            )
            for each in self.known
        )

    def settings(self, namespace: str, name: str) -> Sequence[SettingsView]:
        """
        Return the rules that are staged for each of one ScaledObject's triggers.
        """
        return tuple(self.rules for _ in self.workload(namespace, name))

    def document(self) -> Sequence[Setting]:
        """
        Return what is staged.
        """
        return tuple(self.said)

    def histories(self, namespace: str, name: str) -> Sequence[HistoryView]:
        """
        Return what is staged for each of one ScaledObject's triggers.
        """
        return tuple(self.past for _ in self.workload(namespace, name))

    def sources(self) -> Sequence[SourceView]:
        """
        Return what is staged.
        """
        return tuple(self.connections)

    def configuration(self) -> ConfigurationView:
        """
        Return what is staged.
        """
        return self.loaded

    def counters(self) -> CountersView:
        """
        Return what is staged.
        """
        return self.counted

    def now(self) -> float:
        """
        Return the one moment of every test.
        """
        return NOW
