"""
Plans: what a trigger's metadata means under the present configuration, as a policy and the questions to ask for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from scaler.domain.policy import Policy, SignalRule
from scaler.domain.readings import BySignal, Signal
from scaler.engine.workload import Caller
from scaler.settings.connections import QUEUES, untold_in_flight
from scaler.settings.document import Document
from scaler.settings.metadata import MetadataError, Trigger, kubernetes_name, read_metadata
from scaler.settings.overrides import effective
from scaler.settings.policies import PolicySection, QueueSection, RequestsSection
from scaler.settings.templates import fill, fill_query
from scaler.settings.wording import shown
from scaler.sources.questions import (
    Framework,
    FrameworkQueue,
    GpuFleet,
    PromRate,
    Question,
    RabbitQueue,
    RedisQueue,
    RedisShape,
    ScrapedRate,
)

_FRAMEWORKS = {framework.value: framework for framework in Framework}
_RABBITMQ = "rabbitmq"
_SHAPE_WORDS = {RedisShape.LIST: "list", RedisShape.STREAM: "stream", RedisShape.SORTED_SET: "sorted set"}


@dataclass(frozen=True, slots=True)
class Ask:
    """
    One question that is asked for a workload.
    """

    question: Question
    workload: str

    @property
    def connection(self) -> str:
        """The name of the connection that answers it."""
        return self.question.connection

    @property
    def text(self) -> str:
        """What it asks, in words for people."""
        match self.question:
            case RedisQueue(shape=shape, key=key, processing=processing, group=group):
                beside = f" and its processing list {processing}" if processing else ""
                return f"{_SHAPE_WORDS[shape]} {key}" + (f" for group {group}" if group else beside)
            case FrameworkQueue(framework=framework, queue=queue):
                return f"{framework.value} queue {queue}"
            case RabbitQueue(queue=queue, vhost=vhost):
                return f"RabbitMQ queue {queue}" + (f" in {vhost}" if vhost else "")
            case PromRate(query=query, match=own):
                return f"query {query}" + _where(own)
            case ScrapedRate(metric=metric, match=own):
                return f"rate of {metric}" + _where(own)
            case GpuFleet():
                return f"GPU use of the pods of {self.workload}"


@dataclass(frozen=True, slots=True)
class Plan:
    """
    The policy of a trigger, what to ask for each of the policy's signals, and whose pods the GPUs are.

    Attributes:
        kind_text: which kind of policy it is, and why.
        acts: whether its decisions are KEDA's answers.
        shadow: what is decided beside it, to be watched.
    """

    policy: Policy
    asks: Mapping[Signal, Ask]
    workload: str
    kind_text: str
    acts: bool = True
    shadow: Plan | None = None

    @property
    def questions(self) -> set[Question]:
        """All that it asks."""
        return {ask.question for ask in self.asks.values()}


def plan(document: Document, caller: Caller) -> Plan:
    """
    Return what a caller's metadata means; asks nobody and changes nothing.

    Raises:
        MetadataError: it means nothing; the message says what to change.
    """
    _check_caller(caller)
    trigger = read_metadata(caller.metadata, document.limits)
    name, section = effective(document, trigger)
    planned = _planned(document, caller, trigger, name, section)
    if section.shadow is None:
        return planned
    watched = replace(planned, acts=False)
    if section.shadow.policy is None:
        return watched
    acting = effective(document, replace(trigger, policy=section.shadow.policy))
    return replace(_planned(document, caller, trigger, *acting), shadow=watched)


def _planned(document: Document, caller: Caller, trigger: Trigger, name: str, section: PolicySection) -> Plan:
    workload = trigger.workload or caller.name
    values = {"namespace": caller.namespace, "name": caller.name, "workload": workload}
    asks: BySignal[Ask] = BySignal()
    if section.queue is not None:
        asks[Signal.QUEUE] = Ask(_queue(section.queue, document, values, name), workload)
    if section.requests is not None:
        asks[Signal.REQUESTS] = Ask(_requests(section.requests, values), workload)
    if section.gpu is not None:
        asks[Signal.GPU] = Ask(GpuFleet(section.gpu.connection), workload)
    _check_in_flight(section, document, name)
    return Plan(
        _shared(section.policy(name, document.defaults, document.connections)), asks, workload, section.kind_text
    )


def _shared(policy: Policy) -> Policy:
    """
    Return one and the same policy for all that are equal: triggers are many, and few of them differ in it.
    """
    rules = tuple(policy.rules.items())
    return _policy(policy.name, rules, policy.params, policy.activation, policy.minimum, policy.maximum, policy.holds)


@lru_cache(maxsize=1000)
def _policy(name: str, rules: tuple[tuple[Signal, SignalRule], ...], *others: Any) -> Policy:
    return Policy(name, dict(rules), *others)


def _check_caller(caller: Caller) -> None:
    for what, text in (("namespace", caller.namespace), ("name", caller.name)):
        try:
            kubernetes_name(text)
        except ValueError as error:
            raise MetadataError(f"the ScaledObject's {what} {error}, not {shown(text)}") from error


def _check_in_flight(section: PolicySection, document: Document, name: str) -> None:
    """
    Refuse the kind `economic` for a queue that does not tell its jobs in flight: it would stop workers at their work.
    """
    queue = section.queue
    if not section.economic or queue is None or queue.connection is None:
        return
    connection = document.connections[queue.connection]
    kept = queue.type or QUEUES[connection.type][0]
    told = [key for key in ("group", "processing") if getattr(queue, key) is not None]
    untold = untold_in_flight(connection, kept, told)
    if untold is not None:
        raise MetadataError(
            f"queueTarget: is required, because policy '{name}' is of the kind economic without it, which must be told "
            f"the jobs in flight, and {untold} does not tell them"
        )


def _queue(section: QueueSection, document: Document, values: Mapping[str, str], policy: str) -> Question:
    if section.connection is None:
        raise MetadataError(
            f"queueConnection: is required, because policy '{policy}' names no connection for the queue"
        )
    if section.name is None:
        raise MetadataError(f"queue: is required, because policy '{policy}' reads a queue and does not name it")
    connection, queue = section.connection, fill(section.name, values)
    kept = section.type or QUEUES[document.connections[connection].type][0]
    if kept == _RABBITMQ:
        return RabbitQueue(connection, queue, section.vhost)
    if kept in _FRAMEWORKS:
        return FrameworkQueue(connection, _FRAMEWORKS[kept], queue)
    processing = section.processing and fill(section.processing, {**values, "queue": queue})
    return RedisQueue(connection, RedisShape(kept), queue, processing, section.group)


def _requests(section: RequestsSection, values: Mapping[str, str]) -> Question:
    match = tuple(sorted((label, fill(text, values)) for label, text in section.match.items()))
    if section.query is not None:
        return PromRate(section.connection, fill_query(section.query, values), match)
    return ScrapedRate(section.connection, section.metric or "", match)


def _where(labels: Iterable[tuple[str, str]]) -> str:
    own = ", ".join(f"{label}={text}" for label, text in labels)
    return f" where {own}" if own else ""
