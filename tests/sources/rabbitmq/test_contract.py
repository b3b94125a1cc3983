"""
RabbitMQ keeps the contract of all sources, whichever of its addresses are given.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

import pytest

from scaler.settings.connections import RabbitConnection
from scaler.sources.base import Source
from scaler.sources.questions import Question
from tests.servers.rabbitmq import RabbitServer
from tests.sources.contract import SourceContract, SourceWorld, number_of
from tests.sources.rabbitmq.conftest import Login, StartRelay
from tests.sources.rabbitmq.world import RabbitWorld, RelayedWorld


class TestAmqp(SourceContract):
    """
    By AMQP alone; the broker itself is killed and frozen.
    """

    @pytest.fixture
    async def world(self, rabbitmq: RabbitServer, onlooker: Login, queue_name: str) -> AsyncIterator[SourceWorld]:
        """
        Two queues.
        """
        settings = RabbitConnection.of({"type": "rabbitmq", "amqp": rabbitmq.amqp, **onlooker})
        world = RabbitWorld(rabbitmq, settings, queue_name)
        yield world
        await world.clear()


class TestManagement(SourceContract):
    """
    By the management API alone.
    """

    @pytest.fixture
    async def world(
        self, rabbitmq: RabbitServer, onlooker: Login, queue_name: str, start_relay: StartRelay
    ) -> AsyncIterator[SourceWorld]:
        """
        Two queues.
        """
        relay = await start_relay(rabbitmq.management_port)
        given = {"type": "rabbitmq", "management": f"http://{relay.address}", **onlooker}
        world = RelayedWorld(rabbitmq, RabbitConnection.of(given), queue_name, [relay])
        yield world
        await world.clear()


class TestBoth(SourceContract):
    """
    By both: what is finished counts until the next listing, so a lower number is seen a few seconds later.
    """

    @pytest.fixture
    async def world(
        self, rabbitmq: RabbitServer, onlooker: Login, queue_name: str, start_relay: StartRelay
    ) -> AsyncIterator[SourceWorld]:
        """
        Two queues.
        """
        amqp, management = await start_relay(rabbitmq.amqp_port), await start_relay(rabbitmq.management_port)
        addresses = {"amqp": amqp.address, "management": f"http://{management.address}"}
        settings = RabbitConnection.of({"type": "rabbitmq", **addresses, **onlooker})
        world = RelayedWorld(rabbitmq, settings, queue_name, [amqp, management])
        yield world
        await world.clear()

    async def expect(self, world: SourceWorld, source: Source, question: Question, number: float) -> None:
        """
        Assert that a question is answered with a number before long.
        """
        deadline = time.monotonic() + 10
        while number_of(answer := (await self.ask(source, question))[question]) != number:
            assert time.monotonic() < deadline, f"{world.host} still says {answer}"
            await asyncio.sleep(0.1)
