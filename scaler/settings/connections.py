"""
Connections: addresses with their credentials, named by the operator. A trigger refers to them by name only.
"""

from __future__ import annotations

import re
from collections.abc import Container, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal, get_args

from scaler.settings.forms import Listed, Mapped, Text
from scaler.settings.sections import Beside, Section, TextOr, checks
from scaler.settings.surroundings import bearable, outlasts_reads, surroundings
from scaler.settings.values import Interval, Secret, Whole
from scaler.settings.wording import shown

_HOST_PORT = re.compile(r"[A-Za-z0-9._\-\[\]:]+:[0-9]{1,5}")
_HTTP_URL = re.compile(r"https?://[^\s@/]+(/\S*)?")
_SECRET_HEADERS = {"authorization", "proxy-authorization", "cookie", "x-api-key", "apikey"}


def _host_port(address: str) -> None:
    if not _HOST_PORT.fullmatch(address) or int(address.rpartition(":")[2]) not in range(1, 65536):
        raise ValueError(f"must be a host and a port, such as redis.ai.svc:6379, not {shown(address)}")


def _http_url(url: str) -> None:
    if not _HTTP_URL.fullmatch(url):
        raise ValueError(
            "must be an http:// or https:// address such as http://prometheus.monitoring.svc:9090, "
            "without a user or a password in it"
        )


_ADDRESS = Text(_host_port, pattern=_HOST_PORT.pattern, examples=("redis.ai.svc:6379",))
_URL = Text(_http_url, pattern=_HTTP_URL.pattern, examples=("http://prometheus.monitoring.svc:9090",))

HostPort = Annotated[str, _ADDRESS]
HttpUrl = Annotated[str, _URL]
HostPorts = Annotated[tuple[str, ...], Listed(_ADDRESS, empty=False)]
HttpUrls = Annotated[tuple[str, ...], Listed(_URL, empty=False)]


def _open_headers(headers: Mapping[str, str | Secret]) -> None:
    for name, value in headers.items():
        if name.lower() in _SECRET_HEADERS and isinstance(value, str):
            raise ValueError(f"{name} is a credential: read it from a `file` or `env`, don't write it here")


Headers = Annotated[dict[str, str | Secret], Mapped(Text(), TextOr(Secret), _open_headers)]


@dataclass(frozen=True, kw_only=True)
class Tls(Section):
    """
    TLS towards a system: the authorities that are trusted, and a certificate of our own where it asks for one.
    """

    ca: Path | None = None
    """A file of authorities in PEM; default: those of the machine."""
    cert: Path | None = None
    key: Path | None = None
    insecureSkipVerify: bool = False
    """Trust any certificate. For trying things out only."""

    @staticmethod
    @checks("key")
    def _pair(key: Path | None, beside: Beside) -> None:
        if "cert" in beside.values and (beside.values["cert"] is None) != (key is None):
            raise ValueError("cert and key are given together or not at all")


@dataclass(frozen=True, kw_only=True)
class Connection(Section):
    """
    What every connection has.
    """

    interval: Interval | None = None
    """Time between two reads; default: defaults.interval."""
    timeout: Interval = 2.0
    """Deadline of one read."""
    freshness: Interval | None = None
    """How long a reading stays good; default: defaults.freshness."""
    tls: Tls | None = None

    @staticmethod
    @checks("interval")
    def _bearable(interval: float | None, _: Beside) -> None:
        if interval is not None:
            bearable(interval)

    @staticmethod
    @checks("freshness")
    def _outlasts(freshness: float | None, beside: Beside) -> None:
        around = surroundings(beside)
        if around is None or around.defaults is None or "interval" not in beside.values:
            return
        own = beside.values["interval"]
        if own is not None or freshness is not None:
            key = "defaults.interval" if own is None else "interval"
            outlasts_reads(freshness or around.defaults.freshness, own or around.defaults.interval, key)


@dataclass(frozen=True, kw_only=True)
class RedisConnection(Connection):
    """
    A Redis: standalone, behind Sentinel, or a Cluster.
    """

    type: Literal["redis"]
    addresses: HostPorts
    """Host and port: of the server, of the Sentinels, or of some nodes of the Cluster."""
    mode: Literal["standalone", "sentinel", "cluster"] = "standalone"
    sentinelMaster: str | None = None
    """The name under which the Sentinels know the server."""
    sentinelUsername: str | None = None
    sentinelPassword: Secret | None = None
    database: Whole = 0
    username: str | None = None
    password: Secret | None = None
    tracking: bool = True
    """Let Redis announce changes (CLIENT TRACKING) where it allows that."""

    @staticmethod
    @checks("tracking")
    def _outlasts_safety_net(tracking: bool, beside: Beside) -> None:  # noqa: FBT001 - a value is checked
        around, freshness = surroundings(beside), beside.values.get("freshness")
        if tracking and freshness is not None and around is not None and around.defaults is not None:
            outlasts_reads(freshness, around.defaults.safetyNet, "defaults.safetyNet", subject="freshness: ")

    @staticmethod
    @checks("mode")
    def _one_server(mode: str, beside: Beside) -> None:
        if mode == "standalone" and len(beside.values.get("addresses", ())) > 1:
            raise ValueError("standalone has one address; several need mode: sentinel or mode: cluster")

    @staticmethod
    @checks("sentinelMaster")
    def _sentinel(master: str | None, beside: Beside) -> None:
        mode = beside.values.get("mode")
        if mode == "sentinel" and not master:
            raise ValueError("is required with mode: sentinel")
        if mode in ("standalone", "cluster") and master:
            raise ValueError("is for mode: sentinel only")

    @staticmethod
    @checks("database")
    def _only_database(database: int, beside: Beside) -> None:
        if beside.values.get("mode") == "cluster" and database:
            raise ValueError("a Cluster has database 0 only")


