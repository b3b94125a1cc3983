"""
Policies as the operator writes them: which signals count, how, and between which bounds.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from scaler.domain.policy import Activation, Holds, Missing, Policy, SignalRule
from scaler.domain.readings import Signal
from scaler.domain.target import Combine, TargetParams
from scaler.settings.connections import GPUS, QUEUES, RATES, AnyConnection, QueueType
from scaler.settings.forms import Number, Text
from scaler.settings.sections import Beside, Section, checks
from scaler.settings.surroundings import Defaults, policy_known, surroundings
from scaler.settings.templates import CALLER, check_query, check_template
from scaler.settings.values import Count, Duration, Interval, Level, Load, Name, Whole
from scaler.settings.wording import did_you_mean, shown


def _identifier(pattern: str) -> Text:
    def check(text: str) -> None:
        if not re.fullmatch(pattern, text):
            raise ValueError(f"must be made of letters, digits and '_', and not begin with a digit, not {shown(text)}")

    return Text(check, pattern=pattern)


Filled = Annotated[str, Text(empty=False)]
Template = Annotated[str, Text(check_template, empty=False)]
Query = Annotated[str, Text(check_query, empty=False)]
Processing = Annotated[str, Text(lambda text: check_template(text, (*CALLER, "queue")), empty=False)]
Metric = Annotated[str, _identifier("[a-zA-Z_:][a-zA-Z0-9_:]*")]
Label = Annotated[str, _identifier("[a-zA-Z_][a-zA-Z0-9_]*")]
Percent = Annotated[float, Number(above=0, most=10_000)]


@dataclass(frozen=True, kw_only=True)
class Replicas(Section):
    """
    The bounds of the desired replicas.
    """

    min: Whole = 0
    max: Count = 10

    @staticmethod
    @checks("max")
    def _bounded(most: int, beside: Beside) -> None:
        around = surroundings(beside)
        if around is not None and around.limits is not None and most > around.limits.maxReplicas:
            raise ValueError(f"must be at most limits.maxReplicas ({around.limits.maxReplicas}), not {most}")
        least = beside.values.get("min")
        if least is not None and least > most:
            raise ValueError(f"must be at least min ({least}), not {most}")


@dataclass(frozen=True, kw_only=True)
class HoldSection(Section):
    """
    How long a workload may stay active without demand, by cause.
    """

    unknown: Duration = 120.0
    """The last decision is kept for so long when something required is unknown."""
    gpu: Duration = 1800.0
    """A busy GPU keeps a workload without demand for so long."""
    loading: Duration = 600.0
    """A workload that was woken may load its model for so long."""


@dataclass(frozen=True, kw_only=True)
class SignalSection(Section):
    """
    What every signal has.
    """

    missing: Missing = Missing.REQUIRED
    """`required`: nothing is decided without it. `optional`: it is left out, but blocks scaling to zero meanwhile."""


@dataclass(frozen=True, kw_only=True)
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

    @staticmethod
    @checks("quiet")
    def _below_activation(quiet: float, beside: Beside) -> None:
        activation = beside.values.get("activation")
        if activation is not None and quiet > activation:
            raise ValueError(f"must be at most activation ({activation:g}), not {quiet:g}")

    def rule(self, freshness: float, *, at_workload: bool = False) -> SignalRule:
        """
        Return the domain's rule.
        """
        return SignalRule(self.target, self.activation, self.quiet, self.missing, freshness, at_workload)


@dataclass(frozen=True, kw_only=True)
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
    group: Filled | None = None
    """The consumer group of a stream; without one every entry of the stream counts as waiting."""
    processing: Processing | None = None
    """A list beside a list, where workers keep what they took, such as `$queue:processing`."""
    vhost: Filled | None = None
    """The virtual host in RabbitMQ; default: the connection's."""

    @staticmethod
    @checks("connection")
    def _answers(name: str | None, beside: Beside) -> None:
        if name is not None:
            _check_connection("a queue", name, QUEUES, beside)

    @staticmethod
    @checks("type")
    def _readable(kept: str | None, beside: Beside) -> None:
        readable = QUEUES.get(_type_of(beside) or "")
        if kept is not None and readable is not None and kept not in readable:
            raise ValueError(
                f"a connection of type {_type_of(beside)} cannot read {shown(kept)}, only {', '.join(readable)}"
            )

    @staticmethod
    @checks("group", "processing", "vhost")
    def _belongs(value: str | None, beside: Beside) -> None:
        if value is None or not {"connection", "type"} <= beside.values.keys():
            return
        owner = {"group": "stream", "processing": "list", "vhost": "rabbitmq"}[beside.key]
        meant = beside.values["type"] or next(iter(QUEUES.get(_type_of(beside) or "", (None,))))
        if meant is not None and meant != owner:
            raise ValueError(f"is for queues of type {owner}, not {meant}")


