"""
Questions: what can be asked of a source. Equal questions are one question, however many workloads ask it.

`connection` is always the *name* of a connection of the configuration, never an address.
"""

from __future__ import annotations

from dataclasses import dataclass

from scaler.domain.choice import Choice


class RedisShape(Choice):
    """
    How a queue is kept in Redis.
    """

    LIST = "list"
    STREAM = "stream"
    SORTED_SET = "sortedSet"


class Framework(Choice):
    """
    A task framework whose keys are known, so that a user names a queue and not keys.
    """

    CELERY = "celery"
    RQ = "rq"
    BULLMQ = "bullmq"
    ARQ = "arq"
    DRAMATIQ = "dramatiq"
    SIDEKIQ = "sidekiq"


@dataclass(frozen=True, slots=True)
class RedisQueue:
    """
    The depth of a plain Redis structure.

    `processing` is a list beside a list, where workers keep what they took (in flight = its length); `group` is a
    stream's consumer group (waiting = lag, in flight = pending).
    """

    connection: str
    shape: RedisShape
    key: str
    processing: str | None = None
    group: str | None = None


@dataclass(frozen=True, slots=True)
class FrameworkQueue:
    """
    The depth of a task framework's queue kept in Redis.
    """

    connection: str
    framework: Framework
    queue: str


@dataclass(frozen=True, slots=True)
class RabbitQueue:
    """
    The depth of a RabbitMQ queue. `vhost` None means the connection's own.
    """

    connection: str
    queue: str
    vhost: str | None = None


@dataclass(frozen=True, slots=True)
class PromRate:
    """
    Requests per second by a PromQL query that yields one series, or one series per set of `match` labels.

    `match` picks the series out of a grouped query's answer (label, value), so that many workloads share one query.
    """

    connection: str
    query: str
    match: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class ScrapedRate:
    """
    Requests per second from a counter on a metrics page that is scraped directly.

    All series of `metric` whose labels contain `match` are summed; counter resets are understood.
    """

    connection: str
    metric: str
    match: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class GpuFleet:
    """
    GPU utilisation of every pod that the connection knows (DCGM, an exporter, NVML): one question for all.
    """

    connection: str


Question = RedisQueue | FrameworkQueue | RabbitQueue | PromRate | ScrapedRate | GpuFleet