@dataclass(frozen=True, kw_only=True)
class RabbitConnection(Connection):
    """
    A RabbitMQ: by AMQP (ready messages only), by the management API (unacknowledged ones too), or both.
    """

    type: Literal["rabbitmq"]
    amqp: HostPort | None = None
    management: HttpUrl | None = None
    vhost: Annotated[str, Text(empty=False)] = "/"
    username: str = "guest"
    password: Secret | None = None
    """Default: the password `guest`, which a RabbitMQ accepts from its own machine only."""

    @staticmethod
    @checks("management")
    def _reachable(management: str | None, beside: Beside) -> None:
        if "amqp" in beside.values and beside.values["amqp"] is None and management is None:
            raise ValueError("give amqp, management, or both")


@dataclass(frozen=True, kw_only=True)
class PrometheusConnection(Connection):
    """
    A Prometheus, or what speaks its query API (Thanos, Mimir, VictoriaMetrics).
    """

    type: Literal["prometheus"]
    url: HttpUrl
    bearerToken: Secret | None = None
    username: str | None = None
    password: Secret | None = None
    headers: Headers = field(default_factory=dict)
    """Sent with every query, such as X-Scope-OrgID."""
    gpuSelector: str = ""
    """Label matchers added to the DCGM queries, such as cluster="a"."""

    @staticmethod
    @checks("password")
    def _one_login(password: Secret | None, beside: Beside) -> None:
        if (beside.values.get("username") is None) != (password is None) and "username" in beside.values:
            raise ValueError("username and password are given together or not at all")
        if password is not None and beside.values.get("bearerToken") is not None:
            raise ValueError("give a bearerToken or a username with its password, not both")


@dataclass(frozen=True, kw_only=True)
class ScrapeConnection(Connection):
    """
    Metrics pages that are scraped directly: dcgm-exporters, gateways, or the pods themselves.

    A host name that resolves to several addresses (a headless Service) is scraped at every one of them. A URL without a
    path means its `/metrics`, as everywhere.
    """

    type: Literal["scrape"]
    urls: HttpUrls
    bearerToken: Secret | None = None
    headers: Headers = field(default_factory=dict)
    """Sent with every scrape."""


@dataclass(frozen=True, kw_only=True)
class NvmlConnection(Connection):
    """
    The GPUs of this machine, through NVML. All of them count for any workload that uses the connection.
    """

    type: Literal["nvml"]
    devices: tuple[Whole, ...] | None = None
    """Indexes of the GPUs to read; default: all."""


AnyConnection = RedisConnection | RabbitConnection | PrometheusConnection | ScrapeConnection | NvmlConnection

CONNECTION_TYPES = ("redis", "rabbitmq", "prometheus", "scrape", "nvml")

QueueType = Literal["list", "stream", "sortedSet", "celery", "rq", "bullmq", "arq", "dramatiq", "sidekiq", "rabbitmq"]
"""How a queue is kept: a Redis structure, a task framework's keys in Redis, or a queue of RabbitMQ."""

QUEUES: Mapping[str, tuple[str, ...]] = {
    "redis": tuple(name for name in get_args(QueueType) if name != "rabbitmq"),
    "rabbitmq": ("rabbitmq",),
}
"""The queue types that a connection of a type can read; the first one is meant where none is named."""

_TELL_IN_FLIGHT = frozenset({"celery", "rq", "bullmq", "arq", "dramatiq", "sidekiq"})
_NEEDS = {
    "list": ("processing", "a list without a processing list beside it"),
    "stream": ("group", "a stream without a consumer group"),
}


def untold_in_flight(connection: AnyConnection, kept: str, told: Container[str]) -> str | None:
    """
    Return what kind of queue it is, in words, if it cannot tell the jobs in flight; None if it can.

    *kept* is the queue's type; *told* are the keys that are set for it, such as `group`.
    """
    if isinstance(connection, RabbitConnection):
        return None if connection.management is not None else "a RabbitMQ without its management API"
    if kept in _TELL_IN_FLIGHT:
        return None
    needed, words = _NEEDS.get(kept, ("", "a sorted set"))
    return None if needed in told else words


RATES: Mapping[str, str] = {"prometheus": "query", "scrape": "metric"}
"""What a connection of a type needs to tell a request rate."""

GPUS = ("prometheus", "scrape", "nvml")
"""The types of connections that know GPUs."""
