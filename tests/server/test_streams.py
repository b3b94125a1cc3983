"""
How long streams live, in virtual time.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

import pytest

from scaler.server.streams import Streams

pytestmark = pytest.mark.looptime


class Ticks:
    """
    A number every *interval* seconds, for ever, and whether somebody closed it.
    """

    def __init__(self, interval: float) -> None:
        self._interval = interval
        self.closed = False

    async def items(self) -> AsyncGenerator[int, None]:
        """
        Yield 0, 1, 2 and so on.
        """
        number = 0
        try:
            while True:
                yield number
                number += 1
                await asyncio.sleep(self._interval)
        finally:
            self.closed = True


def now() -> float:
    """
    Return the virtual time.
    """
    return asyncio.get_running_loop().time()


async def test_a_stream_ends_at_its_age_and_closes_what_it_reads() -> None:
    """
    An item every 10 s: at the age of 35 s four have come, and the stream is over.
    """
    streams, ticks, began = Streams(age=35.0, chance=lambda: 0.0), Ticks(10.0), now()
    assert [item async for item in streams.until_end("StreamIsActive", ticks.items())] == [0, 1, 2, 3]
    assert now() - began == 35.0
    assert ticks.closed
    assert streams.open["StreamIsActive"] == 0


@pytest.mark.parametrize(("chance", "life"), [(0.0, 100.0), (0.5, 90.0), (1.0, 80.0)])
async def test_streams_of_one_moment_end_apart(chance: float, life: float) -> None:
    """
    By chance a stream is up to a fifth younger than its age when it ends, never older.
    """
    began = now()
    async for _ in Streams(age=100.0, chance=lambda: chance).until_end("StreamIsActive", Ticks(1000.0).items()):
        pass
    assert now() - began == pytest.approx(life)


async def test_a_slow_reader_is_not_broken_off() -> None:
    """
    The age passes while the reader is busy with an item: it finishes in peace, then the stream is over.
    """
    streams, ticks, finished = Streams(age=5.0, chance=lambda: 0.0), Ticks(1.0), []
    async for item in streams.until_end("StreamIsActive", ticks.items()):
        await asyncio.sleep(60)
        finished.append(item)
    assert finished == [0]
    assert ticks.closed


async def test_all_of_them_end_at_once() -> None:
    """
    After `end` the open ones are over in the same moment, waiting or not, and a new one yields nothing.
    """
    streams = Streams(age=1000.0)
    ticks = [Ticks(600.0), Ticks(600.0)]
    async with asyncio.TaskGroup() as group:
        reads = [group.create_task(_read(streams, tick)) for tick in ticks]
        await asyncio.sleep(1)
        assert streams.open["StreamIsActive"] == 2
        ended_at = now()
        streams.end()
    assert [read.result() for read in reads] == [[0], [0]]
    assert now() == ended_at
    assert all(tick.closed for tick in ticks)
    assert await _read(streams, Ticks(1.0)) == []


async def test_trouble_of_what_is_read_is_passed_on() -> None:
    """
    Even a TimeoutError, which is no sign of age.
    """
    streams = Streams(age=1000.0)

    async def troubled() -> AsyncGenerator[int, None]:
        yield 1
        raise TimeoutError("of its own")

    with pytest.raises(TimeoutError, match="of its own"):
        async for _ in streams.until_end("StreamIsActive", troubled()):
            pass
    assert streams.open["StreamIsActive"] == 0


async def test_a_reader_that_leaves_closes_what_it_reads() -> None:
    """
    Closing the stream closes its items in the same moment.
    """
    streams, ticks = Streams(age=1000.0), Ticks(1.0)
    async with aclosing(streams.until_end("StreamIsActive", ticks.items())) as items:
        assert await anext(items) == 0
        assert streams.open["StreamIsActive"] == 1
    assert ticks.closed
    assert streams.open["StreamIsActive"] == 0


async def _read(streams: Streams, ticks: Ticks) -> list[int]:
    return [item async for item in streams.until_end("StreamIsActive", ticks.items())]
