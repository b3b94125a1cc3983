"""
RabbitMQ by AMQP: the messages that are ready, told by declaring their queues passively. AMQP hides what is in flight.

A passive declaration changes nothing, and needs access to the virtual host but no permission in it.

Two kinds of queues declare what is not so, and only the management API knows better: a quorum queue without a leader
declares itself empty (`rabbit_quorum_queue:stat`, RabbitMQ 3.8 to 4.1), and a stream declares what was read long ago.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Collection, Mapping

import pika
from pika.adapters.utils.connection_workflow import AMQPConnectorException
from pika.exceptions import AMQPError, ChannelClosedByBroker

from scaler.domain.readings import QueueDepth
from scaler.settings.connections import RabbitConnection
from scaler.sources.base import SourceError
from scaler.sources.rabbitmq.link import Link
from scaler.sources.rabbitmq.login import password_of
from scaler.sources.rabbitmq.trouble import REFUSALS, broken, declined
from scaler.sources.tls import client_context

_CHANNELS = 4
"""
Channels that one read asks side by side: each is a process of the broker, and a queue that does not answer delays those
behind it on its own channel only.
"""

_HEARTBEAT = 10
"""Seconds without a sign of life after which a connection is dead."""

_PATIENCE = 0.75
"""The part of the deadline after which a silent queue is given up, so that its neighbours' answers still count."""

_PAUSE = 2.0
"""
Seconds before what was refused is asked again: each refusal costs the broker a channel or a connection and a line in
its log, which four times a second would fill.
"""

_SUSPECTED = 60.0
"""Seconds for which a queue that was refused, and is not asked for any more, is remembered."""

_LONGEST_NAME = 255

_Depths = dict[str, QueueDepth | SourceError]


class AmqpAddress:
    """
    The AMQP address of a broker; one connection for each virtual host that is asked.
    """

    def __init__(self, settings: RabbitConnection) -> None:
        self._settings = settings
        self._vhosts: dict[str, _VirtualHost] = {}

    async def depths(self, vhost: str, queues: Collection[str]) -> Mapping[str, QueueDepth | SourceError]:
        """
        Return how many messages are ready on each queue.

        Raises:
            SourceError: if no queue of this virtual host can be asked.
        """
        return await self._vhost(vhost).depths(queues)

    async def version(self, vhost: str) -> str:
        """
        Return what the broker says it is.

        Raises:
            SourceError: if the virtual host cannot be entered.
        """
        return (await self._vhost(vhost).linked()).version

    async def forget(self, vhost: str) -> None:
        """
        Close the connection to a virtual host.
        """
        if (known := self._vhosts.pop(vhost, None)) is not None:
            await known.aclose()

    async def aclose(self) -> None:
        """
        Close all connections.
        """
        await asyncio.gather(*map(self.forget, list(self._vhosts)))

    def _vhost(self, vhost: str) -> _VirtualHost:
        if vhost not in self._vhosts:
            self._vhosts[vhost] = _VirtualHost(self._settings, vhost)
        return self._vhosts[vhost]


