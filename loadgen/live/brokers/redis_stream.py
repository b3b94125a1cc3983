"""
Jobs on a Redis stream: read by a consumer group, acknowledged late, and deleted when they are done.

Who holds an entry says so by claiming it for itself again, which sets its idle time to nothing. An entry that is idle
for a whole lease belongs to a dead worker, and the next worker claims it. Idle times grow while a Redis is down, too;
so a worker claims only after its own connections were unbroken for a whole lease.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection, Mapping, Sequence

from redis.exceptions import ResponseError

from loadgen.live.brokers.base import Delivery
from loadgen.live.brokers.redis_link import RedisLink
from loadgen.live.jobs import Job

FIELD = "job"
"""The field of an entry that is the job; where there is none, its first field is."""

# KEYS: the stream. ARGV: group, consumer, id.
_KEEP = """
local mine = redis.call('XPENDING', KEYS[1], ARGV[1], ARGV[3], ARGV[3], 1, ARGV[2])
if #mine == 0 then return 0 end
redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2], 0, ARGV[3], 'JUSTID')
return 1
"""
# KEYS: the stream, and perhaps the books. ARGV: group, consumer, id, the job's id.
_ACKNOWLEDGE = """
local mine = redis.call('XPENDING', KEYS[1], ARGV[1], ARGV[3], ARGV[3], 1, ARGV[2])
if #mine == 0 then return 0 end
redis.call('XACK', KEYS[1], ARGV[1], ARGV[3])
redis.call('XDEL', KEYS[1], ARGV[3])
if KEYS[2] then redis.call('HINCRBY', KEYS[2], ARGV[4], 1) end
return 1
"""
# KEYS: the stream. ARGV: group, consumer, id.
_PUT_BACK = """
local mine = redis.call('XPENDING', KEYS[1], ARGV[1], ARGV[3], ARGV[3], 1, ARGV[2])
local entry = redis.call('XRANGE', KEYS[1], ARGV[3], ARGV[3])
if #mine == 0 or #entry == 0 then return 0 end
redis.call('XADD', KEYS[1], '*', unpack(entry[1][2]))
redis.call('XACK', KEYS[1], ARGV[1], ARGV[3])
redis.call('XDEL', KEYS[1], ARGV[3])
return 1
"""
# KEYS: the stream. ARGV: group, consumer.
_LEAVE = """
if #redis.call('XPENDING', KEYS[1], ARGV[1], '-', '+', 1, ARGV[2]) > 0 then return 0 end
return redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], ARGV[2])
"""


class RedisStreamIntake:
    """
    The worker's side of a stream.

    Args:
        link: the server.
        queue: the stream's key.
        group: the consumer group; made if there is none, and then it begins with the oldest entry.
        lease: seconds for which a worker that says nothing is believed to live.
        books: the key of a hash that counts how often each job was done, or None.
    """

    def __init__(self, link: RedisLink, queue: str, group: str, lease: float, books: str | None) -> None:
        self._link = link
        self._queue = queue
        self._group = group
        self._consumer = f"worker-{secrets.token_hex(8)}"
        self._lease = lease
        self._books = books
        self._grouped = False
        self._looked = float("-inf")
        script = link.commands.register_script
        self._keep, self._acknowledge = script(_KEEP), script(_ACKNOWLEDGE)
        self._put_back, self._leave = script(_PUT_BACK), script(_LEAVE)

    async def take(self, within: float) -> Delivery | None:
        """
        Return what a dead worker left, if it is time to look for that, or else the oldest entry that nobody had.
        """
        await self._join()
        if (left := await self._left()) is not None:
            return left
        async with self._link.asked(within) as redis:
            try:
                streams = await redis.xreadgroup(
                    self._group, self._consumer, {self._queue: ">"}, count=1, block=max(1, round(within * 1000))
                )
            except ResponseError:
                self._grouped = False  # somebody deleted the stream; the next attempt makes the group anew
                raise
        return _delivery(*streams[0][1][0]) if streams else None

    async def acknowledge(self, delivery: Delivery) -> bool:
        """
        Acknowledge an entry and delete it, and count it if there are books.
        """
        keys = [self._queue, *([self._books] if self._books else [])]
        async with self._link.asked():
            arguments = [self._group, self._consumer, delivery.tag, delivery.job.id]
            return bool(await self._acknowledge(keys, arguments))

    async def put_back(self, delivery: Delivery) -> None:
        """
        Add an entry anew and delete the old one: only a new one is delivered at once.
        """
        async with self._link.asked():
            await self._put_back([self._queue], [self._group, self._consumer, delivery.tag])

    async def keep(self, held: Collection[Delivery]) -> Collection[Delivery]:
        """
        Claim them again.
        """
        lost = []
        for delivery in held:
            async with self._link.asked():
                if not await self._keep([self._queue], [self._group, self._consumer, delivery.tag]):
                    lost.append(delivery)
        return lost

    async def reclaim(self) -> int:
        """
        Do nothing: `take` claims what dead workers left.
        """
        return 0

    async def stop(self) -> None:
        """
        Do nothing: a stream hands over only what is asked for.
        """

    async def aclose(self) -> None:
        """
        Leave the group if nothing is held, and close the connections.
        """
        try:
            if self._grouped and self._link.unbroken_since is not None:
                async with self._link.asked():
                    await self._leave([self._queue], [self._group, self._consumer])
        finally:
            await self._link.aclose()

    async def _join(self) -> None:
        if self._grouped:
            return
        async with self._link.asked() as redis:
            try:
                await redis.xgroup_create(self._queue, self._group, id="0", mkstream=True)
            except ResponseError as error:
                if "BUSYGROUP" not in str(error):
                    raise
        self._grouped = True

    async def _left(self) -> Delivery | None:
        now, since = self._link.clock(), self._link.unbroken_since
        if since is None or now - since < self._lease or now - self._looked < self._lease / 4:
            return None
        async with self._link.asked() as redis:
            found = await redis.xautoclaim(
                self._queue, self._group, self._consumer, min_idle_time=round(self._lease * 1000), count=1
            )
        entries = [(entry, fields) for entry, fields in found[1] if fields]
        if not entries:
            self._looked = now
            return None
        return _delivery(*entries[0])


class RedisStreamOutlet:
    """
    The publisher's side of a stream.
    """

    def __init__(self, link: RedisLink, queue: str) -> None:
        self._link = link
        self._queue = queue

    async def send(self, jobs: Sequence[Job]) -> None:
        """
        Add jobs to the stream, all in one transaction.
        """
        async with self._link.asked() as redis, redis.pipeline(transaction=True) as together:
            for job in jobs:
                together.xadd(self._queue, {FIELD: job.body})
            await together.execute()

    async def aclose(self) -> None:
        """
        Close the connections.
        """
        await self._link.aclose()


def _delivery(entry: bytes, fields: Mapping[bytes, bytes]) -> Delivery:
    body = fields.get(FIELD.encode())
    return Delivery(entry.decode(), next(iter(fields.values())) if body is None else body)
