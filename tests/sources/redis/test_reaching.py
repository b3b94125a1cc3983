"""
Ways to a Redis and what goes wrong on them: TLS, users, Sentinels, a Cluster, and servers that are none of these.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from redis import Redis, RedisCluster

from scaler.domain.readings import QueueDepth
from scaler.settings.connections import RedisConnection
from scaler.sources.base import SourceError
from scaler.sources.questions import RedisQueue, RedisShape
from scaler.sources.redis.dialer import Dialer
from scaler.sources.redis.lines import ServerLine
from tests.servers.certificates import Certificates, issue
from tests.servers.fixtures import StartRedis
from tests.servers.redis import SENTINEL_MASTER, RedisServer, Sentinel
from tests.sources.contract import eventually
from tests.sources.redis.asking import JOBS, ask, trouble
from tests.sources.redis.conftest import MakeSource


class TestTls:
    """
    Redis over TLS.
    """

    async def test_with_an_authority_and_a_certificate_of_our_own(
        self, start_redis: StartRedis, source_of: MakeSource, certificates: Certificates
    ) -> None:
        """
        A server that asks for a client's certificate is read with it, and watched.
        """
        server = start_redis("--tls-auth-clients", "yes", certificates=certificates)
        own = {"cert": str(certificates.client_cert), "key": str(certificates.client_key)}
        source = source_of(server.address, tls={"ca": str(certificates.ca), **own})
        assert await ask(source) == QueueDepth(0)
        assert "tracking allowed" in await source.probe()

    async def test_an_unknown_authority_is_not_trusted(
        self, start_redis: StartRedis, source_of: MakeSource, certificates: Certificates
    ) -> None:
        """
        A certificate by nobody we know is refused, unless the operator says that any will do.
        """
        server = start_redis(certificates=certificates)
        said = await trouble(source_of(server.address, tls={}))
        assert said.startswith(f"Redis at {server.address} cannot be reached: its certificate is not trusted")
        assert await ask(source_of(server.address, tls={"insecureSkipVerify": True})) == QueueDepth(0)

    async def test_a_certificate_for_another_name_is_not_trusted(
        self, start_redis: StartRedis, source_of: MakeSource, tmp_path_factory: pytest.TempPathFactory
    ) -> None:
        """
        The name in the certificate must be the one that was dialled.
        """
        other = issue(tmp_path_factory.mktemp("other"), "redis.example")
        server = start_redis(certificates=other)
        assert "certificate is not trusted" in await trouble(source_of(server.address, tls={"ca": str(other.ca)}))

    async def test_a_server_without_tls_and_a_file_that_is_not_there(
        self, redis: RedisServer, source_of: MakeSource, tmp_path: Path
    ) -> None:
        """
        Such a server waits for the end of what it takes for a command; both are told in a sentence.
        """
        assert "did not answer in time" in await trouble(source_of(redis.address, tls={}, timeout=0.3))
        missing = {"ca": str(tmp_path / "missing.pem")}
        assert "no such file" in await trouble(source_of(redis.address, tls=missing))


class TestUsers:
    """
    Redis with passwords and access rules.
    """

    @pytest.fixture
    def guarded(self, start_redis: StartRedis) -> RedisServer:
        """
        A server that lets in only the user `scaler`, who may ask for lengths of keys that begin with `jobs`.
        """
        user = ("--user", "scaler", "on", ">first", "~jobs*", "+llen", "+zcard")
        return start_redis("--user", "default", "on", ">root", "~*", "+@all", *user)

    def root(self, server: RedisServer) -> Redis:
        """
        A client that may do anything.
        """
        return Redis(port=server.port, password="root")

    async def test_what_rules_forbid_is_told_with_the_rule_that_is_missing(
        self, guarded: RedisServer, source_of: MakeSource, secret: Callable[[str], dict[str, str]]
    ) -> None:
        """
        A key out of bounds, and a command, are trouble for their own questions; the others are answered.
        """
        source = source_of(guarded.address, username="scaler", password=secret("first"))
        other = RedisQueue("main", RedisShape.LIST, "other")
        stream = RedisQueue("main", RedisShape.STREAM, "jobs:events", group="agents")
        answers = await source.read([JOBS, other, stream])
        assert answers[JOBS] == QueueDepth(0)
        assert "ACL rules such as +llen and ~other" in str(answers[other])
        assert "ACL rules such as +xinfo|groups and ~jobs:events" in str(answers[stream])
        assert "client|tracking" in await source.probe()

    async def test_a_wrong_password_a_missing_one_and_a_missing_secret(
        self, guarded: RedisServer, source_of: MakeSource, secret: Callable[[str], dict[str, str]], tmp_path: Path
    ) -> None:
        """
        Each is told apart, and none of them is repeated.
        """
        wrong = await trouble(source_of(guarded.address, username="scaler", password=secret("wrong horse")))
        assert wrong == f"Redis at {guarded.address} refuses the user name or the password"
        missing = await trouble(source_of(guarded.address))
        assert missing == f"Redis at {guarded.address} asks for a password: give the connection one"
        path = tmp_path / "nowhere"
        assert str(path) in await trouble(source_of(guarded.address, password={"file": str(path)}))

    async def test_a_rotated_password_is_read_again(
        self, guarded: RedisServer, source_of: MakeSource, secret: Callable[[str], dict[str, str]]
    ) -> None:
        """
        The server's password changes and the connection is cut: refused with the old secret, let in with the new.
        """
        source = source_of(guarded.address, username="scaler", password=secret("first"))
        assert await ask(source) == QueueDepth(0)
        with self.root(guarded) as root:
            root.execute_command("ACL SETUSER", "scaler", "resetpass", ">second")
            root.execute_command("CLIENT KILL", "USER", "scaler")
        assert "refuses the user name or the password" in await trouble(source)
        secret("second")
        assert await ask(source) == QueueDepth(0)

    async def test_a_password_without_a_user(
        self, start_redis: StartRedis, source_of: MakeSource, secret: Callable[[str], dict[str, str]]
    ) -> None:
        """
        A server that only has a password is read and watched with it, in another of its databases.
        """
        server = start_redis("--requirepass", "root")
        with Redis(port=server.port, password="root", db=3) as root:
            root.rpush("jobs", "a")
        source = source_of(server.address, password=secret("root"), database=3)
        assert await ask(source) == QueueDepth(1)
        assert (await source.probe()).endswith(", standalone, tracking allowed")
        assert "check the connection's database" in await trouble(
            source_of(server.address, password=secret("root"), database=99)
        )


class TestSentinel:
    """
    Redis behind Sentinels.
    """

    async def test_reads_follow_a_failover(
        self,
        start_redis: StartRedis,
        start_sentinel: Callable[..., Sentinel],
        source_of: MakeSource,
        secret: Callable[[str], dict[str, str]],
    ) -> None:
        """
        The master dies, its replica takes over, and the source reads there.
        """
        master = start_redis()
        replica = start_redis("--replicaof", f"127.0.0.1 {master.port}", "--repl-diskless-sync-delay", "0")
        sentinel = start_sentinel(master, "requirepass watch")
        source = source_of(
            sentinel.address, mode="sentinel", sentinelMaster=SENTINEL_MASTER, sentinelPassword=secret("watch")
        )
        with master.client() as client:
            client.rpush("jobs", "a", "b")
        assert await ask(source) == QueueDepth(2)
        with replica.client() as client:
            await eventually(lambda: client.llen("jobs") == 2, 20)
            with Redis(port=sentinel.port, password="watch") as watching:
                await eventually(lambda: bool(watching.sentinel_slaves(SENTINEL_MASTER)), 20)
            await asyncio.to_thread(master.stop)
            await trouble(source)
            with Redis(port=sentinel.port, password="watch") as watching:
                await eventually(lambda: self.master_known(watching) == replica.port, 20)
        assert await ask(source) == QueueDepth(2)

    async def test_a_master_that_was_cut_off_is_left(
        self, start_redis: StartRedis, start_sentinel: Callable[..., Sentinel]
    ) -> None:
        """
        A server that is no master any more is not read on, though it still answers.
        """
        old, new = start_redis(), start_redis()
        sentinel = start_sentinel(old)
        given = {
            "type": "redis",
            "addresses": [sentinel.address],
            "mode": "sentinel",
            "sentinelMaster": SENTINEL_MASTER,
        }
        line = ServerLine(Dialer(RedisConnection.of(given)), address_good_for=0.0)
        with old.client() as client:
            client.rpush("jobs", "a")
        assert await line.exchange([("LLEN", "jobs")]) == [1]
        with sentinel.client() as client:
            client.sentinel_remove(SENTINEL_MASTER)
            client.sentinel_monitor(SENTINEL_MASTER, "127.0.0.1", new.port, 1)
        assert await line.exchange([("LLEN", "jobs")]) == [0]
        await asyncio.to_thread(sentinel.pause)
        assert await line.exchange([("LLEN", "jobs")]) == [0]
        await line.aclose()

    def master_known(self, sentinel: Redis) -> int | None:
        """
        Return the port of the master that a Sentinel names, if it thinks well of it.
        """
        state: Any = sentinel.sentinel_masters()
        state = state[SENTINEL_MASTER]
        return int(state["port"]) if state["flags"] == "master" else None

    async def test_no_sentinel_and_no_such_master(
        self, redis: RedisServer, start_sentinel: Callable[..., Sentinel], source_of: MakeSource
    ) -> None:
        """
        Both say what was looked for, and where.
        """
        sentinel = start_sentinel(redis)
        said = await trouble(source_of(sentinel.address, mode="sentinel", sentinelMaster="other"))
        assert "'other'" in said
        assert sentinel.address in said
        source = source_of(sentinel.address, mode="sentinel", sentinelMaster=SENTINEL_MASTER)
        assert await ask(source) == QueueDepth(0)
        assert (await source.probe()).endswith(", sentinel, tracking allowed")
        await asyncio.to_thread(sentinel.stop)
        assert await ask(source) == QueueDepth(0)
        fresh = source_of(sentinel.address, mode="sentinel", sentinelMaster=SENTINEL_MASTER)
        assert sentinel.address in await trouble(fresh)


class TestCluster:
    """
    A Redis Cluster.
    """

    async def test_a_node_that_is_down_is_trouble_for_its_keys(
        self, start_redis_cluster: Callable[..., list[RedisServer]], source_of: MakeSource
    ) -> None:
        """
        Keys of the nodes that are left are answered for as long as these answer.
        """
        nodes = start_redis_cluster("--cluster-require-full-coverage", "no")
        questions = [RedisQueue("main", RedisShape.LIST, key) for key in ("a", "b", "c")]
        with RedisCluster(host="127.0.0.1", port=nodes[0].port) as client:
            for question in questions:
                client.rpush(question.key, 1)
            lost = next(node for node in nodes if node.port == client.get_node_from_key("b").port)
        source = source_of(*(node.address for node in nodes), mode="cluster")
        assert list((await source.read(questions)).values()) == [QueueDepth(1)] * 3
        await asyncio.to_thread(lost.stop)
        answers = await source.read(questions)
        assert answers[questions[0]] == answers[questions[2]] == QueueDepth(1)
        assert isinstance(answers[questions[1]], SourceError)
        await asyncio.to_thread(lost.start)
        await eventually(lambda: _knows(lost), 20)
        assert (await source.read(questions))[questions[1]] == QueueDepth(0)

    async def test_a_mode_that_does_not_fit_is_told(
        self, redis: RedisServer, start_redis_cluster: Callable[..., list[RedisServer]], source_of: MakeSource
    ) -> None:
        """
        A Cluster read as one server, and one server read as a Cluster, say what to write instead.
        """
        nodes = start_redis_cluster()
        questions = [RedisQueue("main", RedisShape.LIST, key) for key in ("a", "b", "c")]
        with pytest.raises(SourceError, match="use mode: cluster"):
            await source_of(nodes[0].address).read(questions)
        assert "use mode: standalone" in await trouble(source_of(redis.address, mode="cluster"))
        assert await source_of(nodes[0].address, mode="cluster").probe() == await self.probed(nodes[0])

    async def probed(self, node: RedisServer) -> str:
        """
        What a probe of a Cluster says.
        """
        with node.client() as client:
            return f"Redis {client.info('server')['redis_version']}, cluster, no tracking"


def _knows(node: RedisServer) -> bool:
    with node.client() as client:
        return bool(client.execute_command("CLUSTER INFO")["cluster_state"] == "ok")
