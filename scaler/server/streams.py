"""
Open streams: each ends by itself, cleanly, before its connection's age could cut it, and all of them at shutdown.

KEDA reopens a stream 2 s after a clean end, and waits up to a minute after any other.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import TypeVar

_Item = TypeVar("_Item")

# Streams opened in the same moment (all of KEDA's, after a restart) end spread over this part of their age.
_SPREAD = 0.2


class Streams:
    """
    The streams that are open.

    Args:
        age: the longest life of a stream, in seconds; each one's is up to a fifth shorter, by chance.
        chance: numbers from 0 to 1.

    Attributes:
        open: how many are open, by method.
    """

    def __init__(self, age: float, chance: Callable[[], float] = random.random) -> None:
        self._age = age
        self._chance = chance
        self._waiting: set[asyncio.Timeout] = set()
        self._ended = False
        self.open = Counter({"StreamIsActive": 0, "StreamMetricSpec": 0})

    def end(self) -> None:
        """
        End all of them, and those that are still to come at once.
        """
        self._ended = True
        now = asyncio.get_running_loop().time()
        for wait in self._waiting:
            if not wait.expired():
                wait.reschedule(now)

    async def until_end(self, method: str, items: AsyncGenerator[_Item, None]) -> AsyncGenerator[_Item, None]:
        """
        Yield the *items* of a method until they are exhausted or the stream has to end, and close them.

        Only the wait for an item is bounded, not what the reader does with it: a timeout that fired while the reader
        writes would break the reader off instead of ending the stream.
        """
        loop = asyncio.get_running_loop()
        ends_at = loop.time() + self._age * (1 - _SPREAD * self._chance())
        self.open[method] += 1
        try:
            async with aclosing(items):
                while not self._ended and loop.time() < ends_at:
                    wait = asyncio.timeout_at(ends_at)
                    self._waiting.add(wait)
                    try:
                        async with wait:
                            item = await anext(items)
                    except StopAsyncIteration:
                        return
                    except TimeoutError:
                        if wait.expired():
                            return
                        raise
                    finally:
                        self._waiting.discard(wait)
                    yield item
        finally:
            self.open[method] -= 1
