"""
The worker as a process, with real queues, real signals and real outages: every job is done exactly once.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

import pytest

from loadgen.live.jobs import Job
from tests.loadgen.live.conftest import StartWorker
from tests.loadgen.live.process import BrokerQueue, ListQueue, Queue, StreamQueue, WorkerProcess, jobs, once, until
from tests.servers.fixtures import StartRedis
from tests.servers.rabbitmq import RabbitServer
from tests.servers.redis import RedisServer


def _all_done(queue: Queue, sent: list[Job], *workers: WorkerProcess, within: float = 30.0) -> None:
    # Whoever counts a job has acknowledged it; after a clean end of all workers nothing may be left.
    until(lambda: queue.done().total() >= len(sent), within)
    until(lambda: _counted(workers) >= len(sent))
    assert _counted(workers) == len(sent)
    assert [worker.terminate() for worker in workers] == [0] * len(workers)
    assert queue.done() == once(sent)
    assert queue.left() == 0


def _counted(workers: Sequence[WorkerProcess]) -> float:
    return sum(worker.metric("agent_requests_total") or 0 for worker in workers)


def test_workers_share_the_jobs(queue: Queue, start_worker: StartWorker) -> None:
    """
    Two workers of two jobs at a time do twenty jobs, each once, and both end well when asked to.
    """
    sent = list(jobs(20, 0.1))
    queue.send(*sent)
    workers = [start_worker(queue, concurrency="2").ready() for _ in range(2)]
    _all_done(queue, sent, *workers)


def test_a_stopped_worker_finishes_its_job_and_takes_no_other(queue: Queue, start_worker: StartWorker) -> None:
    """
    On SIGTERM the job in hand is done to its end; the next one stays where it is.
    """
    sent = list(jobs(2, 2.0))
    worker = start_worker(queue).ready()
    queue.send(*sent)
    until(lambda: worker.holds() == 1)
    assert worker.terminate() == 0
    assert queue.done() == once(sent[:1])
    assert queue.waiting() == queue.left() == 1


def test_what_cannot_be_finished_in_time_is_put_back(queue: Queue, start_worker: StartWorker) -> None:
    """
    A job longer than the drain goes back to the queue at once, in time and with a clean exit; somebody else does it.
    """
    sent = list(jobs(1, 6.0))
    worker = start_worker(queue, drain_within="2s", lease="60s").ready()
    queue.send(*sent)
    until(lambda: worker.holds() == 1)
    began = time.monotonic()
    assert worker.terminate() == 0
    assert time.monotonic() - began < 5.0
    assert queue.waiting() == 1
    _all_done(queue, sent, start_worker(queue, lease="60s"))


def test_a_second_signal_stops_at_once(queue: Queue, start_worker: StartWorker) -> None:
    """
    Told twice to stop, a worker puts its job back without waiting for its end.
    """
    worker = start_worker(queue, lease="60s").ready()
    queue.send(*jobs(1, 60.0))
    until(lambda: worker.holds() == 1)
    worker.process.terminate()
    until(lambda: "stopping" in worker.get("/health/ready")[1])
    assert worker.terminate() == 0
    assert queue.waiting() == 1


def test_the_job_of_a_killed_worker_is_done_by_another(queue: Queue, start_worker: StartWorker) -> None:
    """
    After a SIGKILL in the middle of a job another worker does it, and once.
    """
    victim = start_worker(queue).ready()
    sent = list(jobs(1, 3.0))
    queue.send(*sent)
    until(lambda: victim.holds() == 1)
    heir = start_worker(queue)
    victim.kill()
    _all_done(queue, sent, heir)


def test_however_many_are_killed_every_job_is_done_once(queue: Queue, start_worker: StartWorker) -> None:
    """
    Workers are killed one after the other in the middle of their jobs; those that stay do all jobs, each once.
    """
    sent = list(jobs(12, 1.0))
    queue.send(*sent)
    stayer = start_worker(queue, concurrency="2").ready()
    for _ in range(3):
        victim = start_worker(queue, concurrency="2").ready()
        until(lambda: victim.holds() > 0 or queue.waiting() == 0)  # noqa: B023 - it is called at once
        victim.kill()
    until(lambda: queue.done().total() >= len(sent), 60.0)
    assert stayer.terminate() == 0
    assert queue.done() == once(sent)
    assert queue.left() == 0


def test_a_living_worker_keeps_its_job(queue: Queue, start_worker: StartWorker) -> None:
    """
    A job several leases long is done once, though another worker is idle and looks for abandoned ones.
    """
    first = start_worker(queue).ready()
    sent = list(jobs(1, 6.0))
    queue.send(*sent)
    until(lambda: first.holds() == 1)
    _all_done(queue, sent, first, start_worker(queue).ready())


@pytest.mark.parametrize("kind", [ListQueue, StreamQueue])
def test_a_frozen_worker_loses_its_job(
    kind: type[ListQueue | StreamQueue], redis: RedisServer, queue_name: str, start_worker: StartWorker
) -> None:
    """
    A worker that says nothing for longer than its lease is taken for dead; when it comes to, its job does not count.
    """
    queue = kind(redis, queue_name)
    frozen = start_worker(queue).ready()
    sent = list(jobs(1, 1.0))
    with queue.redis:
        queue.send(*sent)
        until(lambda: frozen.holds() == 1)
        frozen.freeze()
        heir = start_worker(queue).ready()
        until(lambda: queue.done() == once(sent))
        frozen.thaw()
        until(lambda: frozen.metric("agent_in_flight") == 0)
        assert _counted([frozen]) == 0
        _all_done(queue, sent, frozen, heir)


@pytest.mark.parametrize("kind", [ListQueue, StreamQueue])
def test_a_redis_that_comes_back_finds_the_jobs_with_their_workers(
    kind: type[ListQueue | StreamQueue], start_redis: StartRedis, start_worker: StartWorker, queue_name: str
) -> None:
    """
    Redis is away for longer than a lease, and nobody takes a job away from a worker that lives.

    The workers stay alive and are not ready, finish their jobs, and acknowledge them later.
    """
    server = start_redis("--appendonly", "yes", "--appendfsync", "always")
    queue = kind(server, queue_name)
    workers = [start_worker(queue).ready() for _ in range(3)]
    sent = list(jobs(2, 4.0))
    queue.send(*sent)
    until(lambda: sum(worker.holds() for worker in workers) == 2)
    server.stop()
    until(lambda: all(worker.get("/health/ready")[0] == 503 for worker in workers))
    assert [worker.get("/health/live")[0] for worker in workers] == [200] * 3
    down_since = time.monotonic()
    until(lambda: time.monotonic() - down_since > 4.0)  # two leases
    server.start()
    _all_done(queue, sent, *(worker.ready() for worker in workers))
    queue.redis.close()


def test_a_rabbitmq_that_comes_back_finds_the_jobs_with_their_workers(
    rabbitmq: RabbitServer, start_worker: StartWorker, queue_name: str
) -> None:
    """
    RabbitMQ restarts, and the jobs in hand are delivered to those who have them, and each counts once.
    """
    queue = BrokerQueue(rabbitmq, queue_name)
    workers = [start_worker(queue).ready() for _ in range(3)]
    sent = list(jobs(2, 5.0))
    queue.send(*sent)
    until(lambda: sum(worker.holds() for worker in workers) == 2)
    rabbitmq.stop()
    until(lambda: all(worker.get("/health/ready")[0] == 503 for worker in workers))
    assert [worker.get("/health/live")[0] for worker in workers] == [200] * 3
    rabbitmq.start()
    _all_done(queue, sent, *workers, within=60.0)


def test_a_worker_waits_for_its_broker(start_redis: StartRedis, start_worker: StartWorker) -> None:
    """
    A worker that is started before its Redis is alive, says what is wrong without its password, and works later.
    """
    server = start_redis("--requirepass", "hidden-word")
    queue = ListQueue(server, "jobs")
    queue.url = f"redis://:hidden-word@{server.address}/0"
    server.stop()
    worker = start_worker(queue)
    until(lambda: "cannot be used" in worker.get("/health/ready")[1])
    assert worker.get("/health/startup")[0] == 200
    server.start()
    worker.ready()
    queue.send(*jobs(1, 0.0))
    until(lambda: worker.metric("agent_requests_total") == 1)
    assert "hidden-word" not in worker.log() + worker.get("/health/ready")[1]
