"""
The catalogue: which source speaks to which type of connection.
"""

from __future__ import annotations

from scaler.settings.connections import (
    AnyConnection,
    NvmlConnection,
    PrometheusConnection,
    RabbitConnection,
    RedisConnection,
    ScrapeConnection,
)
from scaler.sources.base import Source

# ruff: noqa: PLC0415 - each client library costs megabytes and start-up time; only those in use are imported


def connect(name: str, settings: AnyConnection) -> Source:
    """
    Return the source of a connection. It connects when it is asked for the first time, not before.
    """
    match settings:
        case RedisConnection():
            from scaler.sources.redis import RedisSource

            return RedisSource(name, settings)
        case RabbitConnection():
            from scaler.sources.rabbitmq import RabbitSource

            return RabbitSource(name, settings)
        case PrometheusConnection():
            from scaler.sources.prometheus import PrometheusSource

            return PrometheusSource(name, settings)
        case ScrapeConnection():
            from scaler.sources.scrape import ScrapeSource

            return ScrapeSource(name, settings)
        case NvmlConnection():
            from scaler.sources.nvml import NvmlSource

            return NvmlSource(name, settings)
