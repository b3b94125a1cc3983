"""
Plans: what a trigger's metadata means under the present configuration, as a policy and the questions to ask for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from scaler.domain.policy import Policy
from scaler.domain.readings import Signal
from scaler.engine.workload import Caller
from scaler.settings.connections import QUEUES
from scaler.settings.document import Document
from scaler.settings.metadata import MetadataError, kubernetes_name, read_metadata
from scaler.settings.overrides import effective
from scaler.settings.policies import QueueSection, RequestsSection
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
    One question, the name of the connection that answers it, and what it asks in words for people.
    """

    question: Question
    connection: str
    text: str


@dataclass(frozen=True, slots=True)
class Plan:
    """
    The policy of a trigger, what to ask for each of the policy's signals, and whose pods the GPUs are.
    """

    policy: Policy
    asks: Mapping[Signal, Ask]
    workload: str


def plan(document: Document, caller: Caller) -> Plan:
    """
    Return what a caller's metadata means; asks nobody and changes nothing.

    Raises:
        MetadataError: it means nothing; the message says what to change.
    """
    _check_caller(caller)
    trigger = read_metadata(caller.metadata, document.limits)
    name, section = effective(document, trigger)
    workload = trigger.workload or caller.name
    values = {"namespace": caller.namespace, "name": caller.name, "workload": workload}
    asks: dict[Signal, Ask] = {}
    if section.queue is not None:
        asks[Signal.QUEUE] = _queue(section.queue, document, values, name)
    if section.requests is not None:
        asks[Signal.REQUESTS] = _requests(section.requests, values)
    if section.gpu is not None:
        connection = section.gpu.connection
        asks[Signal.GPU] = Ask(GpuFleet(connection), connection, f"GPU use of the pods of {workload}")
    return Plan(section.policy(name, document.defaults, document.connections), asks, workload)


def _check_caller(caller: Caller) -> None:
    for what, text in (("namespace", caller.namespace), ("name", caller.name)):
        try:
            kubernetes_name(text)
        except ValueError as error:
            raise MetadataError(f"the ScaledObject's {what} {error}, not {shown(text)}") from error


def _queue(section: QueueSection, document: Document, values: Mapping[str, str], policy: str) -> Ask:
    if section.connection is None:
        raise MetadataError(
            f"queueConnection: is required, because policy '{policy}' names no connection for the queue"
        )
    if section.name is None:
        raise MetadataError(f"queue: is required, because policy '{policy}' reads a queue and does not name it")
    connection, queue = section.connection, fill(section.name, values)
    kept = section.type or QUEUES[document.connections[connection].type][0]
    question: Question
    if kept == _RABBITMQ:
        question = RabbitQueue(connection, queue, section.vhost)
        return Ask(question, connection, f"RabbitMQ queue {queue}" + (f" in {section.vhost}" if section.vhost else ""))
    if kept in _FRAMEWORKS:
        question = FrameworkQueue(connection, _FRAMEWORKS[kept], queue)
        return Ask(question, connection, f"{kept} queue {queue}")
    processing = section.processing and fill(section.processing, {**values, "queue": queue})
    shape = RedisShape(kept)
    question = RedisQueue(connection, shape, queue, processing, section.group)
    beside = f" and its processing list {processing}" if processing else ""
    beside = f" for group {section.group}" if section.group else beside
    return Ask(question, connection, f"{_SHAPE_WORDS[shape]} {queue}{beside}")


def _requests(section: RequestsSection, values: Mapping[str, str]) -> Ask:
    connection = section.connection
    match = tuple(sorted((label, fill(text, values)) for label, text in section.match.items()))
    own = ", ".join(f"{label}={text}" for label, text in match)
    if section.query is not None:
        query = fill_query(section.query, values)
        return Ask(PromRate(connection, query, match), connection, f"query {query}" + (f" where {own}" if own else ""))
    metric = section.metric or ""
    question = ScrapedRate(connection, metric, match)
    return Ask(question, connection, f"rate of {metric}" + (f" where {own}" if own else ""))
