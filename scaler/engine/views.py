"""
What the engine shows of itself to the page and the metrics: snapshots, no behaviour.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol

from scaler.domain.decision import Decision, Reason
from scaler.domain.readings import Signal


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
    """

    namespace: str
    name: str
    policy: str
    kind: str
    decision: Decision
    signals: tuple[SignalView, ...]
    last_called_seconds_ago: float


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
        Return the views of one ScaledObject's triggers, none if it is not known.
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
