"""
Policies: the operator's named rules that turn readings into a decision. Values only; times in seconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import inf

from scaler.domain.choice import Choice
from scaler.domain.economic.params import EconomicParams
from scaler.domain.readings import DEMAND, Signal
from scaler.domain.target import TargetParams


class Missing(Choice):
    """
    What the absence of a signal's reading means for the whole decision.
    """

    REQUIRED = "required"
    """Nothing is decided without it, unless other demand decides; the answer is an error after the bounded hold."""

    OPTIONAL = "optional"
    """It is left out, but while it is unknown the workload does not go to zero."""


class Activation(Choice):
    """
    How many of the demand signals it takes to wake a workload.
    """

    ANY = "any"
    ALL = "all"


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
        if not 0 < self.target < inf:
            raise ValueError(f"a target must be above 0 and finite, not {self.target}")
        if not 0 <= self.off <= self.on < inf:
            raise ValueError(f"thresholds must be 0 <= off <= on and finite, not off={self.off}, on={self.on}")
        if not 0 < self.freshness < inf:
            raise ValueError(f"freshness must be above 0 s and finite, not {self.freshness}")


@dataclass(frozen=True, slots=True)
class Holds:
    """
    How long a workload may stay active without demand, by cause, in seconds. Never without a bound.
    """

    unknown: float = 120.0
    gpu: float = 1800.0
    loading: float = 600.0

    def __post_init__(self) -> None:
        """
        Refuse a hold without a bound.
        """
        if not all(0 <= bound < inf for bound in (self.unknown, self.gpu, self.loading)):
            raise ValueError(f"every hold must last at least 0 s and be bounded: {self}")


Params = TargetParams | EconomicParams
"""The parameters of any kind."""


@dataclass(frozen=True, slots=True)
class Policy:
    """
    A named set of rules.

    `params` are the policy kind's own (its class names the kind, see `kinds.py`); the rest stands above every kind.
    """

    name: str = "default"
    rules: Mapping[Signal, SignalRule] = field(default_factory=dict)
    params: Params = field(default_factory=TargetParams)
    activation: Activation = Activation.ANY
    minimum: int = 0
    maximum: int = 10
    holds: Holds = Holds()

    def __post_init__(self) -> None:
        """
        Refuse a policy that could never wake anything, or whose bounds cross.
        """
        if not DEMAND & set(self.rules):
            raise ValueError("a policy needs a demand signal (queue or requests): a GPU never wakes anything")
        if not 0 <= self.minimum <= self.maximum or self.maximum < 1:
            raise ValueError(f"replicas must be 0 <= min <= max and max >= 1, not {self.minimum} and {self.maximum}")
