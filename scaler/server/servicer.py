"""
The five RPCs of KEDA's external scaler interface: translation between the wire and `Answers`, nothing else.
"""

# ruff: noqa: N802 (the interface names its methods)
from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import Any, TypeAlias

import grpc

from scaler.domain.decision import Decision, Verdict
from scaler.engine.answers import Answers
from scaler.engine.workload import METRIC_NAME, TARGET, Caller, UndecidedError
from scaler.server.calls import Calls, RequestError
from scaler.server.streams import Streams
from scaler.server.wire import externalscaler_pb2 as pb
from scaler.server.wire.externalscaler_pb2_grpc import ExternalScalerServicer

_Context: TypeAlias = grpc.aio.ServicerContext[Any, Any]

_SPEC = pb.GetMetricSpecResponse(
    metricSpecs=[pb.MetricSpec(metricName=METRIC_NAME, targetSize=TARGET, targetSizeFloat=TARGET)]
)

# The longest name that Kubernetes allows an object (a DNS subdomain, RFC 1123).
_LONGEST_NAME = 253


class ExternalScaler(ExternalScalerServicer):
    """
    Answers KEDA.

    Attributes:
        pushed: how many messages have been sent on `StreamIsActive`.
    """

    def __init__(self, answers: Answers, calls: Calls, streams: Streams) -> None:
        self._answers = answers
        self._calls = calls
        self._streams = streams
        self.pushed = 0

    async def IsActive(self, request: pb.ScaledObjectRef, context: _Context) -> pb.IsActiveResponse:
        """
        Tell whether the workload is to run at all.
        """
        async with self._calls.answering("IsActive", context):
            decision = await self._decision(_caller(request))
            return pb.IsActiveResponse(result=decision.verdict is Verdict.ACTIVE)

    async def GetMetricSpec(self, request: pb.ScaledObjectRef, context: _Context) -> pb.GetMetricSpecResponse:
        """
        Return the one metric that every trigger has; fails for wrong metadata alone, never for a source that is down.
        """
        async with self._calls.answering("GetMetricSpec", context):
            self._answers.accept(_caller(request))
            return _SPEC

    async def GetMetrics(self, request: pb.GetMetricsRequest, context: _Context) -> pb.GetMetricsResponse:
        """
        Return the desired number of replicas.
        """
        async with self._calls.answering("GetMetrics", context):
            if request.metricName != METRIC_NAME:
                raise RequestError(
                    f"there is no metric {request.metricName[:100]!r}; the one metric is {METRIC_NAME!r}"
                )
            decision = await self._decision(_caller(request.scaledObjectRef))
            value = pb.MetricValue(
                metricName=METRIC_NAME, metricValue=decision.replicas, metricValueFloat=decision.replicas
            )
            return pb.GetMetricsResponse(metricValues=[value])

    async def StreamIsActive(
        self, request: pb.ScaledObjectRef, context: _Context
    ) -> AsyncIterator[pb.IsActiveResponse]:
        """
        Send the present state, then every change.
        """
        async with self._calls.answering("StreamIsActive", context):
            pushes = self._streams.until_end("StreamIsActive", self._answers.pushes(_caller(request)))
            async with aclosing(pushes):
                async for active in pushes:
                    self.pushed += 1
                    yield pb.IsActiveResponse(result=active)

    async def StreamMetricSpec(
        self, request: pb.ScaledObjectRef, context: _Context
    ) -> AsyncIterator[pb.GetMetricSpecResponse]:
        """
        Send the specification; it never changes, and the open stream saves KEDA from asking again.
        """
        async with self._calls.answering("StreamMetricSpec", context):
            self._answers.accept(_caller(request))
            specs = self._streams.until_end("StreamMetricSpec", self._specs())
            async with aclosing(specs):
                async for spec in specs:
                    yield spec

    async def _specs(self) -> AsyncGenerator[pb.GetMetricSpecResponse, None]:
        yield _SPEC
        await self._answers.until_closed()

    async def _decision(self, caller: Caller) -> Decision:
        decision = await self._answers.decision(caller)
        if decision.verdict is Verdict.UNKNOWN:
            # Unknown is never false, whoever made the mistake: KEDA would stop everything.
            raise UndecidedError(decision.sentence)
        return decision


def _caller(ref: pb.ScaledObjectRef) -> Caller:
    for what, text in (("name", ref.name), ("namespace", ref.namespace)):
        if not 0 < len(text) <= _LONGEST_NAME:
            raise RequestError(f"the ScaledObject's {what} must have 1 to {_LONGEST_NAME} characters, not {len(text)}")
    return Caller(namespace=ref.namespace, name=ref.name, metadata=dict(ref.scalerMetadata))
