"""
Wakes: from the reading to the push, in virtual time.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

import pytest

from tests.engine.installation import Installation, caller, installed, minutes

pytestmark = pytest.mark.looptime


def taken(it: Installation) -> tuple[int, float]:
    """
    Return how many wakes were timed, and how long they took together.
    """
    took = it.engine.wakes.took.durations()
    return sum(took.counts), took.total


async def listening(it: Installation) -> AsyncGenerator[bool, None]:
    """
    Return a stream that has said that the workload sleeps.
    """
    pushes = it.engine.pushes(caller())
    assert await anext(pushes) is False
    return pushes


async def rest_of(pushes: AsyncGenerator[bool, None], seconds: float) -> list[bool]:
    """
    Return what else is pushed within so many seconds, and end the stream.
    """
    said = []
    try:
        async with asyncio.timeout(seconds):
            said.extend([push async for push in pushes])
    except TimeoutError:
        pass
    await pushes.aclose()
    return said


async def test_a_wake_ends_when_its_push_was_sent() -> None:
    """
    The reading comes, a push is due; whoever writes it takes two seconds: that is how long the wake took.
    """
    async with installed() as it:
        pushes = await listening(it)
        await minutes(1)
        it.queue(3)
        assert await anext(pushes) is True
        assert taken(it) == (0, 0)
        await asyncio.sleep(2)
        await rest_of(pushes, 0.5)
        count, seconds = taken(it)
        assert count == 1
        assert 2 <= seconds < 2.1


async def test_repeats_are_no_wakes() -> None:
    """
    While nothing comes up `True` is said again and again; one wake, and a second after the next sleep.
    """
    async with installed() as it:
        pushes = await listening(it)
        for number in (1, 2):
            it.queue(3)
            assert await anext(pushes) is True
            await asyncio.sleep(3)
            assert await anext(pushes) is True
            assert await anext(pushes) is True
            it.queue(0)
            while await anext(pushes):
                assert taken(it)[0] == number
        await pushes.aclose()


async def test_the_read_belongs_to_the_wake() -> None:
    """
    A reading is as old as its question: a source that takes a second makes every wake a second long.
    """
    async with installed(announces=False) as it:
        pushes = await listening(it)
        it.sources["jobs"].delay = 1.0
        it.queue(3)
        assert await anext(pushes) is True
        await rest_of(pushes, 0.5)
        count, seconds = taken(it)
        assert count == 1
        assert 1 <= seconds < 1.1


async def test_what_nobody_listens_to_is_no_wake() -> None:
    """
    A workload wakes unheard; a stream that is opened later is told at once, and that is not how long a wake takes.
    """
    async with installed() as it:
        await it.engine.decision(caller())
        it.queue(3)
        await asyncio.sleep(30)
        late = it.engine.pushes(caller())
        assert await anext(late) is True
        await rest_of(late, 0.5)
        assert taken(it) == (0, 0)


async def test_first_sight_is_no_wake() -> None:
    """
    The first thing that is known of a workload woke nobody.
    """
    async with installed() as it:
        it.queue(3)
        pushes = it.engine.pushes(caller())
        assert await anext(pushes) is True
        await rest_of(pushes, 0.5)
        assert taken(it) == (0, 0)
