"""
The embedded queue server: an outage of it is one, and what it holds outlives that.
"""

from __future__ import annotations

import pytest
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError

from scaler.demo.world import HOST, QueueServer


async def test_it_comes_back_on_its_port_with_its_data() -> None:
    """
    Stopped, its clients' connections break and new ones are refused; started, the same clients read what they wrote.
    """
    async with QueueServer() as server, Redis(host=HOST, port=server.port, retry=Retry(NoBackoff(), 0)) as client:
        await client.set("kept", "yes")
        for _ in range(3):
            await server.stop()
            assert not server.up
            with pytest.raises(RedisConnectionError):
                await client.get("kept")
            await server.start()
            assert server.up
            assert await client.get("kept") == b"yes"


async def test_two_servers_share_nothing() -> None:
    """
    Each has its own port and its own data.
    """
    async with QueueServer() as one, QueueServer() as other, Redis(host=HOST, port=one.port) as client:
        await client.set("whose", "one's")
        async with Redis(host=HOST, port=other.port) as stranger:
            assert await stranger.get("whose") is None


async def test_starting_and_stopping_twice_is_once() -> None:
    """
    A second start does not move it, a second stop does not fail.
    """
    async with QueueServer() as server:
        port = server.port
        await server.start()
        assert server.port == port
        await server.stop()
        await server.stop()
