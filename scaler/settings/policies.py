"""
Policies as the operator writes them: which signals count, how, and between which bounds.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from scaler.domain.economic.params import EconomicParams
from scaler.domain.policy import Activation, Holds, Missing, Params, Policy, SignalRule
from scaler.domain.readings import Signal
from scaler.domain.target import Combine, TargetParams
from scaler.settings.connections import GPUS, QUEUES, RATES, AnyConnection, QueueType
from scaler.settings.errors import Finding, InvalidError
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
TARGET, ECONOMIC = "target", "economic"
"""The kinds of policies."""
PRICED = ("waitingPrice", "keepFloor", "kedaCooldown")
"""What only the kind `economic` is told."""

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

    target: Load | None
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
        return SignalRule(self.target or 1.0, self.activation, self.quiet, self.missing, freshness, at_workload)


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
    target: Load | None = None
    """What one replica carries, in jobs. For the kind `target`; the kind `economic` takes none, and learns it."""

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

    target: Load
    """What one replica carries, in requests per second."""
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
    """`policy`: another policy answers KEDA. `unavailable`: an error, which changes nothing or starts a `fallback`."""
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
class PolicySection(Section):
    """
    A policy: the kind `target` is told how much load a replica carries, the kind `economic` what waiting costs.
    """

    kind: Literal["target", "economic"] | None = None
    """`economic` weighs waiting against replicas, `target` goes by a load a replica. Default: `target` if anything is
    named that only this one is told, otherwise `economic`, whose queue must tell the jobs in flight."""
    replicas: Replicas = field(default_factory=Replicas)
    activation: Activation = Activation.ANY
    """How many of the demand signals it takes to wake a workload."""
    hold: HoldSection = field(default_factory=HoldSection)
    shadow: ShadowSection | None = None
    """Shadow mode; without it the policy acts."""
    queue: QueueSection | None = None
    requests: RequestsSection | None = None
    gpu: GpuSection | None = None
    combine: Combine | None = None
    """`target`: how the replicas that the signals want become one number, by `max` (default) or `sum`."""
    idleWindow: Interval | None = None
    """`target`: demand must be known to be quiet for so long before the workload goes idle; default 2m."""
    stabilization: Duration | None = None
    """`target`: scaling down follows the most that was wanted within this window; default 5m."""
    waitingPrice: Annotated[float, Number(above=0, most=1000)] | None = None
    """`economic`: what an hour that a job waits is worth, in hours of a replica; default 1."""
    keepFloor: Annotated[float, Number(least=0, most=1)] | None = None
    """`economic`: the last replica is kept for at least this share of what a wake-up costs; default 0.1."""
    kedaCooldown: Duration | None = None
    """`economic`: the ScaledObject's cooldownPeriod, which comes on top of how long the last replica is kept, and is
    taken off for that; by default what the observer sees there, or else 0s. A trigger names its own."""

    @staticmethod
    @checks("requests")
    def _some_demand(requests: RequestsSection | None, beside: Beside) -> None:
        if requests is None and "queue" in beside.values and beside.values["queue"] is None:
            raise ValueError("a policy needs a queue or requests: a GPU never wakes anything")
        if requests is not None and beside.values.get("kind") == ECONOMIC:
            raise ValueError("is for the kind target: the kind economic goes by a queue alone")

    @staticmethod
    @checks("combine", "idleWindow", "stabilization")
    def _for_targets(value: object, beside: Beside) -> None:
        if value is not None and beside.values.get("kind") == ECONOMIC:
            raise ValueError("is for the kind target, and this policy is of the kind economic")

    @staticmethod
    @checks("waitingPrice", "keepFloor", "kedaCooldown")
    def _for_prices(value: object, beside: Beside) -> None:
        if value is not None and beside.values.get("kind") == TARGET:
            raise ValueError("is for the kind economic, and this policy is of the kind target")

    def check(self) -> None:
        """
        Check that what it says is for one kind only, as far as that does not hang on a connection.
        """
        told = [key for key in ("combine", "idleWindow", "stabilization") if getattr(self, key) is not None]
        price = next((key for key in PRICED if getattr(self, key) is not None), None)
        if self.economic:
            if self.queue is not None and self.queue.target is not None:
                raise InvalidError(
                    [Finding(("queue", "target"), "is for the kind target: the kind economic learns it")]
                )
            return
        if price is not None:
            because = told[0] if told else "requests" if self.requests is not None else "queue.target"
            raise InvalidError([Finding((price,), f"is for the kind economic, and {because} is for the kind target")])
        if self.queue is not None and self.queue.target is None:
            raise InvalidError([Finding(("queue", "target"), "is required by a policy of the kind target")])

    @property
    def economic(self) -> bool:
        """
        Whether it is of the kind `economic`: because it says so, or because it names nothing of the kind `target`.
        """
        if self.kind is not None:
            return self.kind == ECONOMIC
        told = (self.combine, self.idleWindow, self.stabilization, self.requests, self.queue and self.queue.target)
        return all(each is None for each in told)

    @property
    def kind_text(self) -> str:
        """
        Which kind is in force, and why.
        """
        if self.kind is not None:
            return f"{self.kind}, as the policy says"
        if self.economic:
            return "economic, because it names no target and its queue tells the jobs in flight"
        return "target, because it names what a replica carries"

    def params(self) -> Params:
        """
        Return the kind's own parameters.
        """
        if self.economic:
            given = {"price": self.waitingPrice, "floor": self.keepFloor, "cooldown": self.kedaCooldown}
            return EconomicParams(**{name: value for name, value in given.items() if value is not None})
        usual = TargetParams()
        return TargetParams(
            self.combine or usual.combine,
            usual.idle_window if self.idleWindow is None else self.idleWindow,
            usual.stabilization if self.stabilization is None else self.stabilization,
        )

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


"""Any policy."""


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
