"""
A ScaledObject as people write it for KEDA: its keys, its units, its defaults. Seconds are bare numbers here, as there.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, ValidationInfo, field_validator

from loadgen.experiments.values import Section, Whole, shown
from loadgen.simulation.scaling import (
    Behaviour,
    Direction,
    Fallback,
    Measure,
    Prometheus,
    RabbitMQ,
    Redis,
    ScaledObject,
    Select,
    Step,
    Trigger,
    Unit,
)


def _number_text(value: Any) -> Any:
    """
    Read a number that is written as text, as all metadata of a trigger is.
    """
    if isinstance(value, str):
        try:
            return float(value)
        except ValueError:
            raise ValueError(f"must be a number, not {shown(value)}") from None
    return value


def _flag_text(value: Any) -> Any:
    return {"true": True, "false": False}.get(value, value) if isinstance(value, str) else value


Seconds = Annotated[float, Field(ge=0, le=1e9, allow_inf_nan=False, strict=True)]
Positive = Annotated[float, BeforeValidator(_number_text), Field(gt=0, le=1e9, allow_inf_nan=False, strict=True)]
AtLeastZero = Annotated[float, BeforeValidator(_number_text), Field(ge=0, le=1e9, allow_inf_nan=False, strict=True)]
Switch = Annotated[bool, BeforeValidator(_flag_text), Field(strict=True)]


class StepSection(Section):
    """
    One of `policies` of a direction of the HPA's behavior.
    """

    type: Unit
    value: Whole
    periodSeconds: Seconds = 15.0


class DirectionSection(Section):
    """
    The HPA's behavior in one direction; what is left out is as Kubernetes, or our advice, has it.
    """

    stabilizationWindowSeconds: Seconds | None = None
    tolerance: Annotated[float, Field(ge=0, le=10, strict=True)] | None = None
    selectPolicy: Select | None = None
    policies: tuple[StepSection, ...] | None = None

    def over(self, usual: Direction) -> Direction:
        """
        Return the usual rules with what is set here.
        """
        steps = usual.steps
        if self.policies is not None:
            steps = tuple(Step(step.type, step.value, step.periodSeconds) for step in self.policies)
        return Direction(
            steps,
            usual.window if self.stabilizationWindowSeconds is None else self.stabilizationWindowSeconds,
            self.selectPolicy or usual.select,
            usual.tolerance if self.tolerance is None else self.tolerance,
        )


class BehaviorSection(Section):
    """
    The HPA's behavior.
    """

    scaleUp: DirectionSection = DirectionSection()
    scaleDown: DirectionSection = DirectionSection()


class HpaSection(Section):
    """
    `advanced.horizontalPodAutoscalerConfig`.
    """

    behavior: BehaviorSection = BehaviorSection()


class AdvancedSection(Section):
    """
    `advanced`.
    """

    horizontalPodAutoscalerConfig: HpaSection = HpaSection()


class FallbackSection(Section):
    """
    `fallback`: the replicas to have after so many failures in a row.
    """

    failureThreshold: Whole
    replicas: Whole

    def value(self) -> Fallback:
        """
        Return the simulator's value.
        """
        return Fallback(self.failureThreshold, self.replicas)


class RedisMetadata(Section):
    """
    What counts of a redis trigger's metadata; where the list is means nothing here.
    """

    listLength: Positive = 5.0
    activationListLength: AtLeastZero = 0.0
    address: str | None = None
    listName: str | None = None

    def trigger(self, measures: Measure | None) -> Trigger:
        """
        Return the simulator's trigger.
        """
        del measures
        return Redis(self.listLength, self.activationListLength)


class RabbitMetadata(Section):
    """
    What counts of a rabbitmq trigger's metadata; where the queue is means nothing here.
    """

    mode: Literal["QueueLength"] = "QueueLength"
    value: Positive = 20.0
    activationValue: AtLeastZero = 0.0
    excludeUnacknowledged: Switch = False
    queueName: str | None = None
    host: str | None = None
    protocol: Literal["http"] = "http"

    def trigger(self, measures: Measure | None) -> Trigger:
        """
        Return the simulator's trigger.
        """
        del measures
        return RabbitMQ(self.value, self.activationValue, self.excludeUnacknowledged)


class PrometheusMetadata(Section):
    """
    What counts of a prometheus trigger's metadata; what the query measures is said beside it, by `measures`.
    """

    threshold: Positive
    activationThreshold: AtLeastZero = 0.0
    ignoreNullValues: Switch = True
    serverAddress: str | None = None
    query: str | None = None

    def trigger(self, measures: Measure | None) -> Trigger:
        """
        Return the simulator's trigger.
        """
        return Prometheus(
            measures or Measure.GPU,
            self.threshold,
            self.activationThreshold,
            ignore_null_values=self.ignoreNullValues,
        )


class RedisTrigger(Section):
    """
    KEDA's redis trigger: the length of a list.
    """

    type: Literal["redis"]
    metadata: RedisMetadata = RedisMetadata()
    measures: None = None


class RabbitTrigger(Section):
    """
    KEDA's rabbitmq trigger in the mode QueueLength, by HTTP.
    """

    type: Literal["rabbitmq"]
    metadata: RabbitMetadata = RabbitMetadata()
    measures: None = None


class PrometheusTrigger(Section):
    """
    KEDA's prometheus trigger, and what its query measures.
    """

    type: Literal["prometheus"]
    metadata: PrometheusMetadata
    measures: Measure
    """`requests`: jobs that came per second, over two minutes; `gpu`: the sum of the pods' use, in per cent;
    `queue`: jobs that wait."""


AnyTrigger = Annotated[RedisTrigger | RabbitTrigger | PrometheusTrigger, Field(discriminator="type")]


class ScaledObjectSection(Section):
    """
    What counts of a ScaledObject's spec.
    """

    pollingInterval: Annotated[Seconds, Field(gt=0)] | None = None
    cooldownPeriod: Seconds | None = None
    initialCooldownPeriod: Seconds | None = None
    minReplicaCount: Whole | None = None
    maxReplicaCount: Whole | None = None
    fallback: FallbackSection | None = None
    advanced: AdvancedSection = AdvancedSection()
    replicas: Whole | None = None
    """Those that run when the simulation begins."""

    @field_validator("maxReplicaCount")
    @classmethod
    def _bounded(cls, most: int | None, info: ValidationInfo) -> int | None:
        least = info.data.get("minReplicaCount") or 0
        if most is not None and most < max(least, 1):
            raise ValueError(f"must be at least 1 and minReplicaCount ({least}), not {most}")
        return most

    def over(self, usual: ScaledObject) -> ScaledObject:
        """
        Return the usual ScaledObject with what is set here.
        """
        behavior = self.advanced.horizontalPodAutoscalerConfig.behavior
        return ScaledObject(
            polling_interval=_set(self.pollingInterval, usual.polling_interval),
            cooldown_period=_set(self.cooldownPeriod, usual.cooldown_period),
            initial_cooldown_period=_set(self.initialCooldownPeriod, usual.initial_cooldown_period),
            min_replicas=int(_set(self.minReplicaCount, usual.min_replicas)),
            max_replicas=int(_set(self.maxReplicaCount, usual.max_replicas)),
            fallback=self.fallback.value() if self.fallback else None,
            behaviour=Behaviour(
                behavior.scaleUp.over(usual.behaviour.up), behavior.scaleDown.over(usual.behaviour.down)
            ),
            replicas=int(_set(self.replicas, usual.replicas)),
        )


class StockSection(ScaledObjectSection):
    """
    The same with KEDA's own triggers.
    """

    triggers: Annotated[tuple[AnyTrigger, ...], Field(min_length=1)]


def _set(value: float | None, usual: float) -> float:
    return usual if value is None else value
