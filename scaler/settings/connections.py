"""
Connections: addresses with their credentials, named by the operator. A trigger refers to them by name only.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from scaler.settings.values import Interval, Secret, Section

HostPort = Annotated[str, Field(pattern=r"^[A-Za-z0-9._\-\[\]:]+:\d{1,5}$", examples=["redis.ai.svc:6379"])]
HttpUrl = Annotated[
    str, Field(pattern=r"^https?://[^\s@/]+(/\S*)?$", examples=["http://prometheus.monitoring.svc:9090"])
]


class Tls(Section):
    """
    TLS towards a system: the authorities that are trusted, and a certificate of our own where it asks for one.
    """

    ca: Path | None = None
    cert: Path | None = None
    key: Path | None = None
    insecureSkipVerify: bool = False


class Connection(Section):
    """
    What every connection has.
    """

    interval: Interval | None = Field(None, description="Time between two reads; default: defaults.interval.")
    timeout: Interval = Field(2.0, description="Deadline of one read.")
    freshness: Interval | None = Field(None, description="How long a reading stays good; default: defaults.freshness.")
    tls: Tls | None = None


class RedisConnection(Connection):
    """
    A Redis: standalone, behind Sentinel, or a Cluster.
    """

    type: Literal["redis"]
    addresses: Annotated[tuple[HostPort, ...], Field(min_length=1)]
    mode: Literal["standalone", "sentinel", "cluster"] = "standalone"
    sentinelMaster: str | None = None
    sentinelUsername: str | None = None
    sentinelPassword: Secret | None = None
    database: Annotated[int, Field(ge=0)] = 0
    username: str | None = None
    password: Secret | None = None
    tracking: bool = Field(True, description="Let Redis announce changes (CLIENT TRACKING) where it allows that.")


class RabbitConnection(Connection):
    """
    A RabbitMQ: by AMQP (ready messages only), by the management API (unacknowledged ones too), or both.
    """

    type: Literal["rabbitmq"]
    amqp: HostPort | None = None
    management: HttpUrl | None = None
    vhost: str = "/"
    username: str = "guest"
    password: Secret | None = None


class PrometheusConnection(Connection):
    """
    A Prometheus, or what speaks its query API (Thanos, Mimir, VictoriaMetrics).
    """

    type: Literal["prometheus"]
    url: HttpUrl
    bearerToken: Secret | None = None
    username: str | None = None
    password: Secret | None = None
    headers: dict[str, str | Secret] = Field(default_factory=dict)
    gpuSelector: str = Field("", description='Label matchers added to the DCGM queries, such as cluster="a".')


class ScrapeConnection(Connection):
    """
    Metrics pages that are scraped directly: dcgm-exporters, gateways, or the pods themselves.

    A host name that resolves to several addresses (a headless Service) is scraped at every one of them.
    """

    type: Literal["scrape"]
    urls: Annotated[tuple[HttpUrl, ...], Field(min_length=1)]
    bearerToken: Secret | None = None
    headers: dict[str, str | Secret] = Field(default_factory=dict)


class NvmlConnection(Connection):
    """
    The GPUs of this machine, through NVML. All of them count for any workload that uses the connection.
    """

    type: Literal["nvml"]
    devices: tuple[int, ...] | None = Field(None, description="Indexes of the GPUs to read; default: all.")


AnyConnection = Annotated[
    RedisConnection | RabbitConnection | PrometheusConnection | ScrapeConnection | NvmlConnection,
    Field(discriminator="type"),
]
