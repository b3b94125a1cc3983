"""
RabbitMQ by both of its addresses: AMQP tells at once what is ready, the management API later what is in flight.

The two are of different ages, and a job that moves from ready to in flight between them must not vanish. So the work
outstanding is never less than the most that was seen since the moment up to which the management API knows everything:
a job that was seen waiting counts as in flight until the management API has had the time to know better. The price is
that finished work may count for as long (classic queues: up to a listing's age; quorum queues: 5 s more).
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Collection, Mapping

from scaler.domain.readings import QueueDepth
from scaler.sources.base import SourceError
from scaler.sources.rabbitmq.amqp import AmqpAddress
from scaler.sources.rabbitmq.management import Counts, Listing, ManagementAddress

_PAUSE = 2.5
"""Seconds between two listings, at least ..."""

_SHARE = 10
"""... and this many times as long as a listing takes, so that a large broker is not kept busy by being listed."""

_PATIENCE = 0.5
"""The part of the deadline in which a listing is waited for: AMQP's answer must get through without it."""

_FORGOTTEN = 300.0
"""Seconds after which a queue that nobody asks for is forgotten."""

_KEPT = 64
"""Numbers that are kept of one queue, falling since its last peak."""


class Outstanding:
    """
    The work outstanding on one queue.
    """

    def __init__(self) -> None:
        # Times and totals, each lower than the one before: what a later and higher one hides is dropped.
        self._seen: deque[tuple[float, int]] = deque(maxlen=_KEPT)

    def depth(self, ready: int, counts: Counts | None, now: float) -> QueueDepth:
        """
        Return the depth of a queue on which *ready* messages were just seen, and *counts* not long ago.
        """
        total = ready + (counts.unacknowledged if counts else 0)
        while self._seen and self._seen[-1][1] <= total:
            self._seen.pop()
        self._seen.append((now, total))
        if counts is not None:
            while self._seen[0][0] < counts.since:
                self._seen.popleft()
            total = counts.ready + counts.unacknowledged
        return QueueDepth(ready, max(total, self._seen[0][1]) - ready)

    def last_seen(self) -> float:
        """
        Return when its depth was asked for last.
        """
        return self._seen[-1][0]


class BothAddresses:
    """
    A broker that is asked by AMQP for every answer, and by its management API every few seconds.

    While the management API does not answer, waiting work is still told (it wakes), and an empty queue is unknown.
    """

    def __init__(self, amqp: AmqpAddress, management: ManagementAddress, timeout: float) -> None:
        self._amqp = amqp
        self._management = management
        self._patience = timeout * _PATIENCE
        self._vhosts: dict[str, _VirtualHost] = {}

    async def depths(self, vhost: str, queues: Collection[str]) -> Mapping[str, QueueDepth | SourceError]:
        """
        Return how many messages are ready and unacknowledged on each queue.

        Raises:
            SourceError: if no queue can be asked by AMQP.
        """
        known = self._vhosts.setdefault(vhost, _VirtualHost(self._management, vhost))
        known.renew()
        ready = await self._amqp.depths(vhost, queues)
        await known.listed(self._patience)
        return {queue: known.weigh(queue, answer) for queue, answer in ready.items()}

    async def version(self, vhost: str) -> str:
        """
        Return what the broker says it is.

        Raises:
            SourceError: if one of its addresses does not answer.
        """
        await self._management.version(vhost)
        return await self._amqp.version(vhost)

    async def forget(self, vhost: str) -> None:
        """
        Close what is open for a virtual host.
        """
        if (known := self._vhosts.pop(vhost, None)) is not None:
            await known.aclose()
        await self._amqp.forget(vhost)

    async def aclose(self) -> None:
        """
        Close everything.
        """
        for vhost in list(self._vhosts):
            await self.forget(vhost)
        await self._amqp.aclose()
        await self._management.aclose()


class _VirtualHost:
    """
    A virtual host: its last listing, which is renewed in the background, and the work outstanding on its queues.
    """

    def __init__(self, management: ManagementAddress, name: str) -> None:
        self._management = management
        self._name = name
        self._listing: Listing | None = None
        self._trouble: SourceError | None = None
        self._pause = _PAUSE
        self._due = 0.0
        self._task: asyncio.Task[None] | None = None
        self._outstanding: dict[str, Outstanding] = {}

    def renew(self) -> None:
        """
        Begin a new listing if one is due.
        """
        if self._task is not None and self._task.done():
            ended, self._task = self._task, None
            ended.result()  # raises what is a mistake of ours
        if self._task is None and _now() >= self._due:
            self._task = asyncio.create_task(self._list())

    async def listed(self, patience: float) -> None:
        """
        Wait for the listing under way if there is none to go by; not for one that has failed before.
        """
        if self._task is not None and self._trouble is None and not self._usable():
            await asyncio.wait([self._task], timeout=patience)

    def weigh(self, queue: str, ready: QueueDepth | SourceError) -> QueueDepth | SourceError:
        """
        Return what AMQP's answer and the listing say together.
        """
        if isinstance(ready, SourceError):
            return ready
        counts = self._counts(queue)
        if isinstance(counts, SourceError):
            return counts
        if counts is None and not ready.waiting:
            # What is in flight is not known, and a quorum queue without a leader would say that nothing waits.
            return self._trouble or SourceError(
                f"the management API is yet to tell what is in flight on queue {queue!r}"
            )
        return self._outstanding.setdefault(queue, Outstanding()).depth(ready.waiting, counts, _now())

    async def aclose(self) -> None:
        """
        End the listing under way.
        """
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    def _usable(self) -> bool:
        return self._listing is not None and _now() - self._listing.asked <= 2 * self._pause

    def _counts(self, queue: str) -> Counts | SourceError | None:
        return self._listing.counts(queue) if self._listing is not None and self._usable() else None

    async def _list(self) -> None:
        begun = _now()
        try:
            self._listing, self._trouble = await self._management.listing(self._name), None
            self._pause = max(_PAUSE, _SHARE * (_now() - begun))
        except SourceError as error:
            self._trouble, self._pause = error, _PAUSE
        ended = _now()
        self._due = ended + self._pause
        self._outstanding = {
            queue: seen for queue, seen in self._outstanding.items() if ended - seen.last_seen() < _FORGOTTEN
        }


def _now() -> float:
    return asyncio.get_running_loop().time()
