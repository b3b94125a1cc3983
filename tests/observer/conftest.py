"""
Fixtures of the observer's tests.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from scaler.observer.fake import FakeCluster


@pytest.fixture
async def cluster() -> AsyncIterator[FakeCluster]:
    """
    A fake cluster that runs, with nothing in it.
    """
    cluster = FakeCluster()
    await cluster.start()
    yield cluster
    await cluster.stop()