class _VirtualHost:
    """
    A virtual host, with a connection that is opened when it is needed, kept, and opened again after it broke.
    """

    def __init__(self, settings: RabbitConnection, name: str) -> None:
        self._settings = settings
        self._name = name
        self._link: Link | None = None
        self._refused: dict[str | None, tuple[float, SourceError]] = {}  # by queue; None is the virtual host itself

    async def depths(self, queues: Collection[str]) -> _Depths:
        """
        Return how many messages are ready on each queue.

        Raises:
            SourceError: if none can be asked.
        """
        answers: _Depths = {queue: trouble for queue in queues if (trouble := self._foreseen(queue))}
        waiting = [queue for queue in queues if queue not in answers]
        patience = self._settings.timeout * _PATIENCE
        silent: set[str] = set()
        try:
            async with asyncio.timeout(patience):
                await self._ask(await self.linked(), waiting, answers, silent)
        except TimeoutError as error:
            if not any(queue in answers for queue in waiting):
                raise SourceError(f"RabbitMQ at {self._settings.amqp} did not answer within {patience:g} s") from error
        for queue in waiting:
            if queue in silent:
                trouble = SourceError(f"queue {queue!r} did not answer within {patience:g} s")
                # Perhaps it was the broker that paused: then the queue answers the next read, by itself.
                answers[queue] = self._refuse(queue, trouble, _PAUSE if queue in self._refused else 0)
            elif queue not in answers:
                answers[queue] = SourceError(f"queue {queue!r} was kept waiting for {patience:g} s by one before it")
        return answers

    async def linked(self) -> Link:
        """
        Return the connection when it is open.

        Raises:
            SourceError: if it cannot be opened.
        """
        if (refusal := self._refusal(None)) is not None:
            raise SourceError(str(refusal)) from refusal
        if self._link is None or not self._link.alive:
            self._link = Link(self._parameters())
        try:
            await self._link.opened()
        except (AMQPError, AMQPConnectorException) as error:
            trouble = broken(self._settings, self._name, error)
            if isinstance(error, REFUSALS):
                self._refuse(None, trouble)
            raise trouble from error
        return self._link

    async def aclose(self) -> None:
        """
        Close the connection.
        """
        if self._link is not None:
            await self._link.aclose()

    async def _ask(self, link: Link, queues: Collection[str], answers: _Depths, silent: set[str]) -> None:
        """
        Ask for queues on several channels.

        Those that were refused lately are asked for on others and one by one: nothing is lost or delayed behind them.
        """
        sound = deque(queue for queue in queues if queue not in self._refused)
        suspect = deque(queue for queue in queues if queue in self._refused)
        asking = [
            self._ask_on_one_channel(link, some, answers, silent, singly=some is suspect)
            for some in (sound, suspect)
            for _ in range(min(_CHANNELS, len(some)))
        ]
        for trouble in await asyncio.gather(*asking):
            if trouble is not None:
                raise trouble

    async def _ask_on_one_channel(
        self, link: Link, queues: deque[str], answers: _Depths, silent: set[str], *, singly: bool
    ) -> SourceError | None:
        """
        Ask for queues of a list that others take from too; return what is wrong with the connection, if anything.

        When it is given up, the queue whose answer did not come is added to *silent*.
        """

        def tell(queue: str, ready: int) -> None:
            answers[queue] = QueueDepth(ready)
            self._refused.pop(queue, None)

        while queues:
            try:
                channel = link.take()
                try:
                    await channel.ready(queues, tell, singly=singly)
                finally:
                    link.park(channel)
            except ChannelClosedByBroker as error:
                queue = channel.owing.popleft()
                answers[queue] = self._refuse(queue, declined(self._name, queue, error))
                queues.extendleft(reversed(channel.owing))
            except AMQPError as error:
                return broken(self._settings, self._name, error)
            except asyncio.CancelledError:
                silent.update(tuple(channel.owing)[:1])
                raise
        return None

    def _parameters(self) -> pika.ConnectionParameters:
        settings = self._settings
        host, _, port = str(settings.amqp).rpartition(":")
        host = host.strip("[]")
        tls = None if settings.tls is None else pika.SSLOptions(client_context(settings.tls), server_hostname=host)
        return pika.ConnectionParameters(
            host=host,
            port=int(port),
            virtual_host=self._name,
            credentials=pika.PlainCredentials(settings.username, password_of(settings)),
            ssl_options=tls,
            heartbeat=_HEARTBEAT,
            socket_timeout=settings.timeout,
            stack_timeout=settings.timeout,
            client_properties={"connection_name": "gpu-agent-scaler"},
        )

    def _foreseen(self, queue: str) -> SourceError | None:
        if not 0 < len(queue.encode()) <= _LONGEST_NAME:
            # An empty name means the last queue that was declared on the channel.
            return SourceError(f"a queue's name has 1 to {_LONGEST_NAME} bytes")
        return self._refusal(queue)

    def _refusal(self, key: str | None) -> SourceError | None:
        until, trouble = self._refused.get(key, (0.0, None))
        return trouble if _now() < until else None

    def _refuse(self, key: str | None, trouble: SourceError, pause: float = _PAUSE) -> SourceError:
        self._refused = {key: refused for key, refused in self._refused.items() if _now() < refused[0] + _SUSPECTED}
        self._refused[key] = (_now() + pause, trouble)
        return trouble


def _now() -> float:
    return asyncio.get_running_loop().time()
