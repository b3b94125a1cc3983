"""
Policies: the operator's named rules that turn readings into a decision. Values only; times in seconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from math import ceil

from scaler.domain.readings import GpuUse, QueueDepth, RequestRate, Signal, Value

# A quotient that misses a whole number by less than this is that number (0.1 * 3 / 0.1 is 3.0000000000000004).
_ROUNDING = 1e-9


def whole_replicas(load: float) -> int:
    """
    Return the replicas that carry *load*: rounded up, forgiving what floats add.
    """
    return ceil(load - _ROUNDING)


class Missing(Enum):
    """
    What the absence of a signal's reading means for the whole decision.
    """

    REQUIRED = "required"
    """Nothing is decided without it, unless other demand decides; the answer is an error after the bounded hold."""

    OPTIONAL = "optional"
    """It is left out, but while it is unknown the workload does not go to zero."""


class Activation(Enum):
    """
    How many of the demand signals it takes to wake a workload.
    """

    ANY = "any"
    ALL = "all"


class Combine(Enum):
    """
    How the replicas that the signals want become one number.
    """

    MAX = "max"
    SUM = "sum"


@dataclass(frozen=True, slots=True)
class SignalRule:
    """
    How one signal counts.

    Attributes:
        target: what one replica carries: jobs, requests per second, or per cent of a GPU.
        on: demand signals wake above this value; a GPU is busy above it.
        off: demand is quiet at or below this value, once the workload is awake (at most `on`).
        missing: whether nothing may be decided without it.
        freshness: seconds for which a reading stays good.
        at_workload: the workload's own pods report it, so that having no series is normal at zero replicas.
    """

    target: float
    on: float = 0.0
    off: float = 0.0
    missing: Missing = Missing.REQUIRED
    freshness: float = 30.0
    at_workload: bool = False

    def __post_init__(self) -> None:
        """
        Refuse what cannot be meant.
        """
        if not self.target > 0:
            raise ValueError(f"a target must be above 0, not {self.target}")
        if not 0 <= self.off <= self.on:
            raise ValueError(f"thresholds must be 0 <= off <= on, not off={self.off}, on={self.on}")
        if not self.freshness > 0:
            raise ValueError(f"freshness must be above 0 s, not {self.freshness}")


@dataclass(frozen=True, slots=True)
class Holds:
    """
    How long a workload may stay active without demand, by cause, in seconds. Never without a bound.
    """

    unknown: float = 120.0
    gpu: float = 1800.0
    loading: float = 600.0


@dataclass(frozen=True, slots=True)
class TargetParams:
    """
    The parameters of the `target` kind: so much load a replica, and windows against flapping.
    """

    combine: Combine = Combine.MAX
    idle_window: float = 120.0
    stabilization: float = 60.0


@dataclass(frozen=True, slots=True)
class Policy:
    """
    A named set of rules.

    `params` are the policy kind's own (its class names the kind, see `kinds.py`); the rest stands above every kind.
    """

    name: str = "default"
    rules: Mapping[Signal, SignalRule] = field(default_factory=dict)
    params: TargetParams = TargetParams()
    activation: Activation = Activation.ANY
    minimum: int = 0
    maximum: int = 10
    holds: Holds = Holds()

    def __post_init__(self) -> None:
        """
        Refuse a policy that could never wake anything, or whose bounds cross.
        """
        if not set(self.rules) & {Signal.QUEUE, Signal.REQUESTS}:
            raise ValueError("a policy needs a demand signal (queue or requests): a GPU never wakes anything")
        if not 0 <= self.minimum <= self.maximum or self.maximum < 1:
            raise ValueError(f"replicas must be 0 <= min <= max and max >= 1, not {self.minimum} and {self.maximum}")


def level(value: Value) -> float:
    """
    Return the number that a value's thresholds are about: jobs, requests per second, or the busiest pod's per cent.
    """
    match value:
        case QueueDepth():
            return float(value.total)
        case RequestRate():
            return value.per_second
        case GpuUse():
            return value.highest


def load(value: Value, target: float) -> float:
    """
    Return the replicas that a value wants, before bounds. Whole for demand; the GPU's sum is rounded at the end.
    """
    match value:
        case QueueDepth():
            return float(whole_replicas(value.total / target))
        case RequestRate():
            return float(whole_replicas(value.per_second / target))
        case GpuUse():
            return value.total / target
