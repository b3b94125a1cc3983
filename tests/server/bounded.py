"""
Waiting for something that happens in another task, with a bound.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable


async def becomes(condition: Callable[[], bool], within: float = 5.0) -> None:
    """
    Return as soon as *condition* holds.

    Raises:
        TimeoutError: if it doesn't *within* seconds.
    """
    async with asyncio.timeout(within):
        while not condition():  # noqa: ASYNC110 (what it waits for has no event to set)
            await asyncio.sleep(0.005)
