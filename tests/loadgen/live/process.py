"""
`loadgen worker` as a process, and queues of the three kinds as a test sees them.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Self

import pika
from redis import Redis

from loadgen.live.brokers.catalog import outlet
from loadgen.live.jobs import Job
from tests.servers.ports import free_port
from tests.servers.rabbitmq import RabbitServer
from tests.servers.redis import RedisServer

START_BOUND = 30.0
STOP_BOUND = 30.0


class Queue(ABC):
    """
    A queue with its books: jobs are sent to it, and it tells what became of them.
    """

    kind: str

    def __init__(self, url: str, name: str) -> None:
        self.url = url
        self.name = name
        self.books = f"{name}-done"

    def send(self, *jobs: Job) -> None:
        """
        Put jobs on the queue, as a publisher does.
        """

        async def sending() -> None:
            queue = outlet(self.url, self.kind, self.name)
            try:
                await queue.send(jobs)
            finally:
                await queue.aclose()

        asyncio.run(sending())

    @abstractmethod
    def done(self) -> Counter[str]:
        """
        Return how often each job was done.
        """

    @abstractmethod
    def waiting(self) -> int:
        """
        Return how many jobs nobody has.
        """

    @abstractmethod
    def left(self) -> int:
        """
        Return how many jobs there are, once no worker is connected.
        """


class RedisQueue(Queue):
    """
    What the two kinds in Redis share.
    """

    def __init__(self, server: RedisServer, name: str) -> None:
        super().__init__(server.url, name)
        self.redis: Redis = server.client()

    def done(self) -> Counter[str]:
        """
        Return the hash.
        """
        return Counter({str(job): int(times) for job, times in self.redis.hgetall(self.books).items()})


class ListQueue(RedisQueue):
    """
    A Redis list.
    """

    kind = "list"

    def waiting(self) -> int:
        """
        Return the length of the list.
        """
        return int(self.redis.llen(self.name))

    def left(self) -> int:
        """
        Return the length of both lists.
        """
        return self.waiting() + int(self.redis.llen(f"{self.name}:processing"))


class StreamQueue(RedisQueue):
    """
    A Redis stream.
    """

    kind = "stream"

    def waiting(self) -> int:
        """
        Return the entries that are not pending: those that were done are deleted.
        """
        groups = self.redis.xinfo_groups(self.name) if self.redis.exists(self.name) else []
        return self.left() - sum(int(group["pending"]) for group in groups)

    def left(self) -> int:
        """
        Return the number of entries.
        """
        return int(self.redis.xlen(self.name))


class BrokerQueue(Queue):
    """
    A RabbitMQ queue; its books are a queue, too, and are read from it once.
    """

    kind = "rabbitmq"

    def __init__(self, server: RabbitServer, name: str) -> None:
        super().__init__(f"amqp://{server.username}:{server.password}@{server.amqp}/%2F", name)
        self._done: Counter[str] = Counter()

    def done(self) -> Counter[str]:
        """
        Return the books, and what has come since they were last read.
        """
        with pika.BlockingConnection(pika.URLParameters(self.url)) as connection:
            channel = connection.channel()
            channel.queue_declare(self.books, durable=True)
            while True:
                method, _, body = channel.basic_get(self.books, auto_ack=True)
                if method is None:
                    return self._done
                self._done[body.decode()] += 1

    def waiting(self) -> int:
        """
        Return the messages that are ready.
        """
        with pika.BlockingConnection(pika.URLParameters(self.url)) as connection:
            return int(connection.channel().queue_declare(self.name, passive=True).method.message_count)

    def left(self) -> int:
        """
        Return the messages that are ready: what nobody is connected for cannot be anything else.
        """
        return self.waiting()


class WorkerProcess:
    """
    A `loadgen worker` on the loopback address.
    """

    def __init__(self, folder: Path, *arguments: str, **environ: str) -> None:
        self.port = free_port()
        self._log = folder / f"worker-{self.port}.log"
        command = [sys.executable, "-m", "loadgen", "worker", "--http", f"127.0.0.1:{self.port}", *arguments]
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(command, stderr=log, stdout=log, env={**os.environ, **environ})

    def ready(self) -> Self:
        """
        Return when it takes jobs.
        """
        until(lambda: self.get("/health/ready")[0] == 200, START_BOUND)
        return self

    def get(self, path: str) -> tuple[int, str]:
        """
        Return what its HTTP port answers; status 0 if it does not.
        """
        assert self.process.poll() is None, self.log()
        return page_of(self.port, path)

    def metric(self, line: str) -> float | None:
        """
        Return the value of the sample whose name and labels begin like that, None if there is none.
        """
        for sample in self.get("/metrics")[1].splitlines():
            if sample.startswith(line):
                return float(sample.rsplit(" ", 1)[1])
        return None

    def holds(self) -> int:
        """
        Return how many jobs it has in hand.
        """
        return int(self.metric("agent_in_flight") or 0)

    def terminate(self) -> int:
        """
        Ask it to stop (SIGTERM) and return its exit status.
        """
        self.process.terminate()
        return self.process.wait(STOP_BOUND)

    def kill(self) -> None:
        """
        End it at once (SIGKILL), even if it was frozen.
        """
        self.process.kill()
        self.process.wait(STOP_BOUND)

    def freeze(self) -> None:
        """
        Let it do nothing, until `thaw`.
        """
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """
        Let it go on.
        """
        self.process.send_signal(signal.SIGCONT)

    def log(self) -> str:
        """
        Return what it wrote.
        """
        return self._log.read_text()


def page_of(port: int, path: str) -> tuple[int, str]:
    """
    Return what an HTTP port of this machine answers; status 0 if it does not.
    """
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return 0, ""


def until(met: Callable[[], bool], within: float = 20.0) -> None:
    """
    Return when something is so.

    Raises:
        TimeoutError: it is not in time.
    """
    deadline = time.monotonic() + within
    while not met():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not so within {within:g} s")
        time.sleep(0.05)


def jobs(number: int, service: float) -> Sequence[Job]:
    """
    Return jobs that take so many seconds each.
    """
    return [Job(f"job-{index}", service, time.time()) for index in range(number)]


def once(sent: Sequence[Job]) -> Counter[str]:
    """
    Return the books in which each job was done once.
    """
    return Counter(job.id for job in sent)
