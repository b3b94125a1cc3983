"""
Fixtures: sources that look at a Redis, closed after the test.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Protocol

import pytest

from scaler.settings.connections import RedisConnection
from scaler.sources.redis import RedisSource
from tests.sources.redis.scripted import ScriptedRedis


class MakeSource(Protocol):
    """
    Makes a source of these addresses, with more settings if need be.
    """

    def __call__(self, *addresses: str, **settings: Any) -> RedisSource:
        """
        Return it, not connected yet.
        """
        ...


@pytest.fixture
async def source_of() -> AsyncIterator[MakeSource]:
    """
    A function that makes a source.
    """
    async with AsyncExitStack() as stack:

        def make(*addresses: str, **settings: Any) -> RedisSource:
            given = {"type": "redis", "addresses": addresses, **settings}
            source = RedisSource("main", RedisConnection.of(given))
            stack.push_async_callback(source.aclose)
            return source

        yield make


@pytest.fixture
async def start_scripted() -> AsyncIterator[Callable[..., Any]]:
    """
    A function that starts a server that says what the test wrote down: replies by command, in RESP.
    """
    async with AsyncExitStack() as stack:

        async def start(**replies: bytes) -> ScriptedRedis:
            return await stack.enter_async_context(ScriptedRedis(replies))

        yield start


@pytest.fixture
def secret(tmp_path: Path) -> Callable[[str], dict[str, str]]:
    """
    A function that writes a password to a file, over the one before it, and returns how settings refer to it.
    """
    path = tmp_path / "password"

    def write(password: str) -> dict[str, str]:
        path.write_text(password + "\n")
        return {"file": str(path)}

    return write
