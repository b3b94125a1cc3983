"""
KEDA's side: one connection, the three calls of a round, push streams, and how long everything takes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

import grpc

from scaler.engine.workload import METRIC_NAME
from scaler.server.wire.externalscaler_pb2 import GetMetricsRequest, IsActiveResponse, ScaledObjectRef
from scaler.server.wire.externalscaler_pb2_grpc import ExternalScalerStub

_NAMESPACES = 20
_ANSWER_WITHIN = 60.0
_TOGETHER = 100

CALLS = 3
"""Calls of a round."""

Call = Callable[[], Awaitable[Any]]


def crowd(count: int, first: int = 0) -> list[ScaledObjectRef]:
    """
    Return so many ScaledObjects, each of whose triggers reads a queue of its own.
    """
    return [
        ScaledObjectRef(
            name=f"agent-{number}",
            namespace=f"team-{number % _NAMESPACES}",
            scalerMetadata={"scalerAddress": "scaler.ai.svc:6000", "queue": f"jobs-{number}"},
        )
        for number in range(first, first + count)
    ]


@dataclass(slots=True)
class Answered:
    """
    Calls that have been answered: when each began and how long it took (seconds), and the errors among them.
    """

    times: list[tuple[float, float]] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    @property
    def seconds(self) -> list[float]:
        """
        How long each call took, in the order in which they were made.
        """
        return [seconds for _, seconds in sorted(self.times)]


class Keda:
    """
    One channel to a scaler, as an asynchronous context.
    """

    def __init__(self, address: str) -> None:
        self._channel = grpc.aio.insecure_channel(address)
        self._scaler = ExternalScalerStub(self._channel)

    async def __aenter__(self) -> Self:
        """
        Connect.
        """
        await self._channel.channel_ready()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._channel.close()

    async def rounds(self, refs: Iterable[ScaledObjectRef], answered: Answered) -> None:
        """
        Make a round for each ScaledObject: three calls, one after the other.
        """
        for ref in refs:
            for call in self._calls(ref):
                await _timed(call, answered)

    async def introduce(self, refs: Sequence[ScaledObjectRef]) -> None:
        """
        Make a first round for each ScaledObject, many at a time.

        Raises:
            RuntimeError: a call failed.
        """
        answered = Answered()
        for start in range(0, len(refs), _TOGETHER):
            await asyncio.gather(*(self.rounds([ref], answered) for ref in refs[start : start + _TOGETHER]))
        if answered.errors:
            raise RuntimeError(f"{len(answered.errors)} first calls failed, such as {answered.errors[0]}")

    async def burst(self, refs: Iterable[ScaledObjectRef], answered: Answered) -> None:
        """
        Make all calls of a round for each ScaledObject at once.
        """
        await asyncio.gather(*(_timed(call, answered) for ref in refs for call in self._calls(ref)))

    def stream(self, ref: ScaledObjectRef) -> grpc.aio.UnaryStreamCall[ScaledObjectRef, IsActiveResponse]:
        """
        Open a push stream.
        """
        return self._scaler.StreamIsActive(ref)

    def _calls(self, ref: ScaledObjectRef) -> Sequence[Call]:
        metrics = GetMetricsRequest(scaledObjectRef=ref, metricName=METRIC_NAME)
        return (
            lambda: self._scaler.GetMetricSpec(ref, timeout=_ANSWER_WITHIN),
            lambda: self._scaler.GetMetrics(metrics, timeout=_ANSWER_WITHIN),
            lambda: self._scaler.IsActive(ref, timeout=_ANSWER_WITHIN),
        )


async def _timed(call: Call, answered: Answered) -> None:
    loop = asyncio.get_running_loop()
    begun = loop.time()
    try:
        await call()
    except grpc.aio.AioRpcError as error:
        answered.errors.append(f"{error.code().name}: {error.details()}")
    answered.times.append((begun, loop.time() - begun))


async def at_rate(per_second: float, seconds: float, work: Callable[[int], Coroutine[Any, Any, None]]) -> None:
    """
    Begin a piece of work so often, for so long, whether the ones before have ended or not; return when all have.
    """
    loop = asyncio.get_running_loop()
    begun = loop.time()
    async with asyncio.TaskGroup() as tasks:
        for number in range(round(per_second * seconds)):
            await asyncio.sleep(begun + number / per_second - loop.time())
            tasks.create_task(work(number))
