"""
What workers run in processes of their own: a job that ends when a test lets it, as each framework wants to have it.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from typing import Any

from arq.connections import RedisSettings
from celery import Celery
from redis import Redis

URL = "SCALER_TEST_WORK_URL"
"""The variable that tells a worker's process where Redis is."""

BEGAN = "test:began"
MAY_END = "test:may-end"
"""Lists by which jobs and tests talk: an entry for each job that began, and one for each that may end."""

app = Celery("work", broker=os.environ.get(URL), set_as_current=False)
app.conf.update(task_acks_late=True, worker_prefetch_multiplier=1)


def play(url: str | None = None) -> None:
    """
    Say that a job began, and wait until it may end.
    """
    with Redis.from_url(url or os.environ[URL]) as client:
        client.rpush(BEGAN, "1")
        client.blpop([MAY_END], timeout=30)


app.task(name="job")(play)


async def job(_: Any) -> None:
    """
    Play, as arq wants it.
    """
    await asyncio.to_thread(play)


class ArqWorker:
    """
    Settings of an arq worker that takes one job at a time.
    """

    functions = (job,)
    queue_name = "gpu"
    max_jobs = 1
    redis_settings = RedisSettings.from_dsn(os.environ.get(URL, "redis://"))


def arq_worker() -> Sequence[str]:
    """
    Return the arguments of Python for that worker.
    """
    return ("-m", "arq", f"{__name__}.ArqWorker")


def celery_worker(queue: str) -> Sequence[str]:
    """
    Return the arguments of Python for a Celery worker that takes one task at a time, when it has finished the last.
    """
    quiet = ("--without-gossip", "--without-mingle", "--without-heartbeat", "--loglevel", "WARNING")
    return ("-m", "celery", "--app", __name__, "worker", "--pool", "solo", "--queues", queue, *quiet)


def rq_worker(queue: str, url: str) -> Sequence[str]:
    """
    Return the arguments of Python for an RQ worker that works in its own process.
    """
    return ("-m", "rq.cli", "worker", "--url", url, "--worker-class", "rq.SimpleWorker", "--quiet", queue)
