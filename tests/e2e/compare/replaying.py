"""
The trace on one agent: its jobs put on the queue when they are due, and the queue looked at until the end.
"""

from __future__ import annotations

import time

from redis import Redis
from redis.exceptions import RedisError

from loadgen.arrivals.jobs import Jobs
from loadgen.live.jobs import Job
from tests.comparison.ledger import Ledger, hands
from tests.e2e.agents import Agent
from tests.e2e.kubectl import KubectlError
from tests.e2e.queues import ListQueue

_LOOK_EVERY = 0.2
"""Seconds: much less than any job takes, so that no hand that a job was in goes unseen."""


class Replaying:
    """
    One replay, from a moment on (`time.monotonic`).

    Attributes:
        ledger: what became of the jobs.
        late: the most seconds by which a job was put on the queue later than it was due.
        blind: the most seconds between two looks.
    """

    def __init__(self, agent: Agent, jobs: Jobs) -> None:
        if not isinstance(agent.queue, ListQueue):
            raise TypeError("the trace is replayed on a list")
        self._queue = agent.queue
        self._due = [(at, Job(f"{agent.name}-{number}", service)) for number, (at, service) in enumerate(jobs)]
        self._redis: Redis | None = None
        self.ledger = Ledger()
        self.late = self.blind = 0.0

    def run(self, length: float) -> float:
        """
        Replay, and return when it began; it ends so many seconds later, whatever is left undone then.
        """
        begin = looked = time.monotonic()
        left = list(self._due)
        while (now := time.monotonic()) < begin + length:
            while left and begin + left[0][0] <= now:
                due, job = left.pop(0)
                self._send(job)
                self.late = max(self.late, time.monotonic() - begin - due)
            if now >= looked + _LOOK_EVERY and self._look():
                self.blind = max(self.blind, time.monotonic() - looked)
                looked = now
            pause = min([looked + _LOOK_EVERY, *(begin + due for due, _ in left[:1])]) - time.monotonic()
            time.sleep(min(max(pause, 0.005), _LOOK_EVERY))
        return begin

    def _client(self) -> Redis:
        if self._redis is None:
            self._redis = self._queue.redis()
        return self._redis

    def _send(self, job: Job) -> None:
        # At the list's end, as publishers do: workers take from its head.
        client = self._client()
        at = time.monotonic()
        self.ledger.sent(job.id, at, job.service or 0.0)
        client.rpush(self._queue.name, Job(job.id, job.service, time.time()).body)

    def _look(self) -> bool:
        try:
            together = self._client().pipeline(transaction=True)
            together.lrange(f"{self._queue.name}:processing", 0, -1)
            together.hgetall(self._queue.books)
            entries, books = together.execute()
        except (RedisError, OSError, KubectlError):
            self._redis = None
            return False
        self.ledger.looked(time.monotonic(), hands(entries), {str(job): int(times) for job, times in books.items()})
        return True
