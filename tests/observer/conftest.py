"""
Fixtures of the observer's tests.
"""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from scaler.observer.fake import FakeCluster
from tests.servers.certificates import issue


@pytest.fixture
async def cluster() -> AsyncIterator[FakeCluster]:
    """
    A fake cluster that runs, with nothing in it.
    """
    cluster = FakeCluster()
    await cluster.start()
    yield cluster
    await cluster.stop()


@pytest.fixture
async def secure(tmp_path: Path) -> AsyncIterator[FakeCluster]:
    """
    One that speaks TLS.
    """
    certificates = issue(tmp_path / "certificates")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificates.server_cert, certificates.server_key)
    cluster = FakeCluster(context, certificates.ca)
    await cluster.start()
    yield cluster
    await cluster.stop()
