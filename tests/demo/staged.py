"""
A scaler that answers what it was told to, behind a real gRPC server; and something to scale.
"""

# ruff: noqa: ARG002, N802 (the interface names its methods and their arguments)

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import grpc

from scaler.demo.trigger import ScaledObject, Trigger
from scaler.server.wire.externalscaler_pb2 import (
    GetMetricSpecResponse,
    GetMetricsRequest,
    GetMetricsResponse,
    IsActiveResponse,
    MetricSpec,
    MetricValue,
    ScaledObjectRef,
)
from scaler.server.wire.externalscaler_pb2_grpc import ExternalScalerServicer, add_ExternalScalerServicer_to_server

METRIC = "desired-replicas"


class StagedScaler(ExternalScalerServicer):
    """
    Says that *replicas* are wanted, or fails.

    Attributes:
        replicas: what it answers; active is what is above zero.
        failing: whether every call fails with UNAVAILABLE.
        calls: the names of the calls that came, in order.
        streams: how many push streams were opened.
    """

    def __init__(self) -> None:
        self.replicas = 0
        self.failing = False
        self.calls: list[str] = []
        self.streams = 0
        self._listeners: set[asyncio.Queue[bool | None]] = set()

    async def GetMetricSpec(self, request: ScaledObjectRef, context: Any) -> GetMetricSpecResponse:
        """
        Name one metric with the target 1.
        """
        await self._note("GetMetricSpec", context)
        return GetMetricSpecResponse(metricSpecs=[MetricSpec(metricName=METRIC, targetSize=1, targetSizeFloat=1.0)])

    async def GetMetrics(self, request: GetMetricsRequest, context: Any) -> GetMetricsResponse:
        """
        Give the replicas as the value of the metric that was named.
        """
        await self._note("GetMetrics", context)
        value = MetricValue(metricName=METRIC, metricValue=self.replicas, metricValueFloat=float(self.replicas))
        return GetMetricsResponse(metricValues=[value] if request.metricName == METRIC else [])

    async def IsActive(self, request: ScaledObjectRef, context: Any) -> IsActiveResponse:
        """
        Say whether any replica is wanted.
        """
        await self._note("IsActive", context)
        return IsActiveResponse(result=self.replicas > 0)

    async def StreamIsActive(self, request: ScaledObjectRef, context: Any) -> AsyncIterator[IsActiveResponse]:
        """
        Send what is pushed.
        """
        await self._note("StreamIsActive", context)
        self.streams += 1
        listener: asyncio.Queue[bool | None] = asyncio.Queue()
        self._listeners.add(listener)
        try:
            while (active := await listener.get()) is not None:
                yield IsActiveResponse(result=active)
        finally:
            self._listeners.discard(listener)

    async def StreamMetricSpec(self, request: ScaledObjectRef, context: Any) -> AsyncIterator[GetMetricSpecResponse]:
        """
        Nobody asks for this: the stand-in is KEDA 2.20.
        """
        await self._note("StreamMetricSpec", context)
        yield GetMetricSpecResponse()

    def push(self, active: bool | None) -> None:  # noqa: FBT001 - the one thing that is pushed
        """
        Push to every open stream; None ends them cleanly.
        """
        for listener in self._listeners:
            listener.put_nowait(active)

    @property
    def listening(self) -> int:
        """
        How many streams are open now.
        """
        return len(self._listeners)

    async def _note(self, call: str, context: Any) -> None:
        self.calls.append(call)
        if self.failing:
            await context.abort(grpc.StatusCode.UNAVAILABLE, "the queue is unknown")


class Replicas:
    """
    Something to scale that is nothing but a number; remembers every number it was.
    """

    def __init__(self, replicas: int = 0) -> None:
        self.history = [replicas]

    @property
    def replicas(self) -> int:
        """
        The number now.
        """
        return self.history[-1]

    def scale_to(self, replicas: int) -> None:
        """
        Be this number.
        """
        self.history.append(replicas)


@asynccontextmanager
async def trigger_of(scaler: ExternalScalerServicer, scaled: ScaledObject) -> AsyncIterator[Trigger]:
    """
    Serve a scaler on a free port, and yield a trigger that asks it about a ScaledObject.
    """
    server = grpc.aio.server()
    add_ExternalScalerServicer_to_server(scaler, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            yield Trigger(channel, scaled)
    finally:
        await server.stop(grace=None)


async def eventually(met: Callable[[], bool], within: float = 10.0) -> None:
    """
    Wait until something is so.
    """
    async with asyncio.timeout(within):
        while not met():  # noqa: ASYNC110 - what is waited for has no event of its own
            await asyncio.sleep(0.01)
