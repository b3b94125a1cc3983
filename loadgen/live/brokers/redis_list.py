"""
Jobs on a Redis list: moved to `<queue>:processing` while they are done, and taken from there when they are.

A job in progress lies there as a token, a space and the entry itself, so that equal entries can be told apart; the key
`<queue>:lease:<token>` lives as long as its worker renews it. A job whose worker died has no such key any more, and
the next worker that sees this puts it back at the head of the queue.

Leases run out while a Redis is down, too. So a worker judges only after its own connections were unbroken for a whole
lease: by then every living worker has renewed its leases.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Collection, Sequence

from loadgen.live.brokers.base import Delivery
from loadgen.live.brokers.redis_link import RedisLink
from loadgen.live.jobs import Job

# KEYS: processing, lease. ARGV: the entry, the same with its token, milliseconds of lease.
_ADOPT = """
if redis.call('LREM', KEYS[1], 1, ARGV[1]) == 0 then return 0 end
redis.call('RPUSH', KEYS[1], ARGV[2])
redis.call('SET', KEYS[2], '1', 'PX', ARGV[3])
return 1
"""
# KEYS: processing, lease, and perhaps the books. ARGV: the entry with its token, the job's id.
_ACKNOWLEDGE = """
local removed = redis.call('LREM', KEYS[1], 1, ARGV[1])
if removed == 1 and KEYS[3] then redis.call('HINCRBY', KEYS[3], ARGV[2], 1) end
redis.call('DEL', KEYS[2])
return removed
"""
# KEYS: processing, lease. ARGV: the entry with its token, milliseconds of lease.
_KEEP = """
if not redis.call('LPOS', KEYS[1], ARGV[1]) then return 0 end
redis.call('SET', KEYS[2], '1', 'PX', ARGV[2])
return 1
"""
# KEYS: processing, queue, and the lease that there must not be. ARGV: the entry as it lies there, the entry itself.
_PUT_BACK = """
if KEYS[3] and redis.call('EXISTS', KEYS[3]) == 1 then return 0 end
local removed = redis.call('LREM', KEYS[1], 1, ARGV[1])
if removed == 1 then redis.call('LPUSH', KEYS[2], ARGV[2]) end
return removed
"""
_LABELLED = re.compile(rb"([0-9a-f]{32}) (.*)", re.DOTALL)


class RedisListIntake:
    """
    The worker's side of a list.

    Args:
        link: the server.
        queue: the list's key; jobs are taken from its left.
        lease: seconds for which a worker that says nothing is believed to live.
        books: the key of a hash that counts how often each job was done, or None.
    """

    def __init__(self, link: RedisLink, queue: str, lease: float, books: str | None) -> None:
        self._link = link
        self._queue = queue
        self._processing = f"{queue}:processing"
        self._lease = lease
        self._lease_ms = max(1, round(lease * 1000))
        self._books = books
        self._nameless: dict[bytes, float] = {}
        script = link.commands.register_script
        self._adopt, self._acknowledge = script(_ADOPT), script(_ACKNOWLEDGE)
        self._keep, self._put_back = script(_KEEP), script(_PUT_BACK)

    async def take(self, within: float) -> Delivery | None:
        """
        Move the oldest job to the processing list, and take a lease on it.
        """
        async with self._link.asked(within) as redis:
            body = await redis.blmove(self._queue, self._processing, within, "LEFT", "RIGHT")
        if body is None:
            return None
        delivery = Delivery(secrets.token_hex(16), body)
        async with self._link.asked():
            keys = [self._processing, self._lease_key(delivery.tag)]
            adopted = await self._adopt(keys, [body, _labelled(delivery), self._lease_ms])
        return delivery if adopted else None

    async def acknowledge(self, delivery: Delivery) -> bool:
        """
        Take a job off the processing list, and count it if there are books.
        """
        keys = [self._processing, self._lease_key(delivery.tag), *([self._books] if self._books else [])]
        async with self._link.asked():
            return bool(await self._acknowledge(keys, [_labelled(delivery), delivery.job.id]))

    async def put_back(self, delivery: Delivery) -> None:
        """
        Move a job back to the head of the queue.
        """
        async with self._link.asked() as redis:
            await self._put_back([self._processing, self._queue], [_labelled(delivery), delivery.body])
            await redis.delete(self._lease_key(delivery.tag))

    async def keep(self, held: Collection[Delivery]) -> Collection[Delivery]:
        """
        Renew the leases.
        """
        lost = []
        for delivery in held:
            keys = [self._processing, self._lease_key(delivery.tag)]
            async with self._link.asked():
                if not await self._keep(keys, [_labelled(delivery), self._lease_ms]):
                    lost.append(delivery)
        return lost

    async def reclaim(self) -> int:
        """
        Put back the jobs without a lease, once the connections were unbroken for a whole lease.

        An entry without a token is on its way from the queue to a worker, or its worker died on that way; the second
        is known when it was seen for a whole lease.
        """
        async with self._link.asked() as redis:
            entries: list[bytes] = await redis.lrange(self._processing, 0, -1)
        now, since = self._link.clock(), self._link.unbroken_since
        nameless = {entry for entry in entries if not _LABELLED.fullmatch(entry)}
        self._nameless = {entry: max(self._nameless.get(entry, now), since or now) for entry in nameless}
        if since is None or now - since < self._lease:
            return 0
        # From the youngest to the oldest, so that the oldest comes to stand at the head.
        return sum([await self._reclaim(entry, now) for entry in reversed(entries)])

    async def _reclaim(self, entry: bytes, now: float) -> int:
        keys = [self._processing, self._queue]
        if label := _LABELLED.fullmatch(entry):
            keys.append(self._lease_key(label[1].decode()))
            body = label[2]
        elif now - self._nameless[entry] < self._lease:
            return 0
        else:
            body = entry
        async with self._link.asked():
            return int(await self._put_back(keys, [entry, body]))

    async def stop(self) -> None:
        """
        Do nothing: a list hands over only what is asked for.
        """

    async def aclose(self) -> None:
        """
        Close the connections.
        """
        await self._link.aclose()

    def _lease_key(self, token: str) -> str:
        return f"{self._queue}:lease:{token}"


class RedisListOutlet:
    """
    The publisher's side of a list.
    """

    def __init__(self, link: RedisLink, queue: str) -> None:
        self._link = link
        self._queue = queue

    async def send(self, jobs: Sequence[Job]) -> None:
        """
        Put jobs at the end of the list, all in one command.
        """
        async with self._link.asked() as redis:
            await redis.rpush(self._queue, *(job.body for job in jobs))

    async def aclose(self) -> None:
        """
        Close the connections.
        """
        await self._link.aclose()


def _labelled(delivery: Delivery) -> bytes:
    return delivery.tag.encode() + b" " + delivery.body
