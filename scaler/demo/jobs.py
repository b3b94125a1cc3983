"""
Jobs on a Redis list, taken by LMOVE to a processing list and acknowledged late: in flight is visible, nothing is lost.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as UnreachableError

QUEUE = "jobs"
PROCESSING = "jobs:processing"
_DONE = "jobs:done"
_RETRY_EVERY = 0.2

__all__ = ["PROCESSING", "QUEUE", "Depth", "Job", "JobQueue", "UnreachableError"]


@dataclass(frozen=True, slots=True)
class Job:
    """
    A piece of work: seconds of computing, and seconds for which the GPU goes on after the job was acknowledged.
    """

    name: str
    seconds: float
    afterwards: float = 0.0

    @property
    def text(self) -> str:
        """
        The entry on the list.
        """
        return json.dumps(asdict(self))

    @classmethod
    def read(cls, text: str) -> Self:
        """
        Return the job that an entry is.
        """
        return cls(**json.loads(text))


@dataclass(frozen=True, slots=True)
class Depth:
    """
    What lies on the two lists.
    """

    waiting: int
    in_flight: int


class JobQueue:
    """
    The agents' queue, and the books that tell whether every job was done exactly once.

    Attributes:
        computed: how often each job was computed to its end.
        interrupted: jobs whose agent was stopped in the middle of them.
    """

    def __init__(self, host: str, port: int) -> None:
        # Any, because redis-py types every command for its blocking and its asyncio client at once. It would ask again
        # for seconds by itself, and an outage is to be seen when it is there. No socket_timeout: with one, redis-py
        # writes under `asyncio.wait_for`, which loses cancellations before Python 3.12.
        self._redis: Any = Redis(
            host=host, port=port, decode_responses=True, retry=Retry(NoBackoff(), 0), socket_timeout=None
        )
        self._one_taker = asyncio.Lock()
        self._held: set[str] = set()
        self._in_doubt = False
        self.pushed: list[str] = []
        self.computed: Counter[str] = Counter()
        self.interrupted: list[str] = []

    async def push(self, jobs: Sequence[Job]) -> None:
        """
        Put jobs on the queue, all in one command.
        """
        self.pushed += [job.name for job in jobs]
        await self._redis.rpush(QUEUE, *(job.text for job in jobs))

    async def take(self) -> Job | None:
        """
        Move the oldest job to the processing list and return it, or None if there is none.

        When the connection breaks in the middle of a take, nobody knows whether the job was moved. So the next take
        looks first for a job that lies on the processing list in nobody's hands; takes follow one another for that.

        Raises:
            UnreachableError: the server is down.
        """
        async with self._one_taker:
            text = await self._orphan() if self._in_doubt else None
            if text is None:
                self._in_doubt = True
                text = await self._redis.lmove(QUEUE, PROCESSING, "LEFT", "RIGHT")
                self._in_doubt = False
            if text is None:
                return None
            job = Job.read(text)
            self._held.add(job.name)
            return job

    async def acknowledge(self, job: Job) -> None:
        """
        Take a computed job off the processing list; waits while the server is down.
        """
        self.computed[job.name] += 1
        while True:
            try:
                # Both commands may be repeated: an answer lost on the way does no harm.
                async with self._redis.pipeline(transaction=True) as together:
                    await together.lrem(PROCESSING, 1, job.text).sadd(_DONE, job.name).execute()
            except UnreachableError:
                await asyncio.sleep(_RETRY_EVERY)
            else:
                self._held.discard(job.name)
                return

    def interrupt(self, job: Job) -> None:
        """
        Note that a job's agent was stopped: its work is lost.
        """
        self.interrupted.append(job.name)

    async def depth(self) -> Depth | None:
        """
        Return what lies on the lists, or None if the server cannot be reached.
        """
        try:
            async with self._redis.pipeline(transaction=True) as together:
                waiting, in_flight = await together.llen(QUEUE).llen(PROCESSING).execute()
        except UnreachableError:
            return None
        return Depth(waiting, in_flight)

    async def done(self) -> set[str]:
        """
        Return the names of the jobs that were acknowledged.

        Raises:
            UnreachableError: the server is down.
        """
        return set(await self._redis.smembers(_DONE))

    async def aclose(self) -> None:
        """
        Close the connections.
        """
        await self._redis.aclose()

    async def _orphan(self) -> str | None:
        for text in await self._redis.lrange(PROCESSING, 0, -1):
            if Job.read(text).name not in self._held:
                return str(text)
        return None
