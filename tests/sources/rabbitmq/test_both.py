"""
AMQP and the management API together: nothing that is under way vanishes between them.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from scaler.domain.readings import QueueDepth
from scaler.sources.base import SourceError
from scaler.sources.rabbitmq.both import Outstanding
from scaler.sources.rabbitmq.management import Counts
from tests.servers.rabbitmq import RabbitServer
from tests.sources.http_server import HttpServer
from tests.sources.rabbitmq.conftest import MakeSource, StartRelay
from tests.sources.rabbitmq.relay import Relay
from tests.sources.rabbitmq.world import answers, channel, fill, publish, read, take


def test_a_job_that_was_just_taken_is_in_flight() -> None:
    """
    One job waits and is taken; until the management API knows it, it counts as in flight, and when it is done, no more.
    """
    queue = Outstanding()
    nothing_yet = Counts(0, 0, since=-5)
    assert queue.depth(1, nothing_yet, now=0) == QueueDepth(1, 0)
    assert queue.depth(0, nothing_yet, now=0.25) == QueueDepth(0, 1)
    taken = Counts(0, 1, since=2)
    assert queue.depth(0, taken, now=2.5) == QueueDepth(0, 1)
    done = Counts(0, 0, since=4)
    assert queue.depth(0, done, now=4.5) == QueueDepth(0, 0)


def test_new_jobs_come_on_top_of_those_in_flight() -> None:
    """
    Four are in flight and ten arrive: fourteen, also while they are taken one by one.
    """
    queue = Outstanding()
    four = Counts(0, 4, since=0)
    assert queue.depth(10, four, now=1) == QueueDepth(10, 4)
    assert queue.depth(7, four, now=1.25) == QueueDepth(7, 7)
    assert queue.depth(0, four, now=1.5) == QueueDepth(0, 14)


def test_what_amqp_never_saw_is_in_the_listing() -> None:
    """
    A job that was taken between two reads is in flight as soon as the management API counts it.
    """
    queue = Outstanding()
    assert queue.depth(0, Counts(0, 0, since=0), now=1) == QueueDepth(0, 0)
    assert queue.depth(0, Counts(0, 1, since=1), now=2) == QueueDepth(0, 1)


def test_nothing_is_forgotten_while_the_management_api_is_silent() -> None:
    """
    Without counts, the most that was outstanding stays so, whatever AMQP says later.
    """
    queue = Outstanding()
    queue.depth(3, Counts(0, 6, since=0), now=1)
    for now in range(2, 60):
        assert queue.depth(1, None, now=now) == QueueDepth(1, 8)


JOBS = st.integers(0, 5)


@given(st.lists(st.tuples(JOBS, JOBS, JOBS, st.booleans()), max_size=40))
def test_work_is_never_said_to_be_none(steps: list[tuple[int, int, int, bool]]) -> None:
    """
    Whatever arrives, is taken and finished: while there is work there is a depth, of what both addresses say at least.

    A listing here is as late as a quorum queue's: it holds the counts of the step before.
    """
    queue, counts, waiting, in_flight, before = Outstanding(), Counts(0, 0, since=-1), 0, 0, (0, 0)
    for now, (finished, taken, arrived, listed) in enumerate(steps):
        in_flight -= min(finished, in_flight)
        moved = min(taken, waiting)
        waiting, in_flight = waiting - moved + arrived, in_flight + moved
        if listed:
            counts = Counts(*before, since=now - 1)
        depth = queue.depth(waiting, counts, now)
        assert depth.waiting == waiting
        assert depth.total >= waiting + counts.unacknowledged
        assert depth.total > 0 or waiting + in_flight == 0
        before = (waiting, in_flight)


async def test_a_job_does_not_vanish_on_its_way_to_the_worker(
    rabbitmq: RabbitServer, queue_name: str, source_of: MakeSource
) -> None:
    """
    From its arrival until it is acknowledged there is a job at every moment; soon after that there is none.
    """
    fill(rabbitmq, queue_name, 0)
    source = source_of(amqp=rabbitmq.amqp, management=rabbitmq.management)
    assert await read(source, queue_name) == QueueDepth(0, 0)
    with channel(rabbitmq) as worker:
        publish(worker, queue_name)
        assert await read(source, queue_name) == QueueDepth(1, 0)
        job = take(worker, queue_name)
        deadline = time.monotonic() + 3.5
        while time.monotonic() < deadline:
            assert await read(source, queue_name) == QueueDepth(0, 1)
            await asyncio.sleep(0.05)
        worker.basic_ack(job)
        await answers(source, queue_name, lambda answer: answer == QueueDepth(0, 0))


@pytest.fixture
async def management(rabbitmq: RabbitServer, start_relay: StartRelay) -> Relay:
    """
    A relay in front of the management API.
    """
    return await start_relay(rabbitmq.management_port)


async def test_a_silent_management_api_does_not_delay_a_wake(
    rabbitmq: RabbitServer, queue_name: str, management: Relay, source_of: MakeSource
) -> None:
    """
    While the API hangs: what waits is told within the deadline and soon at once, what is empty is unknown.
    """
    fill(rabbitmq, queue_name, 0)
    management.hang()
    source = source_of(amqp=rabbitmq.amqp, management=f"http://{management.address}", timeout="1s")
    async with asyncio.timeout(1):
        assert isinstance(await read(source, queue_name), SourceError)
    await answers(source, queue_name, lambda answer: "did not answer in time" in str(answer))
    fill(rabbitmq, queue_name, 3)
    for _ in range(20):
        async with asyncio.timeout(0.3):
            assert await read(source, queue_name) == QueueDepth(3, 0)
    management.resume()
    fill(rabbitmq, queue_name, 0)
    await answers(source, queue_name, lambda answer: answer == QueueDepth(0, 0))


async def test_a_management_api_that_is_down_makes_an_empty_queue_unknown(
    rabbitmq: RabbitServer, queue_name: str, management: Relay, source_of: MakeSource
) -> None:
    """
    Nothing waits and nobody says what is in flight: unknown, with the API's trouble for a cause; later known again.
    """
    fill(rabbitmq, queue_name, 0)
    source = source_of(amqp=rabbitmq.amqp, management=f"http://{management.address}")
    assert await read(source, queue_name) == QueueDepth(0, 0)
    await management.stop()
    trouble = await answers(source, queue_name, lambda answer: isinstance(answer, SourceError))
    assert str(trouble) == f"RabbitMQ's management API at {management.address} cannot be reached: connection refused"
    await management.start()
    await answers(source, queue_name, lambda answer: answer == QueueDepth(0, 0))


@pytest.fixture
async def api() -> AsyncIterator[HttpServer]:
    """
    A stand-in for the management API that lists nothing.
    """

    async def nothing(_: web.Request) -> web.Response:
        return web.json_response([])

    server = HttpServer(nothing)
    await server.start()
    yield server
    await server.stop()


@pytest.mark.parametrize("state", ["down", "stopped", "crashed", "minority", "recovering"])
async def test_a_queue_out_of_service_is_unknown(
    rabbitmq: RabbitServer, queue_name: str, api: HttpServer, source_of: MakeSource, state: str
) -> None:
    """
    A quorum queue without a leader declares itself empty by AMQP; only the management API knows, and it is believed.
    """
    row = {
        "name": queue_name, "type": "quorum", "state": state, "messages_ready": 0, "messages_unacknowledged": 0,
    }  # fmt: skip

    async def answer(_: web.Request) -> web.Response:
        return web.Response(text=json.dumps([row]))

    api.answer = answer
    fill(rabbitmq, queue_name, 0)
    trouble = await read(source_of(amqp=rabbitmq.amqp, management=api.url), queue_name)
    assert str(trouble) == f"queue {queue_name!r} in virtual host '/' is {state}"


async def test_a_queue_that_is_not_listed_yet_is_known_if_something_waits(
    rabbitmq: RabbitServer, queue_name: str, api: HttpServer, source_of: MakeSource
) -> None:
    """
    A new queue is missing in the last listing: what waits on it is told all the same, an empty one is unknown.
    """
    fill(rabbitmq, queue_name, 0)
    source = source_of(amqp=rabbitmq.amqp, management=api.url)
    assert "is yet to tell" in str(await read(source, queue_name))
    fill(rabbitmq, queue_name, 4)
    assert await read(source, queue_name) == QueueDepth(4, 0)


async def test_listings_are_few(
    rabbitmq: RabbitServer, queue_name: str, api: HttpServer, source_of: MakeSource
) -> None:
    """
    AMQP is asked for every read and the management API for one in 2.5 s, for whatever queues.
    """
    fill(rabbitmq, queue_name, 1)
    source = source_of(amqp=rabbitmq.amqp, management=api.url)
    for _ in range(20):
        await read(source, queue_name)
        await read(source, "another")
    assert [request.rel_url.path for request in api.requests] == ["/api/queues//"]
