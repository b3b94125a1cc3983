"""
One AMQP connection, from its opening to its end: pika's callbacks as coroutines that may be cancelled at any moment.

Every request has a future of its own, so a late answer to a read that was given up reaches nobody else.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from typing import Any

import pika
from pika.adapters.asyncio_connection import AsyncioConnection
from pika.exceptions import AMQPConnectionError, AMQPError, StreamLostError

# It logs every failed attempt in six lines, one of them a trace; what there is to say our errors say in one.
logging.getLogger("pika").setLevel(logging.CRITICAL)

_MOST_CHANNELS = 32
"""Channels that may be waiting for answers to reads that were given up, before the connection is given up too."""

_FAREWELL = 1.0
"""Seconds in which a broker may answer that we close."""


class Link:
    """
    A connection with the channels that nobody uses at the moment. It begins to open when it is made.
    """

    def __init__(self, parameters: pika.ConnectionParameters) -> None:
        loop = asyncio.get_running_loop()
        self._opened: asyncio.Future[Exception | None] = loop.create_future()
        self._gone: asyncio.Future[None] = loop.create_future()
        self._parked: list[Channel] = []
        self._ended = False
        self._connection = _Connection(
            parameters,
            on_open_callback=lambda _: self._opened.set_result(None),
            on_open_error_callback=self._failed,
            on_close_callback=self._closed,
        )

    @property
    def alive(self) -> bool:
        """
        Whether it is open, or about to be.
        """
        return not self._ended

    @property
    def version(self) -> str:
        """
        The product and version that the broker says it is.
        """
        properties = self._connection.server_properties
        return f"{properties.get('product', 'RabbitMQ')} {properties.get('version', '')}".strip()

    async def opened(self) -> None:
        """
        Return when it is open.

        Raises:
            AMQPError: it cannot be opened.
            AMQPConnectorException: the same.
        """
        # Shielded: the next read goes on with an opening that this one gave up.
        failure = await asyncio.shield(self._opened)
        if failure is not None:
            raise failure

    def take(self) -> Channel:
        """
        Return a channel that nobody uses.

        Raises:
            AMQPError: the connection is closed, or all its channels wait for answers that do not come.
        """
        self._parked = [channel for channel in self._parked if not channel.closed]
        for channel in self._parked:
            if channel.idle:
                self._parked.remove(channel)
                return channel
        if len(self._parked) >= _MOST_CHANNELS:
            self._give_up()
            raise StreamLostError("no channel gets answers")
        return Channel(self._connection)

    def park(self, channel: Channel) -> None:
        """
        Give a channel back, be it idle or still waiting for an answer.
        """
        self._parked.append(channel)

    async def aclose(self) -> None:
        """
        Take leave of the broker; one that does not answer in time is left without.
        """
        if not self._opened.done():
            self._give_up()
        elif not self._ended:
            self._ended = True
            with suppress(AMQPError):  # the broker may be closing it already
                self._connection.close()
        if not await self._is_gone():
            self._give_up()
            await self._is_gone()

    async def _is_gone(self) -> bool:
        with suppress(TimeoutError):
            async with asyncio.timeout(_FAREWELL):
                await asyncio.shield(self._gone)
        return self._gone.done()

    def _give_up(self) -> None:
        self._ended = True
        self._connection.give_up()

    def _failed(self, _: object, error: BaseException) -> None:
        self._opened.set_result(error if isinstance(error, Exception) else AMQPConnectionError(error))
        self._closed(self, error)

    def _closed(self, _: object, __: object) -> None:
        self._ended = True
        self._gone.set_result(None)


class Channel:
    """
    A channel on which one queue at a time is asked for.
    """

    def __init__(self, connection: AsyncioConnection) -> None:
        self._reply: asyncio.Future[Any]
        self._expect()
        self._channel = connection.channel(on_open_callback=self._answered)
        self._channel.add_on_close_callback(self._closed)

    @property
    def closed(self) -> bool:
        """
        Whether it can be used no more.
        """
        return bool(self._channel.is_closed or self._channel.is_closing)

    @property
    def idle(self) -> bool:
        """
        Whether it is open and owes no answer.
        """
        return bool(self._channel.is_open) and not self._owing

    async def ready(self, queue: str) -> int:
        """
        Return how many messages of a queue are ready.

        Raises:
            ChannelClosedByBroker: the broker declines, and the channel is closed.
            AMQPError: the connection broke.
        """
        if self._channel.is_opening:
            await self._answer()
        self._expect()
        self._channel.queue_declare(queue, passive=True, callback=self._answered)
        frame = await self._answer()
        return int(frame.method.message_count)

    def _expect(self) -> None:
        self._reply = asyncio.get_running_loop().create_future()
        self._owing = True

    async def _answer(self) -> Any:
        answer = await self._reply
        if isinstance(answer, AMQPError):
            raise answer
        return answer

    def _answered(self, frame: object) -> None:
        self._owing = False
        # A read that was given up has cancelled the future.
        if not self._reply.done():
            self._reply.set_result(frame)

    def _closed(self, _: object, reason: object) -> None:
        self._answered(reason)


class _Connection(AsyncioConnection):  # type: ignore[misc] # pika ships no types
    """
    A connection that can be given up.

    pika's own `close()` waits for a broker that may never answer, and fails in 1.4 while the connection is opening.
    """

    def give_up(self) -> None:
        self._terminate_stream(StreamLostError("given up"))
