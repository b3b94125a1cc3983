"""
The contract of all sources, kept by Redis: one server, and a Cluster of three.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from redis import Redis, RedisCluster
from redis.exceptions import RedisClusterException, RedisError

from scaler.settings.connections import RedisConnection
from scaler.sources.questions import Question, RabbitQueue, RedisQueue, RedisShape
from scaler.sources.redis import RedisSource
from tests.servers.fixtures import Folders
from tests.servers.redis import RedisServer, cluster_arguments, join_cluster
from tests.sources.contract import SourceContract, SourceWorld, eventually

PASSWORD = "correct horse"
LET_IN = ("scaler", "reset", "on", f">{PASSWORD}", "~*", "+@all")


class RedisWorld(SourceWorld):
    """
    Servers that let a user in by a password, and the source that looks at them as that user.
    """

    mode = "standalone"

    def __init__(self, servers: Sequence[RedisServer], folder: Path) -> None:
        self.questions = [
            RedisQueue("main", RedisShape.LIST, "jobs"),
            RedisQueue("main", RedisShape.SORTED_SET, "ranked"),
            RedisQueue("main", RedisShape.STREAM, "events", group="agents"),
        ]
        self.foreign = RabbitQueue("main", "jobs")
        self.host = servers[0].address
        self.secrets = (PASSWORD,)
        self._servers = servers
        self._password = folder / "password"
        self._password.write_text(PASSWORD)

    def client(self) -> Redis | RedisCluster:
        """
        Return a client that steers the servers.
        """
        return self._servers[0].client()

    def source(self) -> RedisSource:
        """
        Return a source that looks at the servers.
        """
        given: dict[str, Any] = {
            "type": "redis",
            "addresses": [server.address for server in self._servers],
            "mode": self.mode,
            "username": "scaler",
            "password": {"file": str(self._password)},
        }
        return RedisSource("main", RedisConnection.of(given))

    async def put(self, question: Question, number: float) -> None:
        """
        Fill the key with so many entries.
        """
        assert isinstance(question, RedisQueue)
        await asyncio.to_thread(self._fill, question, int(number))

    async def stop(self) -> None:
        """
        End the servers.
        """
        await self._each("stop")

    async def start(self) -> None:
        """
        Start the servers, which have forgotten everything, and let the user in again.
        """
        await self._each("restore")
        await eventually(self.whole, 30)
        for server in self._servers:
            with server.client() as client:
                client.execute_command("ACL SETUSER", *LET_IN)
                client.flushall()

    async def hang(self) -> None:
        """
        Freeze the servers.
        """
        await self._each("pause")

    async def resume(self) -> None:
        """
        Let the servers go on.
        """
        await self._each("resume")
        await eventually(self.whole, 30)

    async def spoil(self, question: Question) -> None:
        """
        Put a hash where the queue was.
        """
        assert isinstance(question, RedisQueue)
        with self.client() as client:
            client.delete(question.key)
            client.hset(question.key, "a", "b")

    def whole(self) -> bool:
        """
        Tell whether the servers answer for every key.
        """
        return True

    async def _each(self, action: str) -> None:
        for server in self._servers:
            await asyncio.to_thread(getattr(server, action))

    def _fill(self, question: RedisQueue, number: int) -> None:
        with self.client() as client:
            client.delete(question.key)
            for entry in range(number):
                match question.shape:
                    case RedisShape.LIST:
                        client.rpush(question.key, entry)
                    case RedisShape.SORTED_SET:
                        client.zadd(question.key, {str(entry): entry})
                    case RedisShape.STREAM:
                        client.xadd(question.key, {"entry": str(entry)})


class ClusterWorld(RedisWorld):
    """
    A Cluster, whose three questions are about keys of different nodes.
    """

    mode = "cluster"

    def client(self) -> RedisCluster:
        """
        Return a client that follows the keys.
        """
        return RedisCluster(host="127.0.0.1", port=self._servers[0].port)

    def whole(self) -> bool:
        """
        Tell whether every node says that all slots are served.
        """
        try:
            for server in self._servers:
                with server.client() as client:
                    if client.execute_command("CLUSTER INFO")["cluster_state"] != "ok":
                        return False
        except (RedisError, RedisClusterException):
            return False
        return True


@pytest.fixture(scope="module")
def nodes(server_folders: Folders) -> Iterator[list[RedisServer]]:
    """
    Three nodes of a Cluster for all these tests.
    """
    with ExitStack() as stack:
        nodes = [
            stack.enter_context(RedisServer(server_folders.new(), server_folders.mounted, *cluster_arguments()))
            for _ in range(3)
        ]
        join_cluster(nodes)
        yield nodes


class TestRedisServer(SourceContract):
    """
    One server.
    """

    @pytest.fixture
    async def world(self, redis: RedisServer, tmp_path: Path) -> AsyncIterator[RedisWorld]:
        """
        The server that all tests share.
        """
        world = RedisWorld([redis], tmp_path)
        await world.start()
        yield world
        await world.start()


class TestRedisCluster(SourceContract):
    """
    A Cluster.
    """

    @pytest.fixture
    async def world(self, nodes: list[RedisServer], tmp_path: Path) -> AsyncIterator[ClusterWorld]:
        """
        The Cluster, whole and empty.
        """
        world = ClusterWorld(nodes, tmp_path)
        await world.start()
        yield world
        await world.start()