@dataclass(frozen=True, kw_only=True)
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
    match: dict[Label, Template] = field(default_factory=dict)
    """Labels that pick the workload's own series, such as `namespace: $namespace`, so that many share one query."""
    measuredAt: Literal["gateway", "workload"] = "gateway"
    """`workload`: its own pods report it, so that having no series is normal at zero replicas."""

    @staticmethod
    @checks("connection")
    def _answers(name: str, beside: Beside) -> None:
        _check_connection("a request rate", name, RATES, beside)

    @staticmethod
    @checks("query", "metric")
    def _asked(value: str | None, beside: Beside) -> None:
        needed = RATES.get(_type_of(beside) or "")
        if needed == beside.key and value is None:
            raise ValueError(f"is required on a connection of type {_type_of(beside)}")
        if needed not in (None, beside.key) and value is not None:
            raise ValueError(f"a connection of type {_type_of(beside)} takes a {needed}")


@dataclass(frozen=True, kw_only=True)
class GpuSection(SignalSection):
    """
    GPU utilisation of the workload's pods. It holds and scales a workload; it never wakes one.
    """

    connection: str
    """A prometheus, scrape or nvml connection."""
    target: Percent = 80.0
    """The utilisation that one replica should have, in per cent of one GPU."""
    busy: Annotated[float, Number(least=0, most=10_000)] = 10.0
    """A pod is busy above this; a busy pod holds a workload without demand."""

    @staticmethod
    @checks("connection")
    def _answers(name: str, beside: Beside) -> None:
        _check_connection("GPU utilisation", name, GPUS, beside)

    def rule(self, freshness: float) -> SignalRule:
        """
        Return the domain's rule.
        """
        return SignalRule(self.target, self.busy, self.busy, self.missing, freshness, at_workload=True)


@dataclass(frozen=True, kw_only=True)
class ShadowSection(Section):
    """
    A policy that is watched before it acts: it decides, records and shows, and KEDA is answered by something else.
    """

    answer: Literal["policy", "unavailable"] = "policy"
    """`policy`: KEDA is answered by another policy. `unavailable`: KEDA gets an error, and changes nothing."""
    policy: Name | None = None
    """The policy that answers, with everything that the trigger says."""

    @staticmethod
    @checks("policy")
    def _answers(policy: str | None, beside: Beside) -> None:
        answer, around = beside.values.get("answer"), surroundings(beside)
        if answer == "policy" and policy is None:
            raise ValueError("is required: the policy that answers KEDA (or set answer: unavailable)")
        if answer == "unavailable" and policy is not None:
            raise ValueError("goes with answer: policy")
        if policy is None or around is None:
            return
        policy_known(policy, around.policies)
        if policy in around.shadows:
            raise ValueError(f"policy {shown(policy)} is in shadow mode itself, and answers nothing")


@dataclass(frozen=True, kw_only=True)
class PolicySection(Section, ABC):
    """
    What every kind of policy has.
    """

    replicas: Replicas = field(default_factory=Replicas)
    activation: Activation = Activation.ANY
    """How many of the demand signals it takes to wake a workload."""
    hold: HoldSection = field(default_factory=HoldSection)
    shadow: ShadowSection | None = None
    """Shadow mode; without it the policy acts."""
    queue: QueueSection | None = None
    requests: RequestsSection | None = None
    gpu: GpuSection | None = None

    @staticmethod
    @checks("requests")
    def _some_demand(requests: RequestsSection | None, beside: Beside) -> None:
        if requests is None and "queue" in beside.values and beside.values["queue"] is None:
            raise ValueError("a policy needs a queue or requests: a GPU never wakes anything")

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


@dataclass(frozen=True, kw_only=True)
class TargetPolicy(PolicySection):
    """
    The kind `target`: so much load a replica, and windows against flapping.
    """

    kind: Literal["target"] = "target"
    combine: Combine = Combine.MAX
    """How the replicas that the signals want become one number."""
    idleWindow: Interval = 120.0
    """Demand must be known to be quiet for so long before the workload goes idle."""
    stabilization: Duration = 300.0
    """Scaling down follows the most that was wanted within this window."""

    def params(self) -> TargetParams:
        """
        Return the kind's own parameters.
        """
        return TargetParams(self.combine, self.idleWindow, self.stabilization)


AnyPolicy = TargetPolicy
"""One class a kind, told apart by `kind`: a second one makes this a union."""


def _check_connection(what: str, name: str, answering: Collection[str], beside: Beside) -> None:
    """
    Raise a ValueError if *name* is no connection that can answer *what*; the message names the nearest one.
    """
    around = surroundings(beside)
    if around is None:
        return
    type_ = around.connections.get(name)
    if type_ is None:
        able = sorted(known for known, type_ in around.connections.items() if type_ in answering)
        raise ValueError(f"there is no connection {shown(name)}{did_you_mean(name, able)}")
    if type_ not in answering:
        raise ValueError(f"connection {shown(name)} is of type {type_}; {what} needs {' or '.join(answering)}")


def _type_of(beside: Beside) -> Any:
    around = surroundings(beside)
    return None if around is None else around.connections.get(beside.values.get("connection") or "")
