"""
From a job in a queue to `true` on the push stream of a workload at zero replicas.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from scaler.server.wire.externalscaler_pb2 import ScaledObjectRef
from tests.bench.brokers import rabbitmq
from tests.bench.keda import Keda, crowd
from tests.bench.scaler import Scaler
from tests.bench.world import World

_SETTLED_WITHIN = 60.0
_WOKEN_WITHIN = 60.0
_LONGEST_GAP = 0.06
"""Seconds between two jobs, at most; the gaps are random, so that they beat with no rhythm of the scaler's."""

Push = Callable[[str], Awaitable[None]]


async def wake_by_tracking(world: World) -> None:
    """
    Redis announces the jobs. While nothing happens, its idle lists are read by the safety net alone.
    """
    for beside in world.sizes.beside:
        async with world.scaler(world.redis.connection()) as (scaler, keda):
            sleeping = await _asleep(keda, scaler, crowd(beside + world.sizes.announced), "tracking")
            if beside:
                await _watch_idle_lists(world, len(sleeping))
            await _wake(world, keda, "redis_tracking", sleeping, beside, world.redis.push)


async def wake_by_polling(world: World) -> None:
    """
    Redis may not announce anything.
    """
    for beside in world.sizes.beside:
        async with world.scaler(world.redis.connection(tracking=False)) as (scaler, keda):
            sleeping = await _asleep(keda, scaler, crowd(beside + world.sizes.polled), "polling every")
            await _wake(world, keda, "redis_polling", sleeping, beside, world.redis.push)


async def wake_rabbitmq(world: World) -> None:
    """
    RabbitMQ cannot announce anything.
    """
    with rabbitmq(world.folder) as jobs:
        for beside in world.sizes.beside:
            refs = crowd(beside + world.sizes.polled)
            await jobs.declare(ref.scalerMetadata["queue"] for ref in refs)
            async with world.scaler(jobs.connection()) as (scaler, keda):
                sleeping = await _asleep(keda, scaler, refs, "polling every")
                await _wake(world, keda, "rabbitmq", sleeping, beside, jobs.push)


async def _watch_idle_lists(world: World, lists: int) -> None:
    before = await world.redis.reads()
    await asyncio.sleep(world.sizes.watched)
    reads = await world.redis.reads() - before
    world.figures.note("idle_polls_per_minute_tracking", reads / lists / world.sizes.watched * 60)


async def _asleep(
    keda: Keda, scaler: Scaler, refs: Sequence[ScaledObjectRef], watched: str
) -> Sequence[ScaledObjectRef]:
    """
    Make workloads known, all of whose queues are empty, and wait until each is watched as it is to be.
    """
    await keda.introduce(refs)
    async with asyncio.timeout(_SETTLED_WITHIN):
        while not all(_is_watched(workload, watched) for workload in await scaler.workloads()):  # noqa: ASYNC110
            await asyncio.sleep(0.25)
    return refs


def _is_watched(workload: dict[str, Any], how: str) -> bool:
    return all(str(signal["watched"]).startswith(how) for signal in workload["signals"])


async def _wake(
    world: World, keda: Keda, name: str, sleeping: Sequence[ScaledObjectRef], beside: int, push: Push
) -> None:
    """
    Give each of the sleepers that are not beside a job, in random order, and note how long each wake took.
    """
    chance = random.Random(0)  # noqa: S311 - nothing is kept secret by it
    refs = chance.sample(sleeping, len(sleeping) - beside)
    streams = [_Stream(keda, ref) for ref in refs]
    try:
        for stream in streams:
            await stream.settle()
        async with asyncio.timeout(_WOKEN_WITHIN):
            for stream in streams:
                await asyncio.sleep(chance.uniform(0, _LONGEST_GAP))
                await stream.wake(push)
            took = [await stream.took for stream in streams]
    finally:
        for stream in streams:
            stream.close()
    world.figures.note_times(f"wake_{name}{'_1000_idle' if beside else ''}", took)


class _Stream:
    """
    The push stream of a workload at zero.

    Attributes:
        took: seconds from its job to `true`.
    """

    def __init__(self, keda: Keda, ref: ScaledObjectRef) -> None:
        self.took: asyncio.Future[float] = asyncio.get_running_loop().create_future()
        self._queue = ref.scalerMetadata["queue"]
        self._call = keda.stream(ref)
        self._said = aiter(self._call)
        self._listening: asyncio.Task[None] | None = None
        self._pushed = 0.0

    async def settle(self) -> None:
        """
        Hear that it sleeps, and listen from then on.

        Raises:
            RuntimeError: it does not sleep.
        """
        if (await anext(self._said)).result:
            raise RuntimeError(f"the workload of {self._queue} is active before it has any work")
        self._listening = asyncio.create_task(self._listen())

    async def wake(self, push: Push) -> None:
        """
        Put a job on its queue.
        """
        self._pushed = asyncio.get_running_loop().time()
        await push(self._queue)

    def close(self) -> None:
        """
        End the stream.
        """
        if self._listening is not None:
            self._listening.cancel()
        self._call.cancel()

    async def _listen(self) -> None:
        async for said in self._said:
            if said.result:
                self.took.set_result(asyncio.get_running_loop().time() - self._pushed)
                return
