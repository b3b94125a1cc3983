"""
What a server in trouble says, and what is no Redis.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from scaler.domain.readings import QueueDepth
from scaler.sources.base import SourceError
from scaler.sources.questions import RedisQueue, RedisShape
from tests.servers.redis import RedisServer
from tests.sources.redis.asking import JOBS, ask, trouble
from tests.sources.redis.conftest import MakeSource


@pytest.mark.parametrize(
    ("reply", "sentence"),
    [
        (b"-LOADING Redis is loading the dataset in memory\r\n", "is still loading its data"),
        (b"-MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.\r\n", "its master"),
        (b"-NOAUTH Authentication required.\r\n", "asks for a password"),
        (b"-CLUSTERDOWN The cluster is down\r\n", "hash slots"),
        (b"HTTP/1.1 400 Bad Request\r\n", "is it a Redis?"),
        (b":twelve\r\n", "is it a Redis?"),
    ],
)
async def test_a_server_that_can_answer_nothing(
    start_scripted: Any, source_of: MakeSource, reply: bytes, sentence: str
) -> None:
    """
    The whole read fails, and says why.
    """
    server = await start_scripted(LLEN=reply)
    source = source_of(server.address)
    assert sentence in await trouble(source)
    server.replies["LLEN"] = b":4\r\n"
    assert await ask(source) == QueueDepth(4)


@pytest.mark.parametrize("reply", [b":-1\r\n", b"+many\r\n", b"$-1\r\n", b"*0\r\n"])
async def test_numbers_that_make_no_sense(start_scripted: Any, source_of: MakeSource, reply: bytes) -> None:
    """
    A length that is none is trouble for its question alone.
    """
    server = await start_scripted(LLEN=reply, ZCARD=b":2\r\n")
    ranked = RedisQueue("main", RedisShape.SORTED_SET, "ranked")
    answers = await source_of(server.address).read([JOBS, ranked])
    assert "makes no sense" in str(answers[JOBS])
    assert answers[ranked] == QueueDepth(2)


async def test_a_proxy_that_repeats_what_it_was_sent(
    start_scripted: Any, source_of: MakeSource, secret: Callable[[str], dict[str, str]]
) -> None:
    """
    The password is in no sentence, and in none of the exceptions behind it.
    """
    said = b"-ERR unknown command 'AUTH', with args beginning with: 'scaler' 'correct horse' \r\n"
    server = await start_scripted(AUTH=said)
    source = source_of(server.address, username="scaler", password=secret("correct horse"))
    with pytest.raises(SourceError, match="does not know a command") as raised:
        await source.read([JOBS])
    error: BaseException | None = raised.value
    while error is not None:
        assert "horse" not in str(error)
        error = error.__cause__ or error.__context__


async def test_a_server_without_users_takes_the_password_alone(
    start_scripted: Any, source_of: MakeSource, secret: Callable[[str], dict[str, str]]
) -> None:
    """
    As Redis before 6 does, which knows no AUTH with a name in it.
    """
    server = await start_scripted(AUTH_SCALER=b"-ERR wrong number of arguments for 'auth' command\r\n", LLEN=b":4\r\n")
    source = source_of(server.address, username="scaler", password=secret("horse"), database=2)
    assert await ask(source) == QueueDepth(4)
    assert server.heard[:3] == [["AUTH", "scaler", "horse"], ["AUTH", "horse"], ["SELECT", "2"]]


def masters(port: int, flags: bytes) -> bytes:
    """
    What a Sentinel says that watches one master.
    """
    words = (b"name", b"mymaster", b"ip", b"127.0.0.1", b"port", b"%d" % port, b"flags", flags)
    return b"*1\r\n*8\r\n" + b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in words)


async def test_sentinels_are_asked_until_one_knows(start_scripted: Any, source_of: MakeSource) -> None:
    """
    One that refuses, or that takes the master for dead, does not keep the next one from being asked.
    """
    server = await start_scripted(LLEN=b":4\r\n")
    port = int(server.address.partition(":")[2])
    refusing = await start_scripted(SENTINEL_MASTERS=b"-NOAUTH Authentication required.\r\n")
    doubting = await start_scripted(SENTINEL_MASTERS=masters(port, b"s_down,master"))
    knowing = await start_scripted(SENTINEL_MASTERS=masters(port, b"master"))
    addresses = [each.address for each in (refusing, doubting, knowing)]
    assert await ask(source_of(*addresses, mode="sentinel", sentinelMaster="mymaster")) == QueueDepth(4)
    said = await trouble(source_of(*addresses[:2], mode="sentinel", sentinelMaster="mymaster"))
    assert said == f"a Sentinel at {addresses[0]}, {addresses[1]} asks for a password: give the connection one"
    said = await trouble(source_of(addresses[1], mode="sentinel", sentinelMaster="mymaster"))
    assert said.endswith("was not found: no Sentinel answers, or none knows a healthy master of that name")


@pytest.mark.parametrize(
    ("reply", "sentence"),
    [
        (b"-ERR This instance has cluster support disabled\r\n", "is not a Redis Cluster: use mode: standalone"),
        (b"-LOADING Redis is loading the dataset in memory\r\n", "is still loading its data"),
        (b"-NOAUTH Authentication required.\r\n", "asks for a password"),
        (b"HTTP/1.1 400 Bad Request\r\n", "the Redis Cluster at"),
    ],
)
async def test_a_node_that_tells_nothing_of_its_cluster(
    start_scripted: Any, source_of: MakeSource, reply: bytes, sentence: str
) -> None:
    """
    What it says instead is understood as from any server.
    """
    server = await start_scripted(CLUSTER_SLOTS=reply, CLUSTER_SHARDS=reply)
    assert sentence in await trouble(source_of(server.address, mode="cluster"))


async def test_a_secret_that_is_not_there(start_scripted: Any, source_of: MakeSource, tmp_path: Path) -> None:
    """
    Nothing can be asked without it, and it is named, whatever is asked.
    """
    server = await start_scripted()
    secret = {"file": str(tmp_path / "nowhere")}
    sentence = f"cannot be asked: the secret file {tmp_path / 'nowhere'} cannot be read"
    assert sentence in await trouble(source_of(server.address, password=secret))
    assert sentence in await trouble(source_of(server.address, password=secret, mode="cluster"))
    sentinel = {"mode": "sentinel", "sentinelMaster": "mymaster", "sentinelPassword": secret}
    assert sentence in await trouble(source_of(server.address, **sentinel))


async def test_a_thousand_lists_are_one_round_trip(start_scripted: Any, source_of: MakeSource) -> None:
    """
    A server that says nothing before it has heard a thousand questions hears them.
    """
    server = await start_scripted(LLEN=b":1\r\n")
    source = source_of(server.address)
    assert await ask(source) == QueueDepth(1)
    server.hold_until = len(server.heard) + 1000
    questions = [RedisQueue("main", RedisShape.LIST, f"jobs:{number}") for number in range(1000)]
    answers = await source.read(questions)
    assert set(answers.values()) == {QueueDepth(1)}
    assert len(answers) == 1000
    assert server.connections == 1


async def test_a_connection_that_was_closed_meanwhile_is_replaced(start_scripted: Any, source_of: MakeSource) -> None:
    """
    A server that closes idle connections is read all the same.
    """
    server = await start_scripted(LLEN=b":1\r\n")
    source = source_of(server.address)
    assert await ask(source) == QueueDepth(1)
    server.hang_up()
    assert await ask(source) == QueueDepth(1)
    assert server.connections == 2


async def test_a_server_before_7_tells_no_lag(start_scripted: Any, source_of: MakeSource) -> None:
    """
    What comes after the group's place is counted instead, from the next id on.
    """
    group = b"*8\r\n$4\r\nname\r\n$6\r\nagents\r\n$9\r\nconsumers\r\n:1\r\n$7\r\npending\r\n:3\r\n"
    group += b"$17\r\nlast-delivered-id\r\n$3\r\n5-9\r\n"
    entry = b"*2\r\n$4\r\n5-10\r\n*0\r\n"
    server = await start_scripted(XINFO_GROUPS=b"*1\r\n" + group, XLEN=b":40\r\n", XRANGE=b"*2\r\n" + entry * 2)
    events = RedisQueue("main", RedisShape.STREAM, "events", group="agents")
    assert await ask(source_of(server.address), events) == QueueDepth(2, 3)
    assert ["XRANGE", "events", "5-10", "+", "COUNT", "100"] in server.heard


async def test_nobody_there_and_nobody_by_that_name(source_of: MakeSource, redis: RedisServer) -> None:
    """
    A refused connection and a name that does not resolve are told apart.
    """
    redis.stop()
    assert "connection refused" in await trouble(source_of(redis.address))
    assert "does not resolve" in await trouble(source_of("redis.invalid:6379"))
