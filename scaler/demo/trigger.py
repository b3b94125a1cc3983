"""
One trigger's conversation with an external scaler: KEDA's calls in KEDA's order, and how it reads the answers.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field
from math import isfinite, trunc

import grpc

from scaler.server.wire.externalscaler_pb2 import GetMetricsRequest, MetricSpec, MetricValue, ScaledObjectRef
from scaler.server.wire.externalscaler_pb2_grpc import ExternalScalerStub


@dataclass(frozen=True, slots=True)
class ScaledObject:
    """
    What a user writes: whose replicas, between which bounds, and the trigger's metadata.
    """

    namespace: str
    name: str
    metadata: Mapping[str, str] = field(default_factory=dict)
    minimum: int = 0
    maximum: int = 100


@dataclass(frozen=True, slots=True)
class Round:
    """
    The answers of one round: active or not, and the metric with its target.
    """

    active: bool
    value: float
    target: float


class CallError(Exception):
    """
    A call failed, with this gRPC status.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message


class Trigger:
    """
    The calls about one ScaledObject over one channel.
    """

    def __init__(self, channel: grpc.aio.Channel, scaled_object: ScaledObject) -> None:
        self._scaler = ExternalScalerStub(channel)
        self._ref = ScaledObjectRef(
            name=scaled_object.name, namespace=scaled_object.namespace, scalerMetadata=scaled_object.metadata
        )

    async def ask(self) -> Round:
        """
        Make one round: GetMetricSpec, GetMetrics, IsActive. There is no deadline but the caller's.

        Raises:
            CallError: if any of them fails.
        """
        try:
            specs = (await self._scaler.GetMetricSpec(self._ref)).metricSpecs
            if not specs:
                raise CallError("OK", "GetMetricSpec named no metric")
            request = GetMetricsRequest(scaledObjectRef=self._ref, metricName=specs[0].metricName)
            values = (await self._scaler.GetMetrics(request)).metricValues
            active = (await self._scaler.IsActive(self._ref)).result
        except grpc.aio.AioRpcError as error:
            raise _call_error(error) from error
        return Round(active, sum(map(read_value, values)), read_target(specs[0]))

    async def pushes(self) -> AsyncGenerator[bool, None]:
        """
        Open the push stream and yield what comes; end when it ends cleanly.

        Raises:
            CallError: if it ends in an error.
        """
        call = self._scaler.StreamIsActive(self._ref)
        try:
            async for answer in call:
                yield answer.result
        except grpc.aio.AioRpcError as error:
            raise _call_error(error) from error
        finally:
            call.cancel()


def read_value(value: MetricValue) -> float:
    """
    Return a value as KEDA hands it to the HPA: the float if it is above zero, cut to thousandths, never negative.
    """
    number = value.metricValueFloat if value.metricValueFloat > 0 else float(value.metricValue)
    return max(0.0, trunc(number * 1000) / 1000) if isfinite(number) else 0.0


def read_target(spec: MetricSpec) -> float:
    """
    Return a metric's target: the float if it is above zero, else the integer.
    """
    return spec.targetSizeFloat if spec.targetSizeFloat > 0 else float(spec.targetSize)


def _call_error(error: grpc.aio.AioRpcError) -> CallError:
    return CallError(error.code().name, error.details() or "no message")
