"""
What the engine shows of itself to the page and the metrics: snapshots, no behaviour.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol

from scaler.domain.decision import Decision, Phase, Reason, Verdict
from scaler.domain.forecast import Forecast
from scaler.domain.readings import Signal
from scaler.settings.origins import Setting


class Hold(Enum):
    """
    Why a workload stays active without demand; the names of the policy's bounds.
    """

    UNKNOWN = "unknown"
    GPU = "gpu"
    LOADING = "loading"


class WatchMode(Enum):
    """
    How changes on a connection are noticed.
    """

    TRACKING = "tracking"
    POLLING = "polling"


@dataclass(frozen=True, slots=True)
class SignalView:
    """
    Where one signal of a workload comes from.

    Attributes:
        connection: the connection's name.
        asks: what is read there, in words without a credential ("list jobs").
        watch: how closely, in words ("tracking", "polling every 250 ms").
    """

    signal: Signal
    connection: str
    asks: str
    watch: str


@dataclass(frozen=True, slots=True)
class WorkloadView:
    """
    One trigger of a ScaledObject: where it stands. A ScaledObject with several triggers has several views.

    Attributes:
        decision: the decision in force, an unknown one included.
        signals: where each signal comes from, in the order of `Signal`.
        acts: whether the decision is KEDA's answer; it gets an error otherwise, because the policy is in shadow mode.
        shadow: the same trigger under a policy in shadow mode, which is only watched.
        forecast: what comes next by itself; only where one workload is looked at.
    """

    namespace: str
    name: str
    policy: str
    decision: Decision
    signals: tuple[SignalView, ...]
    last_called_seconds_ago: float
    acts: bool = True
    shadow: WorkloadView | None = None
    forecast: Forecast | None = None


@dataclass(frozen=True, slots=True)
class Glance:
    """
    Where a trigger stands, by the decision held: told of many thousands in a few milliseconds.

    Attributes:
        verdict: None before the first decision.
    """

    namespace: str
    name: str
    policy: str
    verdict: Verdict | None
    phase: Phase | None
    replicas: int


@dataclass(frozen=True, slots=True)
class SettingsView:
    """
    The rules that hold for a trigger: its policy with the trigger's own changes.

    Attributes:
        settings: none where the metadata is refused.
        shadow: those of the policy that is only watched.
    """

    policy: str
    settings: Sequence[Setting] = ()
    shadow: SettingsView | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """
    A decision that differed from the one before, and when it was made.
    """

    at: float
    verdict: Verdict
    phase: Phase | None
    replicas: int
    reason: Reason
    sentence: str


@dataclass(frozen=True, slots=True)
class Sample:
    """
    The readings from a time on, until the next sample: of each step of time the highest.

    Attributes:
        values: jobs waiting and in flight, requests per second, the sum of all GPUs' per cent; no series is 0.
        unknown: the signals that were not known.
        replicas: those that were wanted.
    """

    at: float
    values: Mapping[Signal, float]
    unknown: frozenset[Signal]
    replicas: int


@dataclass(frozen=True, slots=True)
class HistoryView:
    """
    What happened to one trigger of a ScaledObject, the oldest first.

    Attributes:
        since: from when on it is known: older things are forgotten, or happened before the scaler started.
        changes: at least one as soon as something was decided; the first may be older than `since`.
        shadow: the same of a policy that is only watched.
    """

    since: float
    changes: tuple[Change, ...] = ()
    samples: tuple[Sample, ...] = ()
    shadow: HistoryView | None = None


@dataclass(frozen=True, slots=True)
class SourceView:
    """
    One connection: whether it answers, and how well.

    Attributes:
        type: the connection's type ("redis").
        up: whether the last read answered.
        last_error: the last trouble in one sentence, None while it is up.
        latency_seconds: how long the last read took, None before the first.
        lateness_seconds: how long after its due time the last read began, None before the first.
    """

    connection: str
    type: str
    up: bool
    mode: WatchMode
    last_error: str | None = None
    last_good_seconds_ago: float | None = None
    reads_total: int = 0
    errors_total: int = 0
    latency_seconds: float | None = None
    lateness_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class ConfigurationView:
    """
    The configuration in force, and what was wrong with a newer one that was refused.

    Attributes:
        loaded_at: when the one in force was loaded, in seconds since 1970 (UTC).
        generation: how many configurations have taken effect.
        errors: "path: message" for every error of the refused one; empty if none was refused since.
    """

    loaded_at: float
    generation: int
    errors: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CountersView:
    """
    What the engine has counted since it started.
    """

    decisions_total: Mapping[Reason, int] = field(default_factory=dict)
    holds_expired_total: Mapping[Hold, int] = field(default_factory=dict)


class Views(Protocol):
    """
    What the HTTP server asks of the engine. Every sequence is a copy, in a stable order.
    """

    def workloads(self) -> Sequence[WorkloadView]:
        """
        Return every workload by namespace and name, the triggers of one in the order in which they were first seen.
        """
        ...

    def workload(self, namespace: str, name: str) -> Sequence[WorkloadView]:
        """
        Return the views of one ScaledObject's triggers with what comes next, none if it is not known.
        """
        ...

    def glances(self) -> Sequence[Glance]:
        """
        Return what is quickly told of every workload, in the order of `workloads`.
        """
        ...

    def settings(self, namespace: str, name: str) -> Sequence[SettingsView]:
        """
        Return the effective policies of one ScaledObject's triggers, in the order of `workload`.
        """
        ...

    def histories(self, namespace: str, name: str) -> Sequence[HistoryView]:
        """
        Return what happened to one ScaledObject's triggers, in the order of `workload`.
        """
        ...

    def sources(self) -> Sequence[SourceView]:
        """
        Return every connection by name.
        """
        ...

    def configuration(self) -> ConfigurationView:
        """
        Return what is in force.
        """
        ...

    def document(self) -> Sequence[Setting]:
        """
        Return what the configuration in force says, and what it leaves to its defaults; never a secret.
        """
        ...

    def counters(self) -> CountersView:
        """
        Return what was counted, as a copy.
        """
        ...

    def now(self) -> float:
        """
        Return the time on the clock of the decisions and readings.
        """
        ...
