"""
A queue server and a queue on it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from scaler.demo.jobs import JobQueue
from scaler.demo.world import HOST, QueueServer


@pytest.fixture
async def server() -> AsyncIterator[QueueServer]:
    """
    Yield a queue server that is up.
    """
    async with QueueServer() as server:
        yield server


@pytest.fixture
async def queue(server: QueueServer) -> AsyncIterator[JobQueue]:
    """
    Yield a queue on the server.
    """
    queue = JobQueue(HOST, server.port)
    yield queue
    await queue.aclose()
