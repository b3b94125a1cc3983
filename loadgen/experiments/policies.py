"""
Policies of an experiment: ours behind an external scaler, stock KEDA, or a fixed number of replicas.

Ours is a policy section of the scaler's own document, with the keys and defaults that it has there; those that say
where readings come from may stay in it, and mean nothing here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationInfo, field_validator, model_validator

from loadgen.experiments.scaled_object import ScaledObjectSection, StockSection
from loadgen.experiments.values import Count, Duration, Flag, Interval, Level, Load, Section, Whole
from loadgen.simulation.scaling import (
    OURS_BY_PRICE,
    OURS_BY_THE_CHART,
    Fixed,
    Ours,
    Reading,
    ScaledObject,
    Scaling,
    Stock,
)
from scaler.domain.economic.params import EconomicParams
from scaler.domain.policy import Activation, Holds, Missing, Params, Policy, SignalRule
from scaler.domain.readings import Signal
from scaler.domain.target import Combine, TargetParams

_FRESHNESS = 30.0
"""Seconds: the scaler's own default."""


TARGETS_OWN = frozenset({"combine", "idleWindow", "stabilization"})
ECONOMICS_OWN = frozenset({"waitingPrice", "keepFloor", "kedaCooldown"})
"""What only one of the kinds is told."""


class ReplicasSection(Section):
    """
    The bounds of the desired replicas.
    """

    min: Whole = 0
    max: Count = 10

    @field_validator("max")
    @classmethod
    def _bounded(cls, most: int, info: ValidationInfo) -> int:
        least = info.data.get("min", 0)
        if least > most:
            raise ValueError(f"must be at least min ({least}), not {most}")
        return most


class HoldSection(Section):
    """
    How long a workload may stay active without demand, by cause.
    """

    unknown: Duration = 120.0
    gpu: Duration = 1800.0
    loading: Duration = 600.0


class DemandSection(Section):
    """
    A signal of demand.
    """

    target: Load | None = None
    """For the kind `target`, which needs it; the kind `economic` takes none."""
    activation: Level = 0.0
    quiet: Level = 0.0
    missing: Missing = Missing.REQUIRED
    connection: str | None = None

    @field_validator("quiet")
    @classmethod
    def _below_activation(cls, quiet: float, info: ValidationInfo) -> float:
        activation = info.data.get("activation", quiet)
        if quiet > activation:
            raise ValueError(f"must be at most activation ({activation:g}), not {quiet:g}")
        return quiet

    def rule(self, *, at_workload: bool = False) -> SignalRule:
        """
        Return the domain's rule.
        """
        return SignalRule(self.target or 1.0, self.activation, self.quiet, self.missing, _FRESHNESS, at_workload)


class QueueSection(DemandSection):
    """
    The queue.
    """

    type: str | None = None
    name: str | None = None
    group: str | None = None
    processing: str | None = None
    vhost: str | None = None


class RequestsSection(DemandSection):
    """
    Requests per second.
    """

    query: str | None = None
    metric: str | None = None
    match: Mapping[str, str] | None = None
    measuredAt: Literal["gateway", "workload"] = "gateway"


class GpuSection(Section):
    """
    GPU utilisation of the pods.
    """

    target: Annotated[Load, Field(le=10_000)] = 80.0
    busy: Annotated[Level, Field(le=10_000)] = 10.0
    missing: Missing = Missing.REQUIRED
    connection: str | None = None

    def rule(self) -> SignalRule:
        """
        Return the domain's rule.
        """
        return SignalRule(self.target, self.busy, self.busy, self.missing, _FRESHNESS, at_workload=True)


class ScalerPolicySection(Section):
    """
    A policy as the scaler's document has it.

    Without a kind, and without anything that the kind `target` is told, it is of the kind `economic`.
    """

    kind: Literal["target", "economic"] | None = None
    replicas: ReplicasSection = ReplicasSection()
    activation: Activation = Activation.ANY
    hold: HoldSection = HoldSection()
    queue: QueueSection | None = None
    requests: RequestsSection | None = None
    gpu: GpuSection | None = None
    combine: Combine = Combine.MAX
    idleWindow: Interval = 120.0
    stabilization: Duration = 300.0
    waitingPrice: Annotated[Load, Field(le=1000)] = 1.0
    keepFloor: Annotated[Level, Field(le=1)] = 0.1
    kedaCooldown: Duration | None = None
    """Default: the cooldown that the ScaledObject has here."""

    @model_validator(mode="after")
    def _some_demand(self) -> ScalerPolicySection:
        if self.queue is None and self.requests is None:
            raise ValueError("a policy needs a queue or requests: a GPU never wakes anything")
        return self

    @model_validator(mode="after")
    def _of_its_kind(self) -> ScalerPolicySection:
        if self.economic:
            if self.queue is None or self.requests is not None:
                raise ValueError("a policy of the kind economic goes by a queue, and by no requests")
            self._refuse(TARGETS_OWN)
            if self.queue.target is not None:
                raise ValueError("queue.target is for the kind target; the kind economic learns what a replica carries")
            return self
        self._refuse(ECONOMICS_OWN)
        for name, section in (("queue", self.queue), ("requests", self.requests)):
            if section is not None and section.target is None:
                raise ValueError(f"{name}.target is required by a policy of the kind target")
        return self

    @property
    def economic(self) -> bool:
        """
        Whether it is of the kind `economic`: said, or followed from naming nothing of the kind `target`.
        """
        if self.kind is not None:
            return self.kind == "economic"
        told = self.requests is not None or (self.queue is not None and self.queue.target is not None)
        return not told and not TARGETS_OWN & self.model_fields_set

    def params(self, cooldown: float) -> Params:
        """
        Return the kind's own parameters; *cooldown*: KEDA's own, in seconds.
        """
        if self.economic:
            own = cooldown if self.kedaCooldown is None else self.kedaCooldown
            return EconomicParams(self.waitingPrice, self.keepFloor, own)
        return TargetParams(self.combine, self.idleWindow, self.stabilization)

    def policy(self, name: str, cooldown: float = 0.0) -> Policy:
        """
        Return the domain's policy, behind a ScaledObject with that cooldown (in seconds).
        """
        rules: dict[Signal, SignalRule] = {}
        if self.queue is not None:
            rules[Signal.QUEUE] = self.queue.rule()
        if self.requests is not None:
            rules[Signal.REQUESTS] = self.requests.rule(at_workload=self.requests.measuredAt == "workload")
        if self.gpu is not None:
            rules[Signal.GPU] = self.gpu.rule()
        holds = Holds(self.hold.unknown, self.hold.gpu, self.hold.loading)
        least, most = self.replicas.min, self.replicas.max
        return Policy(name, rules, self.params(cooldown), self.activation, least, most, holds)

    def _refuse(self, keys: frozenset[str]) -> None:
        named = sorted(keys & self.model_fields_set)
        if named:
            other, own = ("target", "economic") if self.economic else ("economic", "target")
            raise ValueError(f"{named[0]} is for the kind {other}, and this policy is of the kind {own}")


