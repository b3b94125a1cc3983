"""
Real brokers: where jobs are put, and how the scaler is told to reach them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pika
from redis.asyncio import Redis

from tests.servers.rabbitmq import RabbitServer
from tests.servers.redis import RedisServer


class RedisJobs:
    """
    Lists in a Redis.
    """

    def __init__(self, port: int) -> None:
        self.port = port
        self._client = Redis(port=port)

    def connection(self, **more: Any) -> dict[str, Any]:
        """
        Return the connection as the configuration has it.
        """
        return {"type": "redis", "addresses": [f"127.0.0.1:{self.port}"], **more}

    async def push(self, queue: str) -> None:
        """
        Put a job on a list.
        """
        await self._client.lpush(queue, "job")

    async def fill(self, queues: Iterable[str]) -> None:
        """
        Put a job on each of many lists.
        """
        pipeline = self._client.pipeline()
        for queue in queues:
            pipeline.lpush(queue, "job")
        await pipeline.execute()

    async def empty(self) -> None:
        """
        Remove everything.
        """
        await self._client.flushall()

    async def reads(self) -> int:
        """
        Return how many list lengths have been read since the server started.
        """
        statistics: Mapping[str, Mapping[str, int]] = await self._client.info("commandstats")
        return statistics.get("cmdstat_llen", {}).get("calls", 0)

    async def aclose(self) -> None:
        """
        Hang up.
        """
        await self._client.aclose()


class RabbitJobs:
    """
    Queues in a RabbitMQ.
    """

    def __init__(self, server: RabbitServer) -> None:
        self._server = server
        self._connection = pika.BlockingConnection(
            pika.ConnectionParameters("127.0.0.1", server.amqp_port, heartbeat=0)
        )
        self._channel = self._connection.channel()

    def connection(self) -> dict[str, Any]:
        """
        Return the connection as the configuration has it.
        """
        return {"type": "rabbitmq", "amqp": self._server.amqp}

    async def declare(self, queues: Iterable[str]) -> None:
        """
        Make queues, and empty those that are there.
        """
        for queue in queues:
            self._channel.queue_declare(queue)
            self._channel.queue_purge(queue)
            await asyncio.sleep(0)

    async def push(self, queue: str) -> None:
        """
        Put a job on a queue; it is on its way to the broker when this returns.
        """
        self._channel.basic_publish("", queue, b"job")

    def close(self) -> None:
        """
        Hang up.
        """
        self._connection.close()


@contextmanager
def redis_server(folder: Path) -> Iterator[int]:
    """
    Run a Redis, and give its port.
    """
    with RedisServer(_new(folder, "redis"), folder) as server:
        yield server.port


@contextmanager
def rabbitmq(folder: Path) -> Iterator[RabbitJobs]:
    """
    Run a RabbitMQ, and give its queues.
    """
    with RabbitServer(_new(folder, "rabbitmq"), folder) as server, closing(RabbitJobs(server)) as jobs:
        yield jobs


def _new(folder: Path, name: str) -> Path:
    new = folder / name
    new.mkdir()
    return new
