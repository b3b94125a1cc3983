"""
The page over a staged engine, behind a real socket; and a real browser for those tests that name it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

import aiohttp
import pytest
from playwright.async_api import Browser
from prometheus_client import CollectorRegistry

from scaler.server.grpc_server import GrpcServer
from scaler.server.http_server import HttpServer
from tests.server.page.reader import Reader
from tests.server.showing import WALL, StagedViews
from tests.servers.browser import started


@pytest.fixture
def views() -> StagedViews:
    """
    What the engine shows.
    """
    return StagedViews()


@pytest.fixture
async def site(views: StagedViews, server: GrpcServer) -> AsyncIterator[str]:
    """
    The address of the page.
    """
    http_server = HttpServer(views, server, CollectorRegistry(), host="127.0.0.1", port=0, wall=lambda: WALL)
    yield f"http://127.0.0.1:{await http_server.start()}"
    await http_server.stop()


@pytest.fixture
async def http(site: str) -> AsyncIterator[aiohttp.ClientSession]:
    """
    A client that knows the address.
    """
    async with aiohttp.ClientSession(site, timeout=aiohttp.ClientTimeout(10)) as session:
        yield session


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    """
    A Chromium without a window.
    """
    async with started() as browser:
        yield browser


@pytest.fixture
async def reader(browser: Browser, site: str) -> AsyncIterator[Reader]:
    """
    Somebody at a desk; it is an error if the browser complains or asks any other host.
    """
    async with Reader.at(browser, site) as reader:
        yield reader
