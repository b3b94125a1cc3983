"""
Watching a real Redis by what it announces.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest
from redis import Redis

from scaler.domain.readings import QueueDepth
from scaler.sources.base import Answer, Answers, SourceError, Watcher, WatchRefusedError
from scaler.sources.questions import Framework, FrameworkQueue, Question, RedisQueue, RedisShape
from scaler.sources.redis import RedisSource
from tests.servers.certificates import Certificates
from tests.servers.fixtures import StartRedis
from tests.servers.redis import RedisServer
from tests.sources.contract import eventually
from tests.sources.redis.conftest import MakeSource

JOBS = RedisQueue("main", RedisShape.LIST, "jobs", processing="jobs:taken")
EVENTS = RedisQueue("main", RedisShape.STREAM, "events", group="agents")
RANKED = RedisQueue("main", RedisShape.SORTED_SET, "ranked")
CELERY = FrameworkQueue("main", Framework.CELERY, "gpu")
ALL = (JOBS, EVENTS, RANKED, CELERY)


class Heard:
    """
    What a watcher delivered.
    """

    def __init__(self) -> None:
        self.deliveries: list[Answers] = []
        self.latest: dict[Question, Answer] = {}

    def __call__(self, answers: Answers) -> None:
        """
        Take a delivery.
        """
        self.deliveries.append(answers)
        self.latest.update(answers)

    async def say(self, question: Question, answer: Answer) -> None:
        """
        Wait until the last that was heard of a question is this answer.
        """
        await eventually(lambda: self.latest.get(question) == answer)


def watcher_of(source: RedisSource, questions: Sequence[Question] = ALL) -> Watcher:
    """
    Return a watcher of these questions.
    """
    watcher = source.watcher()
    assert watcher is not None
    watcher.set_questions(questions)
    return watcher


@asynccontextmanager
async def watching(watcher: Watcher) -> AsyncIterator[Heard]:
    """
    Run a watcher for as long as the block lasts, from its first delivery on.
    """
    heard = Heard()
    run = asyncio.create_task(watcher.run(heard))
    try:
        await eventually(lambda: bool(heard.deliveries) or run.done())
        yield heard
    finally:
        run.cancel()
        await asyncio.wait([run])


async def failure(watcher: Watcher) -> SourceError:
    """
    Run a watcher until it fails, which must not take long, and return its error.
    """
    with pytest.raises(SourceError) as raised:
        async with asyncio.timeout(5):
            await watcher.run(Heard())
    return raised.value


async def test_the_present_comes_first_then_every_change(redis: RedisServer, source_of: MakeSource) -> None:
    """
    Lists, streams, sorted sets and a framework's keys are announced, again and again.
    """
    with redis.client() as client:
        client.rpush("jobs", "a")
        async with watching(watcher_of(source_of(redis.address))) as heard:
            assert heard.deliveries[0] == {
                JOBS: QueueDepth(1, 0),
                EVENTS: QueueDepth(0, 0),
                RANKED: QueueDepth(0),
                CELERY: QueueDepth(0, 0),
            }
            for number in (1, 2, 3):
                client.rpush("jobs", "b")
                client.xadd("events", {"n": number})
                client.zadd("ranked", {str(number): number})
                client.lpush("gpu\x06\x163", "{}")
                await heard.say(JOBS, QueueDepth(number + 1, 0))
                await heard.say(EVENTS, QueueDepth(number, 0))
                await heard.say(RANKED, QueueDepth(number))
                await heard.say(CELERY, QueueDepth(number, 0))
            client.lmove("jobs", "jobs:taken")
            await heard.say(JOBS, QueueDepth(3, 1))


async def test_only_what_changed_is_delivered(redis: RedisServer, source_of: MakeSource) -> None:
    """
    One key's change says nothing of the others.
    """
    with redis.client() as client:
        async with watching(watcher_of(source_of(redis.address))) as heard:
            client.rpush("jobs", "a")
            await heard.say(JOBS, QueueDepth(1, 0))
            assert [set(delivery) for delivery in heard.deliveries] == [set(ALL), {JOBS}]


async def test_everything_is_gone_at_once(redis: RedisServer, source_of: MakeSource) -> None:
    """
    FLUSHALL is announced without names: all is read again.
    """
    with redis.client() as client:
        client.rpush("jobs", "a")
        client.zadd("ranked", {"a": 1})
        async with watching(watcher_of(source_of(redis.address))) as heard:
            client.flushall()
            await heard.say(JOBS, QueueDepth(0, 0))
            await heard.say(RANKED, QueueDepth(0))


async def test_a_key_that_expires_is_announced(redis: RedisServer, source_of: MakeSource) -> None:
    """
    Time empties a queue, too.
    """
    with redis.client() as client:
        client.rpush("jobs", "a")
        async with watching(watcher_of(source_of(redis.address))) as heard:
            client.pexpire("jobs", 50)
            await heard.say(JOBS, QueueDepth(0, 0))


async def test_trouble_with_a_key_is_delivered(redis: RedisServer, source_of: MakeSource) -> None:
    """
    A key that becomes something else is trouble, and its return is an answer.
    """
    with redis.client() as client:
        async with watching(watcher_of(source_of(redis.address))) as heard:
            client.set("jobs", "text")
            await eventually(lambda: "holds a string" in str(heard.latest[JOBS]))
            client.delete("jobs")
            await heard.say(JOBS, QueueDepth(0, 0))


async def test_questions_may_change_while_it_runs(redis: RedisServer, source_of: MakeSource) -> None:
    """
    A new question is answered at once and watched from then on; one that is dropped is heard of no more.
    """
    watcher = watcher_of(source_of(redis.address), [JOBS])
    with redis.client() as client:
        async with watching(watcher) as heard:
            watcher.set_questions([RANKED])
            await heard.say(RANKED, QueueDepth(0))
            client.rpush("jobs", "a")
            client.zadd("ranked", {"a": 1})
            await heard.say(RANKED, QueueDepth(1))
            assert heard.latest[JOBS] == QueueDepth(0, 0)
            watcher.set_questions([RANKED, JOBS])
            await heard.say(JOBS, QueueDepth(1, 0))
            client.rpush("jobs", "b")
            await heard.say(JOBS, QueueDepth(2, 0))


async def test_a_key_of_two_questions_is_watched_for_the_one_that_stays(
    redis: RedisServer, source_of: MakeSource
) -> None:
    """
    Two workloads may look at one key in two ways, and one of them may leave.
    """
    plain = RedisQueue("main", RedisShape.LIST, "jobs")
    watcher = watcher_of(source_of(redis.address), [JOBS, plain])
    with redis.client() as client:
        async with watching(watcher) as heard:
            watcher.set_questions([plain])
            client.rpush("jobs", "a")
            await heard.say(plain, QueueDepth(1))
            assert heard.latest[JOBS] == QueueDepth(0, 0)
            watcher.set_questions([])
            watcher.set_questions([JOBS])
            await heard.say(JOBS, QueueDepth(1, 0))


async def test_a_thousand_keys_are_watched(redis: RedisServer, source_of: MakeSource) -> None:
    """
    Each of many keys is announced as if it were the only one.
    """
    queues = [RedisQueue("main", RedisShape.LIST, f"jobs:{number}") for number in range(1000)]
    with redis.client() as client:
        async with watching(watcher_of(source_of(redis.address), queues)) as heard:
            assert len(heard.latest) == 1000
            for queue in queues[::97]:
                client.rpush(queue.key, "a")
                await heard.say(queue, QueueDepth(1))
            with client.pipeline(transaction=False) as pipeline:
                for queue in queues:
                    pipeline.rpush(queue.key, "b")
                pipeline.execute()
            for queue in queues:
                await heard.say(queue, QueueDepth(2 if queue in queues[::97] else 1))


async def test_a_storm_is_read_now_and_then_and_its_end_is_told(redis: RedisServer, source_of: MakeSource) -> None:
    """
    A key that changes without pause is read a hundred times a second at most, and the last change is not lost.
    """
    queue = RedisQueue("main", RedisShape.LIST, "jobs")
    with redis.client() as client:
        async with watching(watcher_of(source_of(redis.address), [queue])) as heard:
            began = asyncio.get_running_loop().time()
            await asyncio.to_thread(_storm, client)
            await heard.say(queue, QueueDepth(3000))
            lasted = asyncio.get_running_loop().time() - began
            reads = client.info("commandstats")["cmdstat_llen"]["calls"]
    assert 2 <= len(heard.deliveries) <= 2 + lasted * 100
    assert reads <= len(heard.deliveries) + 1


def _storm(client: Redis) -> None:
    client.config_resetstat()
    for number in range(3000):
        client.rpush("jobs", number)


async def test_an_idle_watch_does_not_poll(start_scripted: Any, source_of: MakeSource) -> None:
    """
    While nothing changes only a sign of life is asked for: the queue is read once.
    """
    server = await start_scripted(HELLO=b"%1\r\n+proto\r\n:3\r\n", LLEN=b":0\r\n", PING=b"+PONG\r\n")
    queue = RedisQueue("main", RedisShape.LIST, "jobs")
    async with watching(watcher_of(source_of(server.address), [queue])) as heard:
        await eventually(lambda: ["PING"] in server.heard)
        assert server.heard.count(["LLEN", "jobs"]) == 1
        server.replies["LLEN"] = b":1\r\n"
        server.say(b">2\r\n$10\r\ninvalidate\r\n*1\r\n$4\r\njobs\r\n")
        await heard.say(queue, QueueDepth(1))
        assert server.heard.count(["LLEN", "jobs"]) == 2


async def test_what_is_pushed_between_replies_is_no_reply(start_scripted: Any, source_of: MakeSource) -> None:
    """
    Announcements that come in the middle of an exchange leave its replies in order.
    """
    push = b">2\r\n$10\r\ninvalidate\r\n*1\r\n$6\r\nranked\r\n"
    other = b">3\r\n$7\r\nmessage\r\n$1\r\na\r\n$1\r\nb\r\n"
    server = await start_scripted(
        HELLO=b"%1\r\n+proto\r\n:3\r\n", LLEN=push + b":1\r\n" + other, ZCARD=push + b":2\r\n", PING=b"+PONG\r\n"
    )
    queue = RedisQueue("main", RedisShape.LIST, "jobs")
    async with watching(watcher_of(source_of(server.address), [queue, RANKED])) as heard:
        await eventually(lambda: len(heard.deliveries) > 3)
        assert heard.latest == {queue: QueueDepth(1), RANKED: QueueDepth(2)}


async def test_a_broken_connection_ends_the_watch(redis: RedisServer, source_of: MakeSource) -> None:
    """
    A connection that is cut is noticed at once; the watcher runs again afterwards.
    """
    watcher = watcher_of(source_of(redis.address))
    with redis.client() as client:
        failing = asyncio.create_task(failure(watcher))
        await eventually(lambda: int(client.info("clients")["tracking_clients"]) == 1)
        client.execute_command("CLIENT KILL", "TYPE", "normal", "SKIPME", "yes")
        assert redis.address in str(await failing)
        async with watching(watcher) as heard:
            client.rpush("jobs", "a")
            await heard.say(JOBS, QueueDepth(1, 0))


async def test_a_server_that_falls_silent_ends_the_watch(redis: RedisServer, source_of: MakeSource) -> None:
    """
    A connection that stays open and says nothing more is noticed within seconds.
    """
    watcher = watcher_of(source_of(redis.address, timeout=0.5))
    with redis.client() as client:
        failing = asyncio.create_task(failure(watcher))
        await eventually(lambda: int(client.info("clients")["tracking_clients"]) == 1)
        await asyncio.to_thread(redis.pause)
        assert "did not answer in time" in str(await failing)


async def test_a_server_that_is_down_is_no_refusal(redis: RedisServer, source_of: MakeSource) -> None:
    """
    Whoever cannot be reached now may be asked to announce later.
    """
    redis.stop()
    error = await failure(watcher_of(source_of(redis.address)))
    assert not isinstance(error, WatchRefusedError)
    assert redis.address in str(error)


async def test_access_rules_may_forbid_tracking(
    start_redis: StartRedis, source_of: MakeSource, secret: Callable[[str], dict[str, str]]
) -> None:
    """
    That is a refusal, and names the rule; a wrong password is none.
    """
    server = start_redis("--user", "scaler", "on", ">secret", "~*", "+llen")
    refusal = await failure(watcher_of(source_of(server.address, username="scaler", password=secret("secret"))))
    assert isinstance(refusal, WatchRefusedError)
    assert "client|tracking" in str(refusal)
    wrong = await failure(watcher_of(source_of(server.address, username="scaler", password=secret("other"))))
    assert not isinstance(wrong, WatchRefusedError)


@pytest.mark.parametrize(
    "replies",
    [
        {"HELLO": b"-ERR unknown command 'HELLO', with args beginning with: '3' 'AUTH' 'u' 'correct horse' \r\n"},
        {"HELLO": b"-NOPROTO unsupported protocol version\r\n"},
        {
            "HELLO": b"%1\r\n+proto\r\n:3\r\n",
            "CLIENT_TRACKING": b"-ERR Unknown subcommand or wrong number of arguments for 'TRACKING'. Try HELP\r\n",
        },
    ],
)
async def test_old_servers_and_proxies_refuse(
    start_scripted: Any, source_of: MakeSource, secret: Callable[[str], dict[str, str]], replies: dict[str, bytes]
) -> None:
    """
    Who does not speak RESP3, or does not know tracking, refuses; the password is not repeated.
    """
    server = await start_scripted(**replies)
    refusal = await failure(watcher_of(source_of(server.address, username="u", password=secret("correct horse"))))
    assert isinstance(refusal, WatchRefusedError)
    assert server.address in str(refusal)
    assert "horse" not in str(refusal)


async def test_tracking_over_tls(start_redis: StartRedis, source_of: MakeSource, certificates: Certificates) -> None:
    """
    Announcements come over TLS as well.
    """
    server = start_redis(certificates=certificates)
    with Redis(port=server.port, ssl=True, ssl_ca_certs=str(certificates.ca)) as client:
        async with watching(watcher_of(source_of(server.address, tls={"ca": str(certificates.ca)}))) as heard:
            client.rpush("jobs", "a")
            await heard.say(JOBS, QueueDepth(1, 0))


def test_it_can_be_switched_off_and_a_cluster_has_none(source_of: MakeSource) -> None:
    """
    Then there is no watcher, and the source is polled.
    """
    assert source_of("redis:6379", tracking=False).watcher() is None
    assert source_of("redis:6379", mode="cluster").watcher() is None


async def test_a_watch_that_ends_leaves_nothing_behind(redis: RedisServer, source_of: MakeSource) -> None:
    """
    Cancelled, it closes its connection.
    """
    with redis.client() as client:
        async with watching(watcher_of(source_of(redis.address))):
            assert int(client.info("clients")["tracking_clients"]) == 1
        await eventually(lambda: int(client.info("clients")["tracking_clients"]) == 0)
        assert len(asyncio.all_tasks()) == 1
