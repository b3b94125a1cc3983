"""
Fixtures: a queue of each kind, and workers of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Protocol

import pytest

from tests.loadgen.live.process import BrokerQueue, ListQueue, Queue, StreamQueue, WorkerProcess

KINDS = ("list", "stream", "rabbitmq")


@pytest.fixture(params=KINDS)
def queue(request: pytest.FixtureRequest, queue_name: str) -> Iterator[Queue]:
    """
    A queue on a server that all tests share; the test runs once for each kind.
    """
    if request.param == "rabbitmq":
        yield BrokerQueue(request.getfixturevalue("rabbitmq"), queue_name)
        return
    made = (ListQueue if request.param == "list" else StreamQueue)(request.getfixturevalue("redis"), queue_name)
    with made.redis:
        yield made


class StartWorker(Protocol):
    """
    Starts a worker of a queue, with more flags if need be.
    """

    def __call__(self, queue: Queue, **flags: str) -> WorkerProcess:
        """
        Return it at once; `ready()` waits.
        """
        ...


@pytest.fixture
def start_worker(tmp_path: Path) -> Iterator[StartWorker]:
    """
    A function that starts a worker; it ends with the test.
    """
    with ExitStack() as stack:

        def start(queue: Queue, **flags: str) -> WorkerProcess:
            known = {"queue_type": queue.kind, "done": queue.books, "lease": "2s", **flags}
            named = {"broker": queue.url, "queue": queue.name, **known}
            arguments = [part for name, value in named.items() for part in (f"--{name.replace('_', '-')}", value)]
            worker = WorkerProcess(tmp_path, *arguments)
            stack.callback(worker.kill)
            return worker

        yield start
