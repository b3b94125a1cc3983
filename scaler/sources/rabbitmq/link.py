"""
One AMQP connection, from its opening to its end: pika's callbacks as coroutines that may be cancelled at any moment.

A late answer to a read that was given up reaches nobody: a channel is used again only when it owes none.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass

import pika
from pika import spec
from pika.adapters.asyncio_connection import AsyncioConnection
from pika.exceptions import AMQPConnectionError, AMQPError, StreamLostError
from pika.frame import Method

# It logs every failed attempt in six lines, one of them a trace; what there is to say our errors say in one.
logging.getLogger("pika").setLevel(logging.CRITICAL)

_MOST_CHANNELS = 32
"""Channels that may be waiting for answers to reads that were given up, before the connection is given up too."""

_WINDOW = 64
"""
Queues that a channel may be asked for before one of them has answered; larger windows are no faster. A new channel
begins with one, and one more with each answer, because a refusal closes a channel and loses all that is on its way.
"""

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
    A channel on which queues are asked for, many before the first of them has answered.

    pika's own `queue_declare` waits for each answer; 1,000 queues then take four times as long, and cost us and the
    broker more than three times as much (measured: 310 ms, 101 of our processor and 112 of the broker's).

    Attributes:
        owing: the queues that were asked for and have not answered, in the order in which they will.
    """

    def __init__(self, connection: _Connection) -> None:
        self.owing: deque[str] = deque()
        self._connection = connection
        self._window = 1
        self._round: _Round | None = None
        self._channel = connection.channel(on_open_callback=self._go_on)
        self._channel.add_callback(self._answered, [spec.Queue.DeclareOk], one_shot=False)
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
        return bool(self._channel.is_open) and not self.owing

    async def ready(self, queues: deque[str], tell: Callable[[str, int], None], *, singly: bool = False) -> None:
        """
        Take queues from the left of a list until it is empty, and tell of each how many of its messages are ready.

        Ask for one only when the one before has answered if *singly* is true.

        Raises:
            ChannelClosedByBroker: the broker declines the first of `owing`; the channel is closed, and of the others
                in `owing` nothing is known.
            AMQPError: the connection broke.
        """
        done: asyncio.Future[Exception | None] = asyncio.get_running_loop().create_future()
        self._round = _Round(queues, tell, 1 if singly else _WINDOW, done)
        try:
            self._go_on()
            failure = await done
        finally:
            self._round = None  # late answers to a read that was given up reach nobody
        if failure is not None:
            raise failure

    def _go_on(self, _: object = None) -> None:
        """
        Ask for as many queues as may be on their way; half a window at least, so that they travel together.
        """
        if self._round is None or not self._channel.is_open:
            return
        window = min(self._window, self._round.most)
        if len(self.owing) <= window // 2:
            number = self._channel.channel_number
            count = min(window - len(self.owing), len(self._round.queues))
            queues = [self._round.queues.popleft() for _ in range(count)]
            self.owing.extend(queues)
            self._connection.send(Method(number, spec.Queue.Declare(queue=queue, passive=True)) for queue in queues)
        if not self.owing:
            self._end(None)

    def _answered(self, frame: Method) -> None:
        told = frame.method
        self.owing.remove(told.queue)
        self._window = min(self._window + 1, _WINDOW)
        if self._round is not None:
            self._round.tell(told.queue, told.message_count)
            self._go_on()

    def _closed(self, _: object, reason: Exception) -> None:
        self._end(reason)

    def _end(self, failure: Exception | None) -> None:
        if self._round is not None and not self._round.done.done():
            self._round.done.set_result(failure)


@dataclass(frozen=True, slots=True)
class _Round:
    """
    What a channel is asked at present: *queues*, with at *most* so many on their way, until it is *done*.
    """

    queues: deque[str]
    tell: Callable[[str, int], None]
    most: int
    done: asyncio.Future[Exception | None]


class _Connection(AsyncioConnection):  # type: ignore[misc] # pika ships no types
    """
    A connection that sends frames together, and that can be given up.

    pika sends every frame by itself. Its own `close()` waits for a broker that may never answer, and fails in 1.4 while
    the connection is opening.
    """

    def send(self, frames: Iterable[Method]) -> None:
        """
        Send frames in as few packets as they fit into.
        """
        if together := b"".join(frame.marshal() for frame in frames):
            self._output_marshaled_frames([together])

    def give_up(self) -> None:
        """
        End at once.
        """
        self._terminate_stream(StreamLostError("given up"))
