"""
Task frameworks at work on a real Redis: jobs wait, a worker is in the middle of one, and finishes it.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import arq
import bullmq
import dramatiq
import pytest
import rq
from arq.connections import RedisSettings
from celery import Celery
from dramatiq.brokers.redis import RedisBroker
from kombu.connection import Connection
from kombu.entity import Exchange, Queue
from redis import Redis

from scaler.domain.readings import QueueDepth
from scaler.sources.base import Answer
from scaler.sources.questions import Framework, FrameworkQueue
from scaler.sources.redis import RedisSource
from tests.servers.redis import RedisServer
from tests.sources.contract import eventually
from tests.sources.redis import work
from tests.sources.redis.conftest import MakeSource

ROOT = Path(__file__).parents[3]


@pytest.fixture
def source(redis: RedisServer, source_of: MakeSource) -> RedisSource:
    """
    A source that looks at the shared server.
    """
    return source_of(redis.address)


@pytest.fixture
def client(redis: RedisServer) -> Iterator[Redis]:
    """
    A client of the shared server.
    """
    with redis.client() as client:
        yield client


async def ask(source: RedisSource, framework: Framework, queue: str = "gpu") -> Answer:
    """
    Ask for a framework's queue.
    """
    question = FrameworkQueue("main", framework, queue)
    return (await source.read([question]))[question]


async def settle(source: RedisSource, framework: Framework, depth: QueueDepth) -> None:
    """
    Wait until a framework's queue has a depth: workers tell Redis a moment before or after what they do.
    """
    answer: Answer | None = None
    deadline = time.monotonic() + 20
    while answer != depth:
        assert time.monotonic() < deadline, f"{answer} never became {depth}"
        answer = await ask(source, framework)


@contextmanager
def process(arguments: Sequence[str], url: str) -> Iterator[None]:
    """
    Run Python beside the test, with the address of Redis in its environment.
    """
    worker = subprocess.Popen(
        [sys.executable, *arguments], cwd=ROOT, env={**os.environ, work.URL: url}, stdout=subprocess.DEVNULL
    )
    try:
        yield
    finally:
        worker.terminate()
        worker.wait(timeout=20)


class TestCelery:
    """
    Celery, by kombu's transport for Redis.
    """

    async def test_a_task_from_sending_to_the_end(self, redis: RedisServer, client: Redis, source: RedisSource) -> None:
        """
        Tasks of every priority wait; one that is acknowledged late is in flight while it is worked on.
        """
        sender = Celery("sender", broker=redis.url, set_as_current=False)
        with sender.connection_for_write() as connection:
            for priority in (0, 6, 9):
                sender.send_task("job", queue="gpu", priority=priority, connection=connection)
        assert await ask(source, Framework.CELERY) == QueueDepth(3, 0)
        assert await ask(source, Framework.CELERY, "other") == QueueDepth(0, 0)
        with process(work.celery_worker("gpu"), redis.url):
            await eventually(lambda: client.llen(work.BEGAN) == 1, 30)
            await settle(source, Framework.CELERY, QueueDepth(2, 1))
            assert await ask(source, Framework.CELERY, "other") == QueueDepth(0, 0)
            client.rpush(work.MAY_END, 1, 1, 1)
            await settle(source, Framework.CELERY, QueueDepth(0, 0))

    @pytest.mark.parametrize(
        ("exchange", "bound", "sent", "options"),
        [
            (Exchange("", "direct"), "gpu", "gpu", {}),
            (Exchange("agents", "direct"), "to.gpu", "to.gpu", {}),
            (Exchange("agents", "direct"), "to.gpu", "to.gpu", {"sep": ":"}),
            (Exchange("agents", "topic"), "agents.*.gpu", "agents.one.gpu", {}),
            (Exchange("agents", "topic"), "agents.#", "agents.of.any.kind", {}),
        ],
    )
    async def test_messages_in_flight_are_told_apart(
        self,
        redis: RedisServer,
        source: RedisSource,
        exchange: Exchange,
        bound: str,
        sent: str,
        options: dict[str, str],
    ) -> None:
        """
        What was taken from a queue is found by the way it came, exchange by exchange.
        """
        with Connection(redis.url, transport_options=options) as connection:
            channel = connection.default_channel
            gpu = Queue("gpu", exchange, routing_key=bound, channel=channel)
            other = Queue("other", Exchange("others", "direct"), routing_key="other", channel=channel)
            other.declare()
            if exchange.name:
                gpu.declare()
            producer = connection.Producer(channel)
            for _ in range(3):
                producer.publish({"big": "x" * 1000}, exchange=exchange.name, routing_key=sent)
                producer.publish({}, exchange="others", routing_key="other")
            taken = [gpu.get(), gpu.get(), other.get()]
            assert await ask(source, Framework.CELERY) == QueueDepth(1, 2)
            assert await ask(source, Framework.CELERY, "other") == QueueDepth(2, 1)
            taken[0].ack()
            assert await ask(source, Framework.CELERY) == QueueDepth(1, 1)
            taken[1].requeue()
            assert await ask(source, Framework.CELERY) == QueueDepth(2, 0)
            taken[2].ack()
            assert await ask(source, Framework.CELERY, "other") == QueueDepth(2, 0)

    async def test_the_separator_of_the_handbook(self, client: Redis, source: RedisSource) -> None:
        """
        Celery's documentation shows priorities of ten steps behind a colon; their lists count too.
        """
        client.lpush("gpu:1", "{}")
        client.lpush("gpu\x06\x168", "{}")
        assert await ask(source, Framework.CELERY) == QueueDepth(2, 0)

    async def test_many_in_flight_are_looked_at_bit_by_bit(self, client: Redis, source: RedisSource) -> None:
        """
        Of many new messages a part stands for all, until all were seen; of far too many nothing is told.
        """
        taken: dict[Any, Any] = {
            f"tag-{number}": json.dumps([{}, "", "gpu" if number % 4 else "other"]) for number in range(1000)
        }
        client.hset("unacked", mapping=taken)
        first = await ask(source, Framework.CELERY)
        assert isinstance(first, QueueDepth)
        assert first.in_flight == pytest.approx(750, abs=150)
        for _ in range(5):
            await ask(source, Framework.CELERY)
        assert await ask(source, Framework.CELERY) == QueueDepth(0, 750)
        fetched = client.info("commandstats")["cmdstat_hget"]["calls"]
        await ask(source, Framework.CELERY)
        assert client.info("commandstats")["cmdstat_hget"]["calls"] == fetched
        client.hset("unacked", mapping={f"tag-{number}": "[]" for number in range(1000, 5500)})
        assert await ask(source, Framework.CELERY) == QueueDepth(0, None)

    async def test_a_message_that_is_none_is_trouble(self, client: Redis, source: RedisSource) -> None:
        """
        A hash that kombu did not write makes no sense, and no number is made of it.
        """
        for message in ("text", "[" * 100_000):
            client.hset("unacked", "tag", message)
            assert "makes no sense" in str(await ask(source, Framework.CELERY))


class TestRq:
    """
    RQ.
    """

    async def test_a_job_from_enqueueing_to_the_end(
        self, redis: RedisServer, client: Redis, source: RedisSource
    ) -> None:
        """
        Jobs wait, those for later do not, and one is in flight while it is worked on.
        """
        with Redis(port=redis.port) as connection:
            queue = rq.Queue("gpu", connection=connection)
            first, *_ = (queue.enqueue(work.play, redis.url) for _ in range(3))
            queue.enqueue(work.play, redis.url, depends_on=first)
            queue.enqueue_at(datetime.now(UTC) + timedelta(hours=1), work.play, redis.url)
            assert await ask(source, Framework.RQ) == QueueDepth(3, 0)
            with process(work.rq_worker("gpu", redis.url), redis.url):
                await eventually(lambda: client.llen(work.BEGAN) == 1, 30)
                await settle(source, Framework.RQ, QueueDepth(2, 1))
                client.rpush(work.MAY_END, 1, 1, 1, 1)
                await settle(source, Framework.RQ, QueueDepth(0, 0))

    async def test_a_worker_that_died_is_not_working(self, client: Redis, source: RedisSource) -> None:
        """
        An execution whose worker gave no sign in time is not in flight.
        """
        client.zadd("rq:wip:gpu", {"dead": time.time() - 1, "alive": time.time() + 60})
        assert await ask(source, Framework.RQ) == QueueDepth(0, 1)

    async def test_a_job_between_queue_and_worker_is_in_flight(self, client: Redis, source: RedisSource) -> None:
        """
        A worker takes a job by way of a list in between.
        """
        client.rpush("rq:queue:gpu", "one", "two")
        client.lmove("rq:queue:gpu", "rq:queue:gpu:intermediate")
        assert await ask(source, Framework.RQ) == QueueDepth(1, 1)


class TestBullMq:
    """
    BullMQ.
    """

    async def test_a_job_from_adding_to_the_end(self, redis: RedisServer, source: RedisSource) -> None:
        """
        Jobs wait with a priority or without, delayed ones do not, and one is in flight while it is worked on.
        """
        began, may_end = asyncio.Event(), asyncio.Event()

        async def play(*_: Any) -> None:
            began.set()
            await may_end.wait()

        queue = bullmq.Queue("gpu", {"connection": redis.url})
        await queue.add("job", {})
        await queue.add("job", {})
        await queue.add("job", {}, {"priority": 5})
        await queue.add("job", {}, {"delay": 3_600_000})
        assert await ask(source, Framework.BULLMQ) == QueueDepth(3, 0)
        worker = bullmq.Worker("gpu", play, {"connection": redis.url})
        try:
            await asyncio.wait_for(began.wait(), 20)
            await settle(source, Framework.BULLMQ, QueueDepth(2, 1))
            may_end.set()
            await settle(source, Framework.BULLMQ, QueueDepth(0, 0))
        finally:
            await worker.close()
            await queue.close()

    async def test_a_paused_queue_has_nothing_to_do(self, redis: RedisServer, source: RedisSource) -> None:
        """
        No worker takes a job from a paused queue; when it is resumed, they wait again.
        """
        queue = bullmq.Queue("gpu", {"connection": redis.url})
        await queue.add("job", {})
        await queue.add("job", {}, {"priority": 1})
        await queue.pause()
        await queue.add("job", {})
        assert await ask(source, Framework.BULLMQ) == QueueDepth(0, 0)
        await queue.resume()
        assert await ask(source, Framework.BULLMQ) == QueueDepth(3, 0)
        await queue.close()

    async def test_a_delayed_job_waits_when_it_is_due(self, redis: RedisServer, source: RedisSource) -> None:
        """
        With no worker up nobody moves a delayed job over; it must wake one by itself.
        """
        queue = bullmq.Queue("gpu", {"connection": redis.url})
        await queue.add("job", {}, {"delay": 300})
        assert await ask(source, Framework.BULLMQ) == QueueDepth(0, 0)
        await settle(source, Framework.BULLMQ, QueueDepth(1, 0))
        await queue.close()

    async def test_the_marker_of_older_versions_is_no_job(self, client: Redis, source: RedisSource) -> None:
        """
        Before version 5 a list could end in the time of the next delayed job.
        """
        client.rpush("bull:gpu:wait", "7", "0:1700000000000")
        assert await ask(source, Framework.BULLMQ) == QueueDepth(1, 0)


@pytest.mark.filterwarnings("ignore:Call to '__init__'.*'retry_on_timeout':DeprecationWarning")
class TestArq:
    """
    arq, which gives redis-py an argument that it does not need any more.
    """

    async def test_a_job_from_enqueueing_to_the_end(
        self, redis: RedisServer, client: Redis, source: RedisSource
    ) -> None:
        """
        Jobs wait, deferred ones do not, and one is in flight while it is worked on.
        """
        pool = await arq.create_pool(RedisSettings(port=redis.port), default_queue_name="gpu")
        for _ in range(3):
            await pool.enqueue_job("job")
        await pool.enqueue_job("job", _defer_by=3600)
        await pool.aclose()
        assert await ask(source, Framework.ARQ) == QueueDepth(3, 0)
        with process(work.arq_worker(), redis.url):
            await eventually(lambda: client.llen(work.BEGAN) == 1, 30)
            await settle(source, Framework.ARQ, QueueDepth(2, 1))
            client.rpush(work.MAY_END, 1, 1, 1)
            await settle(source, Framework.ARQ, QueueDepth(0, 0))

    async def test_a_deferred_job_waits_when_it_is_due(self, redis: RedisServer, source: RedisSource) -> None:
        """
        By the server's clock.
        """
        pool = await arq.create_pool(RedisSettings(port=redis.port), default_queue_name="gpu")
        await pool.enqueue_job("play", _defer_by=0.3)
        assert await ask(source, Framework.ARQ) == QueueDepth(0, 0)
        await settle(source, Framework.ARQ, QueueDepth(1, 0))
        await pool.aclose()


class TestDramatiq:
    """
    Dramatiq.
    """

    async def test_a_message_from_sending_to_the_end(
        self, redis: RedisServer, client: Redis, source: RedisSource
    ) -> None:
        """
        Messages wait, delayed ones do not, and what a worker took is in flight until it is acknowledged.
        """
        broker = RedisBroker(url=redis.url)
        actor = dramatiq.actor(actor_name="job", queue_name="gpu", broker=broker)(work.play)
        for _ in range(5):
            actor.send(redis.url)
        actor.send_with_options(args=(redis.url,), delay=3_600_000)
        assert await ask(source, Framework.DRAMATIQ) == QueueDepth(5, 0)
        worker = dramatiq.Worker(broker, queues={"gpu"}, worker_threads=1)
        worker.start()
        try:
            await eventually(lambda: client.llen(work.BEGAN) == 1, 20)
            # It takes twice as many as it has threads.
            await settle(source, Framework.DRAMATIQ, QueueDepth(3, 2))
            client.rpush(work.MAY_END, 1, 1, 1, 1, 1)
            await settle(source, Framework.DRAMATIQ, QueueDepth(0, 0))
        finally:
            await asyncio.to_thread(worker.stop)
            broker.close()


class TestSidekiq:
    """
    Sidekiq, whose keys are written here as its documentation and source have them.
    """

    @pytest.mark.parametrize("suffix", ["work", "workers"])
    async def test_a_job_from_pushing_to_the_end(self, client: Redis, source: RedisSource, suffix: str) -> None:
        """
        Jobs wait in a list; processes write down what their threads are at, for all queues.
        """
        payload = json.dumps({"class": "Job", "args": [], "queue": "gpu", "jid": "b4a577edbccf1d805744efa9"})
        client.lpush("queue:gpu", payload, payload, payload)
        assert await ask(source, Framework.SIDEKIQ) == QueueDepth(3, 0)
        client.rpop("queue:gpu")
        client.sadd("processes", "host:1:abc", "host:2:def")
        busy = json.dumps({"queue": "gpu", "payload": payload, "run_at": 1_700_000_000})
        other = json.dumps({"queue": "mail", "payload": payload, "run_at": 1_700_000_000})
        client.hset(f"host:1:abc:{suffix}", mapping={"2ckh": busy, "2cki": other})
        assert await ask(source, Framework.SIDEKIQ) == QueueDepth(2, 1)
        assert await ask(source, Framework.SIDEKIQ, "mail") == QueueDepth(0, 1)
        client.delete(f"host:1:abc:{suffix}")
        assert await ask(source, Framework.SIDEKIQ) == QueueDepth(2, 0)
