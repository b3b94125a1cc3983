"""
A RabbitMQ that tests steer: queues filled, taken from and deleted, users and virtual hosts made.
"""

from __future__ import annotations

import asyncio
import base64
import json
import time
import urllib.request
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any
from urllib.parse import quote

import pika
from pika.adapters.blocking_connection import BlockingChannel

from scaler.domain.readings import QueueDepth
from scaler.settings.connections import RabbitConnection
from scaler.sources.base import Answer
from scaler.sources.questions import GpuFleet, Question, RabbitQueue
from scaler.sources.rabbitmq import RabbitSource
from tests.servers.rabbitmq import RabbitServer
from tests.sources.contract import SourceWorld
from tests.sources.rabbitmq.relay import Relay

PERSISTENT = pika.BasicProperties(delivery_mode=2)

ask = partial(RabbitQueue, "rabbit")


async def read(source: RabbitSource, queue: str) -> Answer:
    """
    Return the answer to one question.
    """
    return (await source.read([ask(queue)]))[ask(queue)]


async def answers(source: RabbitSource, queue: str, wanted: Callable[[Answer], bool], patience: float = 15) -> Answer:
    """
    Read every 50 ms until an answer is the wanted one, and return it.
    """
    deadline = time.monotonic() + patience
    while not wanted(answer := await read(source, queue)):
        assert time.monotonic() < deadline, f"still {answer!r}"
        await asyncio.sleep(0.05)
    return answer


async def waits(source: RabbitSource, queue: str, messages: int) -> None:
    """
    Read until so many messages wait on a queue.
    """
    await answers(source, queue, lambda answer: isinstance(answer, QueueDepth) and answer.waiting == messages)


@contextmanager
def channel(server: RabbitServer, vhost: str = "/") -> Iterator[BlockingChannel]:
    """
    A channel of a client that the scaler knows nothing of; what it took and did not acknowledge goes back at the end.
    """
    host, _, port = server.amqp.partition(":")
    login = pika.PlainCredentials(server.username, server.password)
    connection = pika.BlockingConnection(pika.ConnectionParameters(host, int(port), vhost, login))
    try:
        open_channel = connection.channel()
        open_channel.confirm_delivery()
        yield open_channel
    finally:
        connection.close()


def fill(server: RabbitServer, queue: str, messages: int, *, vhost: str = "/", **arguments: str | int) -> None:
    """
    Make a durable queue hold this many messages, declaring it if need be.
    """
    declared = {f"x-{name.replace('_', '-')}": value for name, value in arguments.items()}
    with channel(server, vhost) as client:
        client.queue_declare(queue, durable=True, arguments=declared)
        if declared.get("x-queue-type") != "stream":
            client.queue_purge(queue)
        publish(client, queue, messages)


def publish(client: BlockingChannel, queue: str, messages: int = 1) -> None:
    """
    Add messages; return when the broker has them.
    """
    for _ in range(messages):
        client.basic_publish("", queue, b"job", PERSISTENT)


def take(client: BlockingChannel, queue: str) -> int:
    """
    Take a message without acknowledging it; return its delivery tag.
    """
    method, _, _ = client.basic_get(queue)
    assert method is not None, f"{queue} is empty"
    return int(method.delivery_tag)


def administer(server: RabbitServer, method: str, path: str, body: Mapping[str, Any] | None = None) -> None:
    """
    Change something by the management API, as its administrator.
    """
    request = urllib.request.Request(f"{server.management}/api/{path}", json.dumps(body or {}).encode(), method=method)
    login = base64.b64encode(f"{server.username}:{server.password}".encode()).decode()
    request.add_header("Authorization", f"Basic {login}")
    request.add_header("Content-Type", "application/json")
    urllib.request.urlopen(request, timeout=10).close()


@contextmanager
def virtual_host(server: RabbitServer, name: str) -> Iterator[str]:
    """
    A virtual host for as long as a test needs it.
    """
    path = f"vhosts/{quote(name, safe='')}"
    administer(server, "PUT", path)
    try:
        yield name
    finally:
        administer(server, "DELETE", path)


@contextmanager
def user(
    server: RabbitServer, name: str, password: str, *, tags: str = "", vhosts: Sequence[str] = ()
) -> Iterator[str]:
    """
    A user with access to virtual hosts and without any permission in them.
    """
    administer(server, "PUT", f"users/{name}", {"password": password, "tags": tags})
    for vhost in vhosts:
        nothing = {"configure": "^$", "write": "^$", "read": "^$"}
        administer(server, "PUT", f"permissions/{quote(vhost, safe='')}/{name}", nothing)
    try:
        yield name
    finally:
        administer(server, "DELETE", f"users/{name}")


class RabbitWorld(SourceWorld):
    """
    Two queues of a real RabbitMQ, looked at by a user who may do no more than that.
    """

    foreign: Question = GpuFleet("rabbit")
    host = "127.0.0.1"

    def __init__(self, server: RabbitServer, settings: RabbitConnection, queue: str) -> None:
        self.server = server
        self.secrets = ("guest:guest",) if settings.password is None else (settings.password.read(),)
        self._settings = settings
        self._queues = tuple(RabbitQueue("rabbit", f"{queue}-{number}") for number in range(2))
        self.questions = self._queues

    def source(self) -> RabbitSource:
        """
        Return a new source.
        """
        return RabbitSource("rabbit", self._settings)

    async def put(self, question: Question, number: float) -> None:
        """
        Fill a queue.
        """
        assert isinstance(question, RabbitQueue)
        await asyncio.to_thread(fill, self.server, question.queue, int(number))

    async def spoil(self, question: Question) -> None:
        """
        Delete a queue.
        """
        assert isinstance(question, RabbitQueue)
        await asyncio.to_thread(self._delete, question.queue)

    async def stop(self) -> None:
        """
        Kill the broker.
        """
        await asyncio.to_thread(self.server.stop)

    async def start(self) -> None:
        """
        Start it again.
        """
        await asyncio.to_thread(self.server.restore)

    async def hang(self) -> None:
        """
        Freeze it.
        """
        await asyncio.to_thread(self.server.pause)

    async def resume(self) -> None:
        """
        Thaw it.
        """
        await asyncio.to_thread(self.server.resume)

    async def clear(self) -> None:
        """
        Leave nothing behind.
        """
        await self.start()
        for queue in self._queues:
            await asyncio.to_thread(self._delete, queue.queue)

    def _delete(self, queue: str) -> None:
        with channel(self.server) as client:
            client.queue_delete(queue)


class RelayedWorld(RabbitWorld):
    """
    The same behind relays, so that it is down and up again in no time.
    """

    def __init__(self, server: RabbitServer, settings: RabbitConnection, queue: str, relays: Collection[Relay]) -> None:
        super().__init__(server, settings, queue)
        self._relays = relays

    async def stop(self) -> None:
        """
        Stop the relays.
        """
        for relay in self._relays:
            await relay.stop()

    async def start(self) -> None:
        """
        Start them.
        """
        for relay in self._relays:
            await relay.start()

    async def hang(self) -> None:
        """
        Let them pass nothing on.
        """
        for relay in self._relays:
            relay.hang()

    async def resume(self) -> None:
        """
        Let them pass on again.
        """
        for relay in self._relays:
            relay.resume()
