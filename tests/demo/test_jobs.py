"""
Jobs: in flight until acknowledged, and done exactly once whatever the server does.
"""

from __future__ import annotations

import asyncio

import pytest

from scaler.demo.jobs import Depth, Job, JobQueue, UnreachableError
from scaler.demo.world import QueueServer
from tests.demo.staged import eventually

FIRST, SECOND = Job("first", 1.0), Job("second", 1.0, afterwards=2.0)


async def test_a_job_is_waiting_then_in_flight_then_done(queue: JobQueue) -> None:
    """
    The depth shows it on the one list, on the other, on none.
    """
    await queue.push([FIRST, SECOND])
    assert await queue.depth() == Depth(2, 0)
    assert await queue.take() == FIRST
    assert await queue.depth() == Depth(1, 1)
    await queue.acknowledge(FIRST)
    assert await queue.depth() == Depth(1, 0)
    assert await queue.done() == {"first"}
    assert queue.computed == {"first": 1}


async def test_an_empty_queue_has_no_job(queue: JobQueue) -> None:
    """
    Nothing to take is None, at once.
    """
    assert await queue.take() is None


async def test_nothing_is_known_during_an_outage(queue: JobQueue, server: QueueServer) -> None:
    """
    The depth is None, not zero, and taking fails.
    """
    await queue.push([FIRST])
    await server.stop()
    assert await queue.depth() is None
    with pytest.raises(UnreachableError):
        await queue.take()


async def test_an_acknowledgement_waits_for_the_outage_to_end(queue: JobQueue, server: QueueServer) -> None:
    """
    The job stays in flight until the server is back, and then it is done once.
    """
    await queue.push([FIRST])
    await queue.take()
    await server.stop()
    acknowledging = asyncio.create_task(queue.acknowledge(FIRST))
    await eventually(lambda: queue.computed["first"] == 1)
    assert not acknowledging.done()
    await server.start()
    await acknowledging
    assert await queue.depth() == Depth(0, 0)
    assert queue.computed["first"] == 1


async def test_a_job_whose_taker_never_heard_of_it_is_found_again(queue: JobQueue, server: QueueServer) -> None:
    """
    The server moves a job and goes down before it says so: the next taker gets it, and nobody gets a held one.
    """
    await queue.push([FIRST, SECOND])
    assert await queue.take() == FIRST
    await server.stop()
    with pytest.raises(UnreachableError):
        await queue.take()
    await server.start()
    # What the lost take would have done to the lists, had the server got so far.
    stranger = JobQueue("127.0.0.1", server.port)
    await stranger.take()
    await stranger.aclose()
    assert await queue.depth() == Depth(0, 2)
    assert await queue.take() == SECOND
    assert await queue.take() is None
