"""
What every scenario has: a Redis, a folder, how large it is to be, and where its figures go.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.bench.brokers import RedisJobs
from tests.bench.figures import Figures
from tests.bench.keda import Keda
from tests.bench.scaler import Scaler, core_seconds


@dataclass(frozen=True, slots=True)
class Sizes:
    """
    How much of everything; times in seconds.

    Attributes:
        announced, polled: how many wakes are measured where changes are announced, and where they are polled for.
        beside: idle workloads beside those that are woken, each number in a run of its own.
        many: workloads that are asked at KEDA's cadence.
        most: workloads that ask all at once, then steadily.
        streams: push streams that are open at the end.
        watched: how long something is watched that goes on steadily.
    """

    announced: int = 300
    polled: int = 100
    beside: tuple[int, ...] = (0, 1000)
    many: int = 1000
    most: int = 10_000
    streams: int = 1000
    watched: float = 20.0


@dataclass(frozen=True, slots=True)
class World:
    """
    One run of the benchmark. Each scenario has a scaler of its own, and an empty Redis.
    """

    folder: Path
    redis: RedisJobs
    figures: Figures
    sizes: Sizes

    @asynccontextmanager
    async def scaler(self, connection: Mapping[str, Any], **defaults: str) -> AsyncIterator[tuple[Scaler, Keda]]:
        """
        Run a scaler with one connection, and KEDA's channel to it.
        """
        await self.redis.empty()
        document = {
            "connections": {"queues": dict(connection)},
            "policies": {"default": {"queue": {"connection": "queues", "target": 3}}},
            "defaults": defaults,
        }
        async with Scaler(self.folder, document) as scaler, Keda(scaler.address) as keda:
            begun, busy, own = time.monotonic(), core_seconds(), scaler.cpu_seconds()
            yield scaler, keda
            taken = core_seconds() - busy - (scaler.cpu_seconds() - own)
            self.figures.note_most("disturbed_percent", taken / (time.monotonic() - begun) * 100)
