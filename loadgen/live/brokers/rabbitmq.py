"""
Jobs on a RabbitMQ queue: handed over by the broker, acknowledged late, requeued by it when a connection breaks.

The connection is the lease: a worker that dies loses it, and its jobs go to others at once. When it breaks while the
worker lives, the job goes back to the queue though somebody computes it. So after a break those that still hold jobs
come first: they wait for their own to be delivered again and pass others on, while workers that hold nothing wait
until the rest had the time to come back. A worker that starts in that moment knows nothing of it: RabbitMQ delivers at
least once, not exactly once.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections import deque
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from itertools import count

from loadgen.live.brokers.amqp import AmqpLink, Message
from loadgen.live.brokers.base import RETRY_BOUND, BrokerError, Delivery
from loadgen.live.jobs import Job

_SETTLE = RETRY_BOUND + 5.0
"""Seconds after a broker came back within which everybody who lives is back, too."""

_PASS_ON_AFTER = 0.1
_CONFIRM_WITHIN = 10.0


class RabbitIntake:
    """
    The worker's side of a queue. Acknowledgements are transactions, so that none is believed that got lost.

    Args:
        url: the broker's, with credentials.
        queue: the queue; made durable if there is none.
        prefetch: how many jobs are held at once.
        books: a queue to which the id of each job is sent in the transaction of its acknowledgement, or None.
    """

    def __init__(
        self, url: str, queue: str, prefetch: int, books: str | None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._url = url
        self._queue = queue
        self._prefetch = prefetch
        self._books = books
        self._clock = clock
        self._link: AmqpLink | None = None
        self._consumer: str | None = None
        self._handed: deque[Message] = deque()
        self._news = asyncio.Event()
        self._tags = count(1)
        self._numbers: dict[str, int] = {}
        self._homeless: dict[str, bytes] = {}
        self._held: dict[str, bytes] = {}
        self._broke = False
        self._back_at: float | None = None
        self._stopped = False
        self._opening = asyncio.Lock()
        # One after the other: whatever else is said on the channel during a commit, RabbitMQ closes it for.
        self._settlement = asyncio.Lock()
        self._passing: set[asyncio.Task[None]] = set()

    async def take(self, within: float) -> Delivery | None:
        """
        Return the next job that the broker hands over.
        """
        link = await self._connected()
        if self._consumer is None and self._others_come_first:
            await asyncio.sleep(within)
            return None
        await self._consume(link)
        try:
            async with asyncio.timeout(within):
                while not self._handed:
                    self._news.clear()
                    link.check()
                    await self._news.wait()
        except TimeoutError:
            return None
        message = self._handed.popleft()
        delivery = Delivery(str(next(self._tags)), message.body)
        self._held[delivery.tag] = delivery.body
        self._numbers[delivery.tag] = message.number
        return delivery

    async def acknowledge(self, delivery: Delivery) -> bool:
        """
        Acknowledge a job; after a break, as soon as it has been delivered again.
        """
        async with self._settlement:
            link = await self._connected()
            if (number := self._numbers.get(delivery.tag)) is None:
                if delivery.tag not in self._homeless:
                    return False
                raise BrokerError("RabbitMQ has not delivered the job again yet, so it cannot be acknowledged")
            if self._books is not None:
                link.publish(self._books, delivery.job.id.encode())
            link.acknowledge(number)
            await link.commit()
            self._forget(delivery)
            return True

    async def put_back(self, delivery: Delivery) -> None:
        """
        Requeue a job; after a break the broker has done so already.
        """
        async with self._settlement:
            number = self._numbers.get(delivery.tag)
            if number is not None and self._link is not None and not self._link.broken:
                self._link.requeue(number)
                await self._link.commit()
            self._forget(delivery)

    async def keep(self, held: Collection[Delivery]) -> Collection[Delivery]:
        """
        Return the jobs that were not delivered to us again after a break: somebody else has them.
        """
        await self._connected()
        if not self._settling:
            self._homeless.clear()
        return [each for each in held if each.tag not in self._numbers and each.tag not in self._homeless]

    async def reclaim(self) -> int:
        """
        Do nothing: the broker requeues by itself.
        """
        return 0

    async def stop(self) -> None:
        """
        End the consumer, and requeue what was handed over and not taken.
        """
        self._stopped = True
        link, consumer, self._consumer = self._link, self._consumer, None
        if link is None or link.broken:
            return
        if consumer is not None:
            await link.cancel(consumer)
        while self._handed:
            link.requeue(self._handed.popleft().number)
        await link.commit()

    async def aclose(self) -> None:
        """
        Close the connection.
        """
        for task in self._passing:
            task.cancel()
        if self._link is not None:
            await self._link.aclose()

    @property
    def _settling(self) -> bool:
        # Whether we are back for so short a time that others may not be, or may not have passed on what is ours.
        return self._back_at is not None and self._clock() - self._back_at <= 2 * _SETTLE

    @property
    def _others_come_first(self) -> bool:
        return self._back_at is not None and not self._homeless and self._clock() - self._back_at < _SETTLE

    async def _connected(self) -> AmqpLink:
        async with self._opening:
            if self._link is not None and not self._link.broken:
                return self._link
            self._lose()
            link = AmqpLink(self._url, self._news.set)
            try:
                await link.open()
                await link.declare(self._queue)
                if self._books is not None:
                    await link.declare(self._books)
                await link.use_transactions()
            except BaseException:
                await link.aclose()
                raise
            self._link = link
            self._back_at = self._clock() if self._broke else None
        if self._homeless:
            await self._consume(link)
        return link

    def _lose(self) -> None:
        # Numbers count for one channel only.
        if self._link is None:
            return
        self._broke = True
        self._homeless |= {tag: self._held[tag] for tag in self._numbers}
        self._numbers.clear()
        self._handed.clear()
        self._consumer = None
        self._link = None

    async def _consume(self, link: AmqpLink) -> None:
        if self._consumer is not None:
            return
        # The link tells its news in order, and may tell of messages in the moment in which it has been given up.
        self._consumer = consumer = f"worker-{secrets.token_hex(8)}"
        try:
            await link.consume(self._queue, consumer, self._prefetch, lambda message: self._hand_over(message, link))
        except BrokerError:
            self._consumer = None
            raise

    def _hand_over(self, message: Message, link: AmqpLink) -> None:
        if self._link is not link:
            return
        own = (tag for tag, body in self._homeless.items() if body == message.body)
        if (tag := next(own, None)) is not None:
            self._numbers[tag] = message.number
            del self._homeless[tag]
        elif self._stopped or (message.redelivered and self._homeless and self._settling):
            # Another one's job, most likely.
            task = asyncio.get_running_loop().create_task(self._pass_on(message, link))
            self._passing.add(task)
            task.add_done_callback(self._passing.discard)
        else:
            self._handed.append(message)
            self._news.set()

    async def _pass_on(self, message: Message, link: AmqpLink) -> None:
        await asyncio.sleep(_PASS_ON_AFTER)  # or it would come back at once
        async with self._settlement:
            with suppress(BrokerError):  # the link is broken: then the broker has requeued it
                link.requeue(message.number)
                await link.commit()

    def _forget(self, delivery: Delivery) -> None:
        for books in (self._held, self._numbers, self._homeless):
            books.pop(delivery.tag, None)


class RabbitOutlet:
    """
    The publisher's side of a queue; made durable if there is none. The broker confirms what it has.
    """

    def __init__(self, url: str, queue: str) -> None:
        self._url = url
        self._queue = queue
        self._link: AmqpLink | None = None
        self._sent = 0
        self._unconfirmed: set[int] = set()
        self._news = asyncio.Event()

    async def send(self, jobs: Sequence[Job]) -> None:
        """
        Publish jobs and wait until all are confirmed.
        """
        link = await self._connected()
        for job in jobs:
            link.publish(self._queue, job.body)
            self._sent += 1
            self._unconfirmed.add(self._sent)
        try:
            async with asyncio.timeout(_CONFIRM_WITHIN):
                while self._unconfirmed:
                    self._news.clear()
                    link.check()
                    await self._news.wait()
        except TimeoutError as error:
            await link.aclose()
            raise BrokerError(f"RabbitMQ does not confirm jobs within {_CONFIRM_WITHIN:g} s") from error

    async def aclose(self) -> None:
        """
        Close the connection.
        """
        if self._link is not None:
            await self._link.aclose()

    async def _connected(self) -> AmqpLink:
        if self._link is None or self._link.broken:
            link = AmqpLink(self._url, self._news.set)
            self._sent = 0
            self._unconfirmed.clear()
            try:
                await link.open()
                await link.declare(self._queue)
                await link.confirm(self._told)
            except BaseException:
                await link.aclose()
                raise
            self._link = link
        return self._link

    def _told(self, number: int, multiple: bool) -> None:  # noqa: FBT001 - as AMQP has it
        self._unconfirmed -= {sent for sent in self._unconfirmed if sent <= number} if multiple else {number}
        self._news.set()
