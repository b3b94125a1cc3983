"""
The queues on the stage, as a test sees them: jobs are put on them, and the books tell what became of each.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Sequence
from itertools import count

import pika
from redis import Redis

from loadgen.live.jobs import Job
from tests.e2e.kubectl import Forward
from tests.e2e.names import PASSWORD
from tests.e2e.stage import Stage

_ids = count(1)
_TRIES = 5


class Queue(ABC):
    """
    A queue with its books, which the workers keep (`LOADGEN_DONE`).

    Attributes:
        sent: the jobs that were put on it.
    """

    policy: str

    def __init__(self, stage: Stage, name: str) -> None:
        self.name = name
        self.books = f"{name}-done"
        self.sent: list[Job] = []
        self._forward: Forward = stage.forwards[self.server]

    @property
    @abstractmethod
    def server(self) -> str:
        """
        The name of the forwarded port.
        """

    def push(self, service: float, number: int = 1) -> float:
        """
        Put jobs on the queue that take so many seconds each; return when (`time.monotonic`).
        """
        jobs = [Job(f"{self.name}-{next(_ids)}", service, time.time()) for _ in range(number)]
        self.sent += jobs
        return self._put([job.body for job in jobs])

    def all_done(self) -> bool:
        """
        Tell whether every job that was sent was done, and no job twice.

        Raises:
            AssertionError: one was done twice.
        """
        books = self.done()
        twice = {job: times for job, times in books.items() if times > 1}
        assert not twice, f"done more than once: {twice}"
        return set(books) == {job.id for job in self.sent}

    @abstractmethod
    def _put(self, bodies: Sequence[bytes]) -> float: ...

    @abstractmethod
    def done(self) -> Counter[str]:
        """
        Return how often each job was done.
        """


class _RedisQueue(Queue):
    server = "redis"

    def redis(self) -> Redis:
        """
        Return a client whose connection stands; a port that was forwarded to a pod that is gone is forwarded anew.
        """
        for tried in range(_TRIES):
            client = Redis(port=self._forward.port, password=PASSWORD, socket_timeout=5, decode_responses=True)
            try:
                client.ping()
            except Exception:
                self._forward.close()
                if tried == _TRIES - 1:
                    raise
                time.sleep(0.5)
            else:
                return client
        raise AssertionError

    def done(self) -> Counter[str]:
        """
        Return the hash.
        """
        return Counter({str(job): int(times) for job, times in self.redis().hgetall(self.books).items()})


class ListQueue(_RedisQueue):
    """
    A Redis list.
    """

    policy = "list"

    def _put(self, bodies: Sequence[bytes]) -> float:
        client = self.redis()
        at = time.monotonic()
        client.lpush(self.name, *bodies)
        return at


class StreamQueue(_RedisQueue):
    """
    A Redis stream with the consumer group `agents`, which is there from the beginning.
    """

    policy = "stream"

    def __init__(self, stage: Stage, name: str) -> None:
        super().__init__(stage, name)
        self.redis().xgroup_create(name, "agents", id="0", mkstream=True)

    def _put(self, bodies: Sequence[bytes]) -> float:
        client = self.redis()
        at = time.monotonic()
        for body in bodies:
            client.xadd(self.name, {"job": body})
        return at


class RabbitQueue(Queue):
    """
    A durable queue in RabbitMQ, which is there from the beginning.
    """

    policy = "rabbitmq"
    server = "amqp"

    def __init__(self, stage: Stage, name: str) -> None:
        super().__init__(stage, name)
        self._read: Counter[str] = Counter()
        with self._connection() as connection:
            connection.channel().queue_declare(name, durable=True)

    def _connection(self) -> pika.BlockingConnection:
        for tried in range(_TRIES):
            try:
                return pika.BlockingConnection(
                    pika.ConnectionParameters("127.0.0.1", self._forward.port, socket_timeout=5)
                )
            except Exception:
                self._forward.close()
                if tried == _TRIES - 1:
                    raise
                time.sleep(0.5)
        raise AssertionError

    def _put(self, bodies: Sequence[bytes]) -> float:
        with self._connection() as connection:
            channel = connection.channel()
            channel.confirm_delivery()
            at = time.monotonic()
            for body in bodies:
                channel.basic_publish("", self.name, body, pika.BasicProperties(delivery_mode=2))
            return at

    def done(self) -> Counter[str]:
        """
        Return what was read of the queue of done jobs until now.
        """
        with self._connection() as connection:
            channel = connection.channel()
            channel.queue_declare(self.books, durable=True)
            while True:
                method, _, body = channel.basic_get(self.books, auto_ack=True)
                if method is None:
                    return Counter(self._read)
                self._read[body.decode()] += 1
