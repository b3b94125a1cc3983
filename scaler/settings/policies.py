"""
Policies as the operator writes them: which signals count, how, and between which bounds.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Collection, Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, StringConstraints, ValidationInfo, field_validator

from scaler.domain.policy import Activation, Holds, Missing, Policy, SignalRule
from scaler.domain.readings import Signal
from scaler.domain.target import Combine, TargetParams
from scaler.settings.connections import GPUS, QUEUES, RATES, AnyConnection, QueueType
from scaler.settings.surroundings import Defaults, surroundings
from scaler.settings.templates import CALLER, check_query, check_template
from scaler.settings.values import Count, Duration, Interval, Level, Load, Section, Whole
from scaler.settings.wording import did_you_mean, shown

Text = Annotated[str, StringConstraints(min_length=1)]
Template = Annotated[Text, AfterValidator(check_template)]
Query = Annotated[Text, AfterValidator(check_query)]
Processing = Annotated[Text, AfterValidator(lambda text: check_template(text, (*CALLER, "queue")))]
Metric = Annotated[str, StringConstraints(pattern=r"^[a-zA-Z_:][a-zA-Z0-9_:]*$")]
Label = Annotated[str, StringConstraints(pattern=r"^[a-zA-Z_][a-zA-Z0-9_]*$")]
Percent = Annotated[Load, Field(le=10_000)]


class Replicas(Section):
    """
    The bounds of the desired replicas.
    """

    min: Whole = 0
    max: Count = 10

    @field_validator("max")
    @classmethod
    def _bounded(cls, most: int, info: ValidationInfo) -> int:
        around = surroundings(info)
        if around is not None and around.limits is not None and most > around.limits.maxReplicas:
            raise ValueError(f"must be at most limits.maxReplicas ({around.limits.maxReplicas}), not {most}")
        least = info.data.get("min")
        if least is not None and least > most:
            raise ValueError(f"must be at least min ({least}), not {most}")
        return most


class HoldSection(Section):
    """
    How long a workload may stay active without demand, by cause.
    """

    unknown: Duration = Field("2m", validate_default=True)
    """The last decision is kept for so long when something required is unknown."""
    gpu: Duration = Field("30m", validate_default=True)
    """A busy GPU keeps a workload without demand for so long."""
    loading: Duration = Field("10m", validate_default=True)
    """A workload that was woken may load its model for so long."""


class SignalSection(Section):
    """
    What every signal has.
    """

    missing: Missing = Missing.REQUIRED
    """`required`: nothing is decided without it. `optional`: it is left out, but blocks scaling to zero meanwhile."""


class DemandSection(SignalSection):
    """
    What every signal of demand has.
    """

    target: Load
    """What one replica carries: jobs, or requests per second."""
    activation: Level = 0.0
    """The signal wakes the workload above this."""
    quiet: Level = 0.0
    """Demand is quiet at or below this, once the workload is awake."""

    @field_validator("quiet")
    @classmethod
    def _below_activation(cls, quiet: float, info: ValidationInfo) -> float:
        activation = info.data.get("activation")
        if activation is not None and quiet > activation:
            raise ValueError(f"must be at most activation ({activation:g}), not {quiet:g}")
        return quiet

    def rule(self, freshness: float, *, at_workload: bool = False) -> SignalRule:
        """
        Return the domain's rule.
        """
        return SignalRule(self.target, self.activation, self.quiet, self.missing, freshness, at_workload)


class QueueSection(DemandSection):
    """
    The queue: waiting jobs, and those in flight.
    """

    connection: str | None = None
    """A redis or rabbitmq connection; default: the trigger names it (queueConnection)."""
    type: QueueType | None = None
    """How the queue is kept; default: list on redis, rabbitmq on rabbitmq."""
    name: Template | None = None
    """The queue's name or key; default: the trigger names it (queue). `$workload` and the like are filled in."""
    group: Text | None = None
    """The consumer group of a stream; without one every entry of the stream counts as waiting."""
    processing: Processing | None = None
    """A list beside a list, where workers keep what they took, such as `$queue:processing`."""
    vhost: Text | None = None
    """The virtual host in RabbitMQ; default: the connection's."""

    @field_validator("connection")
    @classmethod
    def _answers(cls, name: str | None, info: ValidationInfo) -> str | None:
        return name if name is None else _connection_for("a queue", name, QUEUES, info)

    @field_validator("type")
    @classmethod
    def _readable(cls, kept: str | None, info: ValidationInfo) -> str | None:
        readable = QUEUES.get(_type_of(info) or "")
        if kept is not None and readable is not None and kept not in readable:
            raise ValueError(
                f"a connection of type {_type_of(info)} cannot read {shown(kept)}, only {', '.join(readable)}"
            )
        return kept

    @field_validator("group", "processing", "vhost")
    @classmethod
    def _belongs(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value is None or not {"connection", "type"} <= info.data.keys():
            return value
        owner = {"group": "stream", "processing": "list", "vhost": "rabbitmq"}[str(info.field_name)]
        meant = info.data["type"] or next(iter(QUEUES.get(_type_of(info) or "", (None,))))
        if meant is not None and meant != owner:
            raise ValueError(f"is for queues of type {owner}, not {meant}")
        return value


class RequestsSection(DemandSection):
    """
    Requests per second: a PromQL query on a Prometheus, or a counter on a scraped metrics page.
    """

    connection: str
    """A prometheus or scrape connection."""
    query: Query | None = None
    """PromQL for a prometheus connection. `$namespace` and the like are filled in, inside quoted strings only."""
    metric: Metric | None = None
    """The counter's name for a scrape connection."""
    match: dict[Label, Template] = Field(default_factory=dict)
    """Labels that pick the workload's own series, such as `namespace: $namespace`, so that many share one query."""
    measuredAt: Literal["gateway", "workload"] = "gateway"
    """`workload`: its own pods report it, so that having no series is normal at zero replicas."""

    @field_validator("connection")
    @classmethod
    def _answers(cls, name: str, info: ValidationInfo) -> str:
        return _connection_for("a request rate", name, RATES, info)

    @field_validator("query", "metric")
    @classmethod
    def _asked(cls, value: str | None, info: ValidationInfo) -> str | None:
        needed = RATES.get(_type_of(info) or "")
        if needed == info.field_name and value is None:
            raise ValueError(f"is required on a connection of type {_type_of(info)}")
        if needed not in (None, info.field_name) and value is not None:
            raise ValueError(f"a connection of type {_type_of(info)} takes a {needed}")
        return value


class GpuSection(SignalSection):
    """
    GPU utilisation of the workload's pods. It holds and scales a workload; it never wakes one.
    """

    connection: str
    """A prometheus, scrape or nvml connection."""
    target: Percent = 80.0
    """The utilisation that one replica should have, in per cent of one GPU."""
    busy: Annotated[Level, Field(le=10_000)] = 10.0
    """A pod is busy above this; a busy pod holds a workload without demand."""

    @field_validator("connection")
    @classmethod
    def _answers(cls, name: str, info: ValidationInfo) -> str:
        return _connection_for("GPU utilisation", name, GPUS, info)

    def rule(self, freshness: float) -> SignalRule:
        """
        Return the domain's rule.
        """
        return SignalRule(self.target, self.busy, self.busy, self.missing, freshness, at_workload=True)


class PolicySection(Section):
    """
    What every kind of policy has.
    """

    replicas: Replicas = Field(default_factory=Replicas)
    activation: Activation = Activation.ANY
    """How many of the demand signals it takes to wake a workload."""
    hold: HoldSection = Field(default_factory=HoldSection)
    queue: QueueSection | None = None
    requests: RequestsSection | None = None
    gpu: GpuSection | None = None

    @field_validator("requests")
    @classmethod
    def _some_demand(cls, requests: RequestsSection | None, info: ValidationInfo) -> RequestsSection | None:
        if requests is None and "queue" in info.data and info.data["queue"] is None:
            raise ValueError("a policy needs a queue or requests: a GPU never wakes anything")
        return requests

    @abstractmethod
    def params(self) -> TargetParams:
        """
        Return the kind's own parameters.
        """

    def policy(self, name: str, defaults: Defaults, connections: Mapping[str, AnyConnection]) -> Policy:
        """
        Return the domain's policy.
        """

        def freshness(connection: str | None) -> float:
            own = connections.get(connection or "")
            return (own and own.freshness) or defaults.freshness

        rules: dict[Signal, SignalRule] = {}
        if self.queue is not None:
            rules[Signal.QUEUE] = self.queue.rule(freshness(self.queue.connection))
        if self.requests is not None:
            at_workload = self.requests.measuredAt == "workload"
            rules[Signal.REQUESTS] = self.requests.rule(freshness(self.requests.connection), at_workload=at_workload)
        if self.gpu is not None:
            rules[Signal.GPU] = self.gpu.rule(freshness(self.gpu.connection))
        holds = Holds(self.hold.unknown, self.hold.gpu, self.hold.loading)
        return Policy(name, rules, self.params(), self.activation, self.replicas.min, self.replicas.max, holds)


class TargetPolicy(PolicySection):
    """
    The kind `target`: so much load a replica, and windows against flapping.
    """

    kind: Literal["target"] = "target"
    combine: Combine = Combine.MAX
    """How the replicas that the signals want become one number."""
    idleWindow: Interval = Field("2m", validate_default=True)
    """Demand must be known to be quiet for so long before the workload goes idle."""
    stabilization: Duration = Field("1m", validate_default=True)
    """Scaling down follows the most that was wanted within this window."""

    def params(self) -> TargetParams:
        """
        Return the kind's own parameters.
        """
        return TargetParams(self.combine, self.idleWindow, self.stabilization)


AnyPolicy = TargetPolicy
"""One class a kind, told apart by `kind`: a second one makes this a union with `kind` as its discriminator."""


def _connection_for(what: str, name: str, answering: Collection[str], info: ValidationInfo) -> str:
    """
    Return *name* if it is a connection that can answer *what*.

    Raises:
        ValueError: if it is not; the message names the nearest one.
    """
    around = surroundings(info)
    if around is None:
        return name
    type_ = around.connections.get(name)
    if type_ is None:
        able = sorted(known for known, type_ in around.connections.items() if type_ in answering)
        raise ValueError(f"there is no connection {shown(name)}{did_you_mean(name, able)}")
    if type_ not in answering:
        raise ValueError(f"connection {shown(name)} is of type {type_}; {what} needs {' or '.join(answering)}")
    return name


def _type_of(info: ValidationInfo) -> Any:
    around = surroundings(info)
    return None if around is None else around.connections.get(info.data.get("connection") or "")
