"""
An engine with fake sources in virtual time: what its tests share.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from random import Random

from scaler.domain.pods import Fleet
from scaler.domain.readings import PodUse, QueueDepth, RequestRate
from scaler.engine.engine import Engine
from scaler.engine.memory import Memory
from scaler.engine.workload import Caller
from scaler.settings.connections import AnyConnection
from scaler.settings.document import Document
from scaler.sources.fake import FakeSource
from scaler.sources.questions import GpuFleet, PromRate, RedisQueue, RedisShape

CONFIGURATION: dict[str, object] = {
    "connections": {
        "jobs": {"type": "redis", "addresses": ["redis.test:6379"]},
        "metrics": {"type": "prometheus", "url": "http://prometheus.test:9090"},
    },
    "policies": {
        "default": {"queue": {"connection": "jobs", "type": "list", "target": 3}},
        "whole": {
            "queue": {"connection": "jobs", "type": "list", "target": 3},
            "requests": {"connection": "metrics", "query": "sum(rate(requests[1m]))", "target": 5},
            "gpu": {"connection": "metrics", "target": 80},
        },
    },
}


def connections() -> dict[str, object]:
    """
    Return the connections of the configuration.
    """
    configured = CONFIGURATION["connections"]
    assert isinstance(configured, dict)
    return dict(configured)


def document(policy: str = "default", **changes: dict[str, object]) -> Document:
    """
    Return the configuration with changes to the sections of one policy.
    """
    policies = CONFIGURATION["policies"]
    assert isinstance(policies, dict)
    changed = {section: {**policies[policy].get(section, {}), **values} for section, values in changes.items()}
    return Document.parse({**CONFIGURATION, "policies": {**policies, policy: {**policies[policy], **changed}}})


def caller(name: str = "agent", namespace: str = "ai", **metadata: str) -> Caller:
    """
    Return a ScaledObject whose trigger names the queue `jobs` unless told otherwise.
    """
    return Caller(namespace, name, {"queue": "jobs", **metadata})


def jobs(key: str = "jobs") -> RedisQueue:
    """
    Return the question about a list.
    """
    return RedisQueue("jobs", RedisShape.LIST, key)


RATE = PromRate("metrics", "sum(rate(requests[1m]))")
GPUS = GpuFleet("metrics")


@dataclass
class Installation:
    """
    An engine and the sources it has opened, by connection.
    """

    engine: Engine
    sources: dict[str, FakeSource] = field(default_factory=dict)

    def queue(self, waiting: int, in_flight: int | None = None, key: str = "jobs") -> None:
        """
        From now on so many jobs are on a queue.
        """
        self.sources["jobs"].put(jobs(key), QueueDepth(waiting, in_flight))

    def rate(self, per_second: float) -> None:
        """
        From now on so many requests come.
        """
        self.sources["metrics"].put(RATE, RequestRate(per_second))

    def gpus(self, *percents: float, workload: str = "agent") -> None:
        """
        From now on so many pods of a workload have GPUs that busy.
        """
        pods = tuple(PodUse(f"{workload}-{index}", percent) for index, percent in enumerate(percents))
        self.sources["metrics"].put(GPUS, Fleet({"ai": pods} if pods else {}))


@asynccontextmanager
async def installed(
    configuration: dict[str, object] | None = None, *, announces: bool = True, memory: Memory | None = None
) -> AsyncIterator[Installation]:
    """
    Run an engine over fake sources; everything is empty and answers.
    """
    sources: dict[str, FakeSource] = {}

    def connect(name: str, settings: AnyConnection) -> FakeSource:
        sources[name] = FakeSource(f"{name}.test:1", announces=announces and settings.type == "redis")
        return sources[name]

    document = Document.parse(configuration or CONFIGURATION)
    rng = Random(4)  # noqa: S311 - spreading reads is no secret
    async with Engine(document, connect, rng, memory=memory) as engine:
        installation = Installation(engine, sources)
        installation.queue(0)
        installation.rate(0)
        installation.gpus()
        yield installation


async def minutes(number: float) -> None:
    """
    Let virtual minutes pass.
    """
    await asyncio.sleep(number * 60)


async def collected(pushes: AsyncIterator[bool]) -> list[bool]:
    """
    Return everything that is pushed until a stream ends.
    """
    return [push async for push in pushes]