class ReadingSection(Section):
    """
    How the scaler reads its sources.
    """

    interval: Interval = 5.0
    """Between two reads of a source while the workload is up."""
    watch: Duration = 0.0
    """How soon demand is noticed at zero: 0s where the source announces it, else the time between two looks."""
    safetyNet: Interval = 10.0
    """Between two reads of what is announced."""
    gpuLag: Flag = True
    """Whether GPU readings come by way of the exporter and Prometheus; else they are read directly."""
    rateWindow: Interval = 120.0
    """The window of the request rate."""
    latency: Duration = 0.005
    """How long a read takes."""
    inFlight: Flag = True
    """Whether jobs in flight can be seen on the queue."""
    push: Duration = 0.01
    """How long it takes from a push to the change of the wanted replicas."""
    observed: Flag = True
    """Whether the scaler may look at the workload's replicas in the cluster."""

    def value(self) -> Reading:
        """
        Return the simulator's value.
        """
        return Reading(
            self.interval,
            self.watch,
            self.safetyNet,
            self.gpuLag,
            self.rateWindow,
            self.latency,
            self.inFlight,
            self.push,
            self.observed,
        )


class FixedSection(Section):
    """
    A constant number of replicas.
    """

    replicas: Count
    warm: Flag = False
    """Whether they are ready when the simulation begins."""


class PolicySection(Section):
    """
    One way of scaling: exactly one of `scaler`, `stock` and `fixed`.
    """

    scaler: ScalerPolicySection | None = None
    scaledObject: ScaledObjectSection | None = None
    """With `scaler`: KEDA's and the HPA's part; what is left out is as the chart advises for an external scaler."""
    reading: ReadingSection | None = None
    """With `scaler`."""
    stock: StockSection | None = None
    fixed: FixedSection | None = None

    @model_validator(mode="after")
    def _one(self) -> PolicySection:
        given = [name for name in ("scaler", "stock", "fixed") if getattr(self, name) is not None]
        if len(given) != 1:
            found = " and ".join(given) or "none of them"
            raise ValueError(f"give exactly one of scaler, stock and fixed; here is {found}")
        if self.scaler is None and (self.scaledObject or self.reading):
            raise ValueError("scaledObject and reading go with scaler; a stock ScaledObject is written under stock")
        if self.scaler is not None and self.scaler.economic and self.reading is not None and not self.reading.inFlight:
            raise ValueError("a policy of the kind economic needs a queue that tells the jobs in flight")
        return self

    @property
    def family(self) -> str:
        """
        Whose way of scaling it is: ours, stock or fixed.
        """
        return "ours" if self.scaler else "stock" if self.stock else "fixed"

    def scaling(self, name: str) -> Scaling:
        """
        Return the simulator's way of scaling.
        """
        if self.stock is not None:
            triggers = tuple(each.metadata.trigger(each.measures) for each in self.stock.triggers)
            return Stock(triggers, self.stock.over(ScaledObject()))
        if self.fixed is not None:
            return Fixed(self.fixed.replicas, self.fixed.warm)
        policy = _required(self.scaler)
        usual = OURS_BY_PRICE if policy.economic else OURS_BY_THE_CHART
        keda = (self.scaledObject or ScaledObjectSection()).over(usual)
        return Ours(policy.policy(name, keda.cooldown_period), keda, (self.reading or ReadingSection()).value())


def _required(section: ScalerPolicySection | None) -> ScalerPolicySection:
    if section is None:
        raise ValueError("there is no scaler section")
    return section


def policy_of(data: Mapping[str, Any]) -> PolicySection:
    """
    Return the policy that plain data means.

    Raises:
        pydantic.ValidationError: with everything that is wrong with it.
    """
    return PolicySection.model_validate(data)
