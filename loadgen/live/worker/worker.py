"""
The worker: loads its model, then takes job after job, keeps its leases, and gives everything back when it is stopped.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from random import Random
from typing import Any

from loadgen.live.backoff import Backoff
from loadgen.live.brokers.base import RETRY_BOUND, RETRY_FIRST, BrokerError, Delivery, Intake
from loadgen.live.gpus.base import Gpu, GpuError
from loadgen.live.worker.metrics import WorkerMetrics
from loadgen.live.worker.settings import WorkerSettings
from loadgen.live.worker.standing import Standing

_LOG = logging.getLogger(__name__)
_TAKE_WITHIN = 0.5
"""Seconds for which a queue is waited on at a time, and so what stopping waits for at least."""

_SHARE_FOR_PUTTING_BACK, _MOST_FOR_PUTTING_BACK = 0.2, 2.0


class Worker:
    """
    One worker, for one run.

    Attributes:
        standing: how it stands, for whoever asks.
    """

    def __init__(self, settings: WorkerSettings, intake: Intake, gpu: Gpu, metrics: WorkerMetrics) -> None:
        self.standing = Standing()
        self._settings = settings
        self._intake = intake
        self._gpu = gpu
        self._metrics = metrics
        self._stopping = asyncio.Event()
        self._hurried = asyncio.Event()
        self._tasks = asyncio.TaskGroup()
        self._slots = asyncio.Semaphore(settings.concurrency)
        self._jobs: dict[str, tuple[Delivery, asyncio.Task[None]]] = {}
        self._reporting: set[str] = set()
        self._failure: GpuError | None = None
        self._rng = Random()

    def stop(self) -> None:
        """
        Take nothing more and end; told so twice, put back at once what is being done.
        """
        if self._stopping.is_set():
            self._hurried.set()
        self.standing.stopping = True
        self._stopping.set()

    async def run(self) -> None:
        """
        Work until stopped.

        Raises:
            GpuError: the GPU cannot be used; what was held has been put back.
        """
        if not await self._load():
            return
        async with self._tasks:
            keeping = self._tasks.create_task(self._keep())
            await self._take_jobs()
            await self._drain()
            keeping.cancel()
        if self._failure is not None:
            raise self._failure

    async def _load(self) -> bool:
        loading = asyncio.ensure_future(self._gpu.load(self._settings.model_load))
        await self._first(loading)
        if not loading.done():
            loading.cancel()
            await asyncio.wait([loading])
            return False
        loading.result()
        self.standing.loaded = True
        _LOG.info("the model is loaded; taking jobs from %s", self._settings.queue)
        return True

    async def _take_jobs(self) -> None:
        backoff = self._backoff()
        while not self._stopping.is_set():
            if not await self._slot():
                return
            delivery = None
            try:
                delivery = await self._intake.take(_TAKE_WITHIN)
            except BrokerError as error:
                self._trouble(error)
                await self._pause(backoff.delay())
            else:
                self.standing.answered()
                backoff.reset()
            if delivery is None:
                self._slots.release()
            else:
                self._begin(delivery)

    async def _slot(self) -> bool:
        acquiring = asyncio.ensure_future(self._slots.acquire())
        await self._first(acquiring)
        if acquiring.done():
            return True
        acquiring.cancel()
        return False

    def _begin(self, delivery: Delivery) -> None:
        job = delivery.job
        if job.sent is not None:
            self._metrics.waits.observe(max(0.0, time.time() - job.sent))
        self._metrics.in_flight.inc()
        seconds = self._settings.service if job.service is None else job.service
        task = self._tasks.create_task(self._serve(delivery, seconds), name=delivery.tag)
        self._jobs[delivery.tag] = delivery, task

    async def _serve(self, delivery: Delivery, seconds: float) -> None:
        try:
            await self._gpu.compute(seconds)
            self._reporting.add(delivery.tag)
            await self._acknowledge(delivery)
            self._ended(delivery)
        except GpuError as error:
            # Without a GPU nothing can be done here: end, so that the job is put back and somebody starts us anew.
            self._failure = error
            self.stop()
            self.stop()

    async def _acknowledge(self, delivery: Delivery) -> None:
        backoff = self._backoff()
        in_doubt = False
        while True:
            try:
                ours = await self._intake.acknowledge(delivery)
            except BrokerError as error:
                self._trouble(error)
                in_doubt = in_doubt or error.in_doubt
                await asyncio.sleep(backoff.delay())
            else:
                break
        self.standing.answered()
        if ours or in_doubt:
            self._metrics.requests.inc()
        else:
            _LOG.warning("job %s was taken from us before it was done", delivery.job.id)

    def _ended(self, delivery: Delivery) -> None:
        self._reporting.discard(delivery.tag)
        if self._jobs.pop(delivery.tag, None) is not None:
            self._metrics.in_flight.dec()
            self._slots.release()

    async def _keep(self) -> None:
        backoff = self._backoff()
        while True:
            pause = self._settings.lease / 4
            try:
                lost = await self._intake.keep([delivery for delivery, _ in self._jobs.values()])
                for delivery in lost:
                    self._lose(delivery)
                if found := await self._intake.reclaim():
                    self._metrics.put_back.labels("reclaimed").inc(found)
                    _LOG.info("%d jobs of dead workers were put back", found)
                self.standing.answered()
                backoff.reset()
            except BrokerError as error:
                self._trouble(error)
                pause = min(pause, backoff.delay())
            await asyncio.sleep(pause)

    def _lose(self, delivery: Delivery) -> None:
        # Of one that is just being acknowledged, the acknowledgement's own answer says whose it is.
        if delivery.tag in self._jobs and delivery.tag not in self._reporting:
            _LOG.warning("job %s was given to somebody else, for we were silent too long", delivery.job.id)
            self._jobs[delivery.tag][1].cancel()
            self._ended(delivery)

    async def _drain(self) -> None:
        within = self._settings.drain_within
        reserve = min(_SHARE_FOR_PUTTING_BACK * within, _MOST_FOR_PUTTING_BACK)
        loop = asyncio.get_running_loop()
        until = loop.time() + within
        _LOG.info("stopping: %d jobs are finished first, within %g s", len(self._jobs), within)
        with suppress(TimeoutError):
            async with asyncio.timeout_at(until - reserve):
                await self._finish()
        left = [delivery for delivery, _ in self._jobs.values()]
        tasks = [task for _, task in self._jobs.values()]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        for delivery in left:
            await self._put_back(delivery, until)
        await self._tried(self._intake.stop, until)

    async def _finish(self) -> None:
        await self._tried(self._intake.stop, None)
        hurried = asyncio.ensure_future(self._hurried.wait())
        try:
            while self._jobs and not self._hurried.is_set():
                tasks = [task for _, task in self._jobs.values() if not task.done()]
                if not tasks:
                    return
                await asyncio.wait([*tasks, hurried], return_when=asyncio.FIRST_COMPLETED)
        finally:
            hurried.cancel()

    async def _put_back(self, delivery: Delivery, until: float) -> None:
        if await self._tried(lambda: self._intake.put_back(delivery), until):
            self._metrics.put_back.labels("drained").inc()
            _LOG.info("job %s was put back", delivery.job.id)
        else:
            _LOG.warning("job %s could not be put back; others will once our lease is out", delivery.job.id)
        self._ended(delivery)

    async def _tried(self, act: Callable[[], Awaitable[None]], until: float | None) -> bool:
        # Again and again until a time by the loop's clock, once if there is none.
        backoff = self._backoff()
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout_at(until):
                while True:
                    try:
                        await act()
                    except BrokerError as error:
                        self._trouble(error)
                        if until is None or loop.time() >= until:
                            return False
                        await asyncio.sleep(backoff.delay())
                    else:
                        return True
        except TimeoutError:
            return False

    def _trouble(self, error: BrokerError) -> None:
        if self.standing.troubled(str(error)):
            _LOG.warning("%s; trying again", error)

    async def _pause(self, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._stopping.wait()

    async def _first(self, future: asyncio.Future[Any]) -> None:
        # Wait for it, or for being stopped.
        stopping = asyncio.ensure_future(self._stopping.wait())
        try:
            await asyncio.wait([future, stopping], return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopping.cancel()

    def _backoff(self) -> Backoff:
        return Backoff(RETRY_FIRST, min(RETRY_BOUND, self._settings.lease / 4), self._rng)
