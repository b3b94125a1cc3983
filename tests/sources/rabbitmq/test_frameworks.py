"""
Task frameworks over AMQP: a user names the framework's queue, and that is all.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dramatiq
from celery import Celery
from dramatiq.brokers.rabbitmq import RabbitmqBroker

from scaler.domain.readings import QueueDepth
from tests.servers.rabbitmq import RabbitServer
from tests.sources.rabbitmq.conftest import MakeSource
from tests.sources.rabbitmq.world import answers, channel


@contextmanager
def celery_worker(rabbitmq: RabbitServer, queue: str) -> Iterator[None]:
    """
    A Celery worker with one place, as a process of its own.
    """
    command = [sys.executable, "-m", "celery", "-A", "tests.sources.rabbitmq.agent_tasks", "worker", "--pool=solo"]
    worker = subprocess.Popen(
        [*command, "--concurrency=1", f"--queues={queue}", "--without-gossip", "--without-mingle"],
        env={**os.environ, "AGENT_BROKER": rabbitmq.url, "PYTHONPATH": str(Path(__file__).parents[3])},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield
    finally:
        worker.send_signal(signal.SIGKILL)
        worker.wait(timeout=10)


async def test_celery_needs_its_queue_only(
    rabbitmq: RabbitServer, queue_name: str, source_of: MakeSource, tmp_path: Path
) -> None:
    """
    Three tasks wait; a worker takes one, which is in flight until it is done if it is acknowledged late; then none.
    """
    done = tmp_path / "done"
    source = source_of(amqp=rabbitmq.amqp, management=rabbitmq.management)
    with Celery(broker=rabbitmq.url) as app:
        for _ in range(3):
            app.send_task("tests.sources.rabbitmq.agent_tasks.compute", [str(done)], queue=queue_name)
    # What was sent on one connection may be on its way still when another one asks.
    await answers(source, queue_name, lambda answer: answer == QueueDepth(3, 0), patience=30)
    with celery_worker(rabbitmq, queue_name):
        await answers(source, queue_name, lambda answer: answer == QueueDepth(2, 1), patience=60)
        done.touch()
        await answers(source, queue_name, lambda answer: answer == QueueDepth(0, 0), patience=30)


async def test_celerys_own_queue_is_called_celery(rabbitmq: RabbitServer, source_of: MakeSource) -> None:
    """
    A task without a queue goes to the queue `celery`.
    """
    with channel(rabbitmq) as client:
        client.queue_delete("celery")
        with Celery(broker=rabbitmq.url) as app:
            app.send_task("agent.compute")
        await answers(source_of(amqp=rabbitmq.amqp), "celery", lambda answer: answer == QueueDepth(1), patience=30)
        client.queue_delete("celery")


async def test_dramatiq_needs_its_queue_only(rabbitmq: RabbitServer, queue_name: str, source_of: MakeSource) -> None:
    """
    Messages of an actor wait on its queue, under its own name.
    """
    broker = RabbitmqBroker(url=f"{rabbitmq.url.removesuffix('//')}/%2F")
    actor = dramatiq.Actor(print, broker=broker, actor_name="compute", queue_name=queue_name, priority=0, options={})
    for _ in range(2):
        actor.send()
    broker.close()
    source = source_of(management=rabbitmq.management)
    await answers(source, queue_name, lambda answer: answer == QueueDepth(2, 0), patience=30)
