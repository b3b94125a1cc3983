"""
A worker put together as a process: its queue, its GPU, its port, and the signals that stop it.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import sys

from loadgen.errors import CommandError
from loadgen.live.brokers.base import BrokerError
from loadgen.live.brokers.catalog import intake as intake_of
from loadgen.live.gpus.base import GpuError
from loadgen.live.gpus.catalog import gpu as gpu_of
from loadgen.live.worker.http import WorkerHttp
from loadgen.live.worker.metrics import WorkerMetrics
from loadgen.live.worker.settings import WorkerSettings
from loadgen.live.worker.worker import Worker

_LOG = logging.getLogger(__name__)


def work(settings: WorkerSettings) -> None:
    """
    Work until SIGTERM or SIGINT; the second of them puts back at once what is being done.

    Raises:
        CommandError: the port or the GPU cannot be used.
    """
    logging.basicConfig(
        stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)-7s %(message)s", force=True
    )
    try:
        asyncio.run(_work(settings))
    except GpuError as error:
        raise CommandError(str(error)) from error


async def _work(settings: WorkerSettings) -> None:
    gpu = gpu_of(
        settings.gpu,
        owner=settings.owner,
        host=settings.host,
        busy_percent=settings.gpu_busy,
        model_bytes=settings.gpu_memory,
    )
    intake = intake_of(
        settings.broker,
        settings.queue_type,
        settings.queue,
        group=settings.group,
        lease=settings.lease,
        concurrency=settings.concurrency,
        books=settings.done,
    )
    metrics = WorkerMetrics()
    worker = Worker(settings, intake, gpu, metrics)
    http = WorkerHttp(worker.standing, metrics, gpu)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, worker.stop)
    try:
        port = await http.start(settings.http)
        _LOG.info("health and metrics are on port %d", port)
        await worker.run()
    finally:
        await http.stop()
        try:
            await intake.aclose()
        except BrokerError as error:
            _LOG.warning("%s; leaving without taking leave", error)
        await gpu.aclose()
