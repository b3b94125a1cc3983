"""
One AMQP connection with one channel: pika's callbacks as coroutines. Once it is broken it stays so; open another.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import pika
from pika.adapters.asyncio_connection import AsyncioConnection
from pika.exceptions import AMQPError, ChannelClosedByBroker, StreamLostError

from loadgen.live.brokers.base import BrokerError

# It logs every failed attempt in six lines, one of them a trace; what there is to say our errors say in one.
logging.getLogger("pika").setLevel(logging.CRITICAL)

_DEADLINE = 5.0
_FAREWELL = 1.0
_HEARTBEAT = 10
"""Seconds, where the URL does not say: a broker that is silent for twice this is gone."""

_NOT_FOUND = 404


@dataclass(frozen=True, slots=True)
class Message:
    """
    What the broker handed over; *number* is what it is acknowledged by.
    """

    number: int
    redelivered: bool
    body: bytes


class AmqpLink:
    """
    A connection to a broker, once `open` has returned.

    Args:
        url: the broker's, with credentials.
        told_broken: called once when it breaks, for whatever reason.
    """

    def __init__(self, url: str, told_broken: Callable[[], None] = lambda: None) -> None:
        self._parameters = pika.URLParameters(url)
        if "heartbeat=" not in urlsplit(url).query:
            self._parameters.heartbeat = _HEARTBEAT
        self._where = f"RabbitMQ at {self._parameters.host}:{self._parameters.port}"
        self._connection: Any = None
        self._channel: Any = None
        self._asking = asyncio.Lock()
        self._waiting: asyncio.Future[Any] | None = None
        self._gone = asyncio.Event()
        self._told_broken = told_broken
        self._cause: BaseException | None = None

    @property
    def broken(self) -> bool:
        """
        Whether it can be used no more.
        """
        return self._cause is not None

    async def open(self) -> None:
        """
        Connect, log in and open a channel.

        Raises:
            BrokerError: it did not come to that.
        """
        await self._answer(self._connect)
        await self.open_channel()

    async def open_channel(self) -> None:
        """
        Open a channel in the place of the one there was.
        """

        def opening(done: Callable[[Any], None]) -> None:
            self._channel = self._connection.channel(on_open_callback=done)
            self._channel.add_on_close_callback(self._channel_closed)
            self._channel.add_on_cancel_callback(lambda _: self._broke(StreamLostError("the queue was deleted")))

        await self._answer(opening)

    async def declare(self, queue: str) -> None:
        """
        See that there is a queue; make a durable one if there is none.

        An existing one is taken as it is: declared with other properties than it has, it would be refused.
        """
        try:
            await self._answer(lambda done: self._channel.queue_declare(queue, passive=True, callback=done))
        except BrokerError as error:
            if not isinstance(error.__cause__, ChannelClosedByBroker) or error.__cause__.reply_code != _NOT_FOUND:
                raise
            await self.open_channel()
            await self._answer(lambda done: self._channel.queue_declare(queue, durable=True, callback=done))

    async def consume(self, queue: str, consumer: str, prefetch: int, told: Callable[[Message], None]) -> None:
        """
        Have messages handed over to a consumer of this name, at most *prefetch* that are not acknowledged.
        """

        def deliver(_: Any, method: Any, __: Any, body: bytes) -> None:
            told(Message(method.delivery_tag, method.redelivered, body))

        await self._answer(lambda done: self._channel.basic_qos(prefetch_count=prefetch, callback=done))
        await self._answer(
            lambda done: self._channel.basic_consume(queue, deliver, consumer_tag=consumer, callback=done)
        )

    async def cancel(self, consumer: str) -> None:
        """
        Have nothing more handed over.
        """
        await self._answer(lambda done: self._channel.basic_cancel(consumer, callback=done))

    async def use_transactions(self) -> None:
        """
        From now on let what is published and acknowledged take effect with `commit`, all or nothing.
        """
        await self._answer(lambda done: self._channel.tx_select(callback=done))

    async def commit(self) -> None:
        """
        Let it take effect.

        Raises:
            BrokerError: it may have, if the error is in doubt.
        """
        self.check()
        try:
            await self._answer(lambda done: self._channel.tx_commit(callback=done))
        except BrokerError as error:
            error.in_doubt = True
            raise

    async def confirm(self, told: Callable[[int, bool], None]) -> None:
        """
        Be told which messages the broker has: their number, counted from 1, and whether all below it are meant, too.
        """

        def confirmed(frame: Any) -> None:
            if isinstance(frame.method, pika.spec.Basic.Ack):
                told(frame.method.delivery_tag, frame.method.multiple)
            else:
                self._broke(StreamLostError("it declined a message"))

        await self._answer(lambda done: self._channel.confirm_delivery(confirmed, callback=done))

    def publish(self, queue: str, body: bytes) -> None:
        """
        Send a lasting message on its way to a queue.
        """
        properties = pika.BasicProperties(delivery_mode=pika.DeliveryMode.Persistent)
        self._now(lambda: self._channel.basic_publish("", queue, body, properties))

    def acknowledge(self, number: int) -> None:
        """
        Send an acknowledgement on its way.
        """
        self._now(lambda: self._channel.basic_ack(number))

    def requeue(self, number: int) -> None:
        """
        Send a message on its way back to its place in the queue.
        """
        self._now(lambda: self._channel.basic_nack(number, requeue=True))

    def check(self) -> None:
        """
        Do nothing if it can be used.

        Raises:
            BrokerError: it is broken.
        """
        if self.broken:
            raise self._error(self._cause) from self._cause

    async def aclose(self) -> None:
        """
        Take leave; a broker that does not answer in time is left without.
        """
        if self._connection is None:
            return
        if not self.broken and self._connection.is_open:
            with suppress(AMQPError, TimeoutError):
                self._connection.close()
                async with asyncio.timeout(_FAREWELL):
                    await self._gone.wait()
        self._give_up()

    def _connect(self, done: Callable[[Any], None]) -> None:
        self._connection = _Connection(
            self._parameters,
            on_open_callback=done,
            on_open_error_callback=lambda _, error: self._broke(error),
            on_close_callback=lambda _, error: self._broke(error),
        )

    async def _answer(self, ask: Callable[[Callable[[Any], None]], object]) -> None:
        async with self._asking:
            self.check()
            await self._ask(ask)

    async def _ask(self, ask: Callable[[Callable[[Any], None]], object]) -> None:
        # Whoever cancels a question leaves a link in doubt, which is given up.
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting = answer
        try:
            async with asyncio.timeout(_DEADLINE):
                ask(lambda frame: None if answer.done() else answer.set_result(frame))
                await answer
        except TimeoutError as error:
            self._give_up()
            raise BrokerError(f"{self._where} does not answer within {_DEADLINE:g} s") from error
        except AMQPError as error:
            if not isinstance(error, ChannelClosedByBroker):
                self._broke(error)
            raise self._error(error) from error
        except asyncio.CancelledError:
            self._give_up()
            raise
        finally:
            self._waiting = None

    def _now(self, act: Callable[[], object]) -> None:
        self.check()
        try:
            act()
        except AMQPError as error:
            self._broke(error)
            raise self._error(error) from error

    def _channel_closed(self, _: object, reason: BaseException) -> None:
        # A refusal of what was asked reaches the asker; without one the channel is what the link consists of.
        if self._waiting is not None and not self._waiting.done() and isinstance(reason, ChannelClosedByBroker):
            self._waiting.set_exception(reason)
        else:
            self._broke(reason)

    def _broke(self, cause: BaseException) -> None:
        if self._cause is None:
            self._cause = cause
            self._told_broken()
        self._gone.set()
        if self._waiting is not None and not self._waiting.done():
            failure = cause if isinstance(cause, AMQPError) else StreamLostError(str(cause))
            self._waiting.set_exception(failure)

    def _give_up(self) -> None:
        self._broke(StreamLostError("given up"))
        if self._connection is not None and not self._connection.is_closed:
            self._connection.give_up()

    def _error(self, cause: BaseException | None) -> BrokerError:
        words = " ".join(str(cause).split()) or type(cause).__name__
        return BrokerError(f"{self._where} cannot be used: {words[:200]}")


class _Connection(AsyncioConnection):  # type: ignore[misc] # pika ships no types
    """
    A connection that can be given up. pika's own `close()` waits for a broker that may never answer.
    """

    def give_up(self) -> None:
        """
        End at once.
        """
        self._terminate_stream(StreamLostError("given up"))
