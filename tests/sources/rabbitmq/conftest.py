"""
Fixtures: a user who may only look, relays, and sources that look at a RabbitMQ, closed after the test.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import AsyncExitStack, ExitStack
from pathlib import Path
from typing import Any, Protocol

import pytest

from scaler.settings.connections import RabbitConnection
from scaler.sources.rabbitmq import RabbitSource
from tests.servers.rabbitmq import RabbitServer
from tests.sources.rabbitmq.relay import Relay
from tests.sources.rabbitmq.world import user

PASSWORD = "correct horse battery"

Login = dict[str, Any]
StartRelay = Callable[[int], Coroutine[Any, Any, Relay]]


class MakeSource(Protocol):
    """
    Makes a source of these settings; user and password are `guest` where none are given.
    """

    def __call__(self, **settings: Any) -> RabbitSource:
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

        def make(**settings: Any) -> RabbitSource:
            source = RabbitSource("rabbit", RabbitConnection.of({"type": "rabbitmq", **settings}))
            stack.push_async_callback(source.aclose)
            return source

        yield make


@pytest.fixture
async def start_relay() -> AsyncIterator[StartRelay]:
    """
    A function that starts a relay in front of a port.
    """
    async with AsyncExitStack() as stack:

        async def start(port: int) -> Relay:
            relay = Relay(port)
            await relay.start()
            stack.push_async_callback(relay.stop)
            return relay

        yield start


@pytest.fixture
def onlooker(rabbitmq: RabbitServer, tmp_path: Path) -> Iterator[Login]:
    """
    The settings that log in as somebody who may see the queues of `/` and do nothing with them.
    """
    password = tmp_path / "password"
    password.write_text(f"{PASSWORD}\n")
    with ExitStack() as stack:
        stack.enter_context(user(rabbitmq, "onlooker", PASSWORD, tags="management", vhosts=["/"]))
        yield {"username": "onlooker", "password": {"file": str(password)}}
        rabbitmq.restore()
