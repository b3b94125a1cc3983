"""
Connections: addresses with their credentials, named by the operator. A trigger refers to them by name only.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal, get_args

from pydantic import AfterValidator, Discriminator, Field, Tag, ValidationInfo, WithJsonSchema, field_validator

from scaler.settings.surroundings import SHORTEST, outlasts_reads, surroundings
from scaler.settings.values import Flag, Interval, Secret, Section, Whole, format_duration
from scaler.settings.wording import shown

_HOST_PORT = re.compile(r"[A-Za-z0-9._\-\[\]:]+:[0-9]{1,5}")
_HTTP_URL = re.compile(r"https?://[^\s@/]+(/\S*)?")
_SECRET_HEADERS = {"authorization", "proxy-authorization", "cookie", "x-api-key", "apikey"}


def _host_port(address: str) -> str:
    if not _HOST_PORT.fullmatch(address) or int(address.rpartition(":")[2]) not in range(1, 65536):
        raise ValueError(f"must be a host and a port, such as redis.ai.svc:6379, not {shown(address)}")
    return address


def _http_url(url: str) -> str:
    if not _HTTP_URL.fullmatch(url):
        raise ValueError(
            "must be an http:// or https:// address such as http://prometheus.monitoring.svc:9090, "
            "without a user or a password in it"
        )
    return url


HostPort = Annotated[
    str,
    AfterValidator(_host_port),
    WithJsonSchema({"type": "string", "pattern": f"^{_HOST_PORT.pattern}$", "examples": ["redis.ai.svc:6379"]}),
]
HttpUrl = Annotated[
    str,
    AfterValidator(_http_url),
    WithJsonSchema(
        {"type": "string", "pattern": f"^{_HTTP_URL.pattern}$", "examples": ["http://prometheus.monitoring.svc:9090"]}
    ),
]


def _some(items: tuple[str, ...]) -> tuple[str, ...]:
    if not items:
        raise ValueError("must not be empty")
    return items


# pydantic's own min_length counts valid items only, and would find fault twice.
_AT_LEAST_ONE, _MIN_ITEMS = AfterValidator(_some), Field(json_schema_extra={"minItems": 1})

TEXT_TAG, SECRET_TAG = "<text>", "<secret>"
Header = Annotated[
    Annotated[str, Tag(TEXT_TAG)] | Annotated[Secret, Tag(SECRET_TAG)],
    Discriminator(lambda value: TEXT_TAG if isinstance(value, str) else SECRET_TAG),
]


def _open_headers(headers: dict[str, str | Secret]) -> dict[str, str | Secret]:
    for name, value in headers.items():
        if name.lower() in _SECRET_HEADERS and isinstance(value, str):
            raise ValueError(f"{name} is a credential: read it from a `file` or `env`, don't write it here")
    return headers


Headers = Annotated[dict[str, Header], AfterValidator(_open_headers)]


class Tls(Section):
    """
    TLS towards a system: the authorities that are trusted, and a certificate of our own where it asks for one.
    """

    ca: Path | None = None
    """A file of authorities in PEM; default: those of the machine."""
    cert: Path | None = None
    key: Path | None = None
    insecureSkipVerify: Flag = False
    """Trust any certificate. For trying things out only."""

    @field_validator("key")
    @classmethod
    def _pair(cls, key: Path | None, info: ValidationInfo) -> Path | None:
        if "cert" in info.data and (info.data["cert"] is None) != (key is None):
            raise ValueError("cert and key are given together or not at all")
        return key


class Connection(Section):
    """
    What every connection has.
    """

    interval: Interval | None = None
    """Time between two reads; default: defaults.interval."""
    timeout: Interval = Field("2s", validate_default=True)
    """Deadline of one read."""
    freshness: Interval | None = None
    """How long a reading stays good; default: defaults.freshness."""
    tls: Tls | None = None

    @field_validator("interval")
    @classmethod
    def _bearable(cls, interval: float | None) -> float | None:
        if interval is not None and interval < SHORTEST:
            raise ValueError(f"must be at least {format_duration(SHORTEST)}, not {format_duration(interval)}")
        return interval

    @field_validator("freshness")
    @classmethod
    def _outlasts(cls, freshness: float | None, info: ValidationInfo) -> float | None:
        around = surroundings(info)
        if around is None or around.defaults is None or "interval" not in info.data:
            return freshness
        own = info.data["interval"]
        if own is not None or freshness is not None:
            key = "defaults.interval" if own is None else "interval"
            outlasts_reads(freshness or around.defaults.freshness, own or around.defaults.interval, key)
        return freshness


class RedisConnection(Connection):
    """
    A Redis: standalone, behind Sentinel, or a Cluster.
    """

    type: Literal["redis"]
    addresses: Annotated[tuple[HostPort, ...], _AT_LEAST_ONE, _MIN_ITEMS]
    """Host and port: of the server, of the Sentinels, or of some nodes of the Cluster."""
    mode: Literal["standalone", "sentinel", "cluster"] = "standalone"
    sentinelMaster: str | None = None
    """The name under which the Sentinels know the server."""
    sentinelUsername: str | None = None
    sentinelPassword: Secret | None = None
    database: Whole = 0
    username: str | None = None
    password: Secret | None = None
    tracking: Flag = True
    """Let Redis announce changes (CLIENT TRACKING) where it allows that."""

    @field_validator("tracking")
    @classmethod
    def _outlasts_safety_net(cls, tracking: bool, info: ValidationInfo) -> bool:  # noqa: FBT001 - pydantic's signature
        around, freshness = surroundings(info), info.data.get("freshness")
        if tracking and freshness is not None and around is not None and around.defaults is not None:
            outlasts_reads(freshness, around.defaults.safetyNet, "defaults.safetyNet", subject="freshness: ")
        return tracking

    @field_validator("mode")
    @classmethod
    def _one_server(cls, mode: str, info: ValidationInfo) -> str:
        if mode == "standalone" and len(info.data.get("addresses", ())) > 1:
            raise ValueError("standalone has one address; several need mode: sentinel or mode: cluster")
        return mode

    @field_validator("sentinelMaster")
    @classmethod
    def _sentinel(cls, master: str | None, info: ValidationInfo) -> str | None:
        mode = info.data.get("mode")
        if mode == "sentinel" and not master:
            raise ValueError("is required with mode: sentinel")
        if mode in ("standalone", "cluster") and master:
            raise ValueError("is for mode: sentinel only")
        return master

    @field_validator("database")
    @classmethod
    def _only_database(cls, database: int, info: ValidationInfo) -> int:
        if info.data.get("mode") == "cluster" and database:
            raise ValueError("a Cluster has database 0 only")
        return database


class RabbitConnection(Connection):
    """
    A RabbitMQ: by AMQP (ready messages only), by the management API (unacknowledged ones too), or both.
    """

    type: Literal["rabbitmq"]
    amqp: HostPort | None = None
    management: HttpUrl | None = None
    vhost: Annotated[str, Field(min_length=1)] = "/"
    username: str = "guest"
    password: Secret | None = None
    """Default: the password `guest`, which a RabbitMQ accepts from its own machine only."""

    @field_validator("management")
    @classmethod
    def _reachable(cls, management: str | None, info: ValidationInfo) -> str | None:
        if "amqp" in info.data and info.data["amqp"] is None and management is None:
            raise ValueError("give amqp, management, or both")
        return management


class PrometheusConnection(Connection):
    """
    A Prometheus, or what speaks its query API (Thanos, Mimir, VictoriaMetrics).
    """

    type: Literal["prometheus"]
    url: HttpUrl
    bearerToken: Secret | None = None
    username: str | None = None
    password: Secret | None = None
    headers: Headers = Field(default_factory=dict)
    """Sent with every query, such as X-Scope-OrgID."""
    gpuSelector: str = ""
    """Label matchers added to the DCGM queries, such as cluster="a"."""

    @field_validator("password")
    @classmethod
    def _one_login(cls, password: Secret | None, info: ValidationInfo) -> Secret | None:
        if (info.data.get("username") is None) != (password is None) and "username" in info.data:
            raise ValueError("username and password are given together or not at all")
        if password is not None and info.data.get("bearerToken") is not None:
            raise ValueError("give a bearerToken or a username with its password, not both")
        return password


class ScrapeConnection(Connection):
    """
    Metrics pages that are scraped directly: dcgm-exporters, gateways, or the pods themselves.

    A host name that resolves to several addresses (a headless Service) is scraped at every one of them. A URL without a
    path means its `/metrics`, as everywhere.
    """

    type: Literal["scrape"]
    urls: Annotated[tuple[HttpUrl, ...], _AT_LEAST_ONE, _MIN_ITEMS]
    bearerToken: Secret | None = None
    headers: Headers = Field(default_factory=dict)
    """Sent with every scrape."""


class NvmlConnection(Connection):
    """
    The GPUs of this machine, through NVML. All of them count for any workload that uses the connection.
    """

    type: Literal["nvml"]
    devices: tuple[Whole, ...] | None = None
    """Indexes of the GPUs to read; default: all."""


AnyConnection = Annotated[
    RedisConnection | RabbitConnection | PrometheusConnection | ScrapeConnection | NvmlConnection,
    Field(discriminator="type"),
]

CONNECTION_TYPES = ("redis", "rabbitmq", "prometheus", "scrape", "nvml")

QueueType = Literal["list", "stream", "sortedSet", "celery", "rq", "bullmq", "arq", "dramatiq", "sidekiq", "rabbitmq"]
"""How a queue is kept: a Redis structure, a task framework's keys in Redis, or a queue of RabbitMQ."""

QUEUES: Mapping[str, tuple[str, ...]] = {
    "redis": tuple(name for name in get_args(QueueType) if name != "rabbitmq"),
    "rabbitmq": ("rabbitmq",),
}
"""The queue types that a connection of a type can read; the first one is meant where none is named."""

RATES: Mapping[str, str] = {"prometheus": "query", "scrape": "metric"}
"""What a connection of a type needs to tell a request rate."""

GPUS = ("prometheus", "scrape", "nvml")
"""The types of connections that know GPUs."""
