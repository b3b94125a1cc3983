"""
The two streams, across a real socket.
"""

from __future__ import annotations

import asyncio
from typing import Any

import grpc

from scaler.server.grpc_server import GrpcServer
from scaler.server.wire import externalscaler_pb2 as pb
from scaler.server.wire.externalscaler_pb2_grpc import ExternalScalerStub
from tests.server.answering import CALLER, StagedAnswers, decided
from tests.server.bounded import becomes

TRUE = pb.IsActiveResponse(result=True)
REF = pb.ScaledObjectRef(name=CALLER.name, namespace=CALLER.namespace, scalerMetadata=CALLER.metadata)


async def test_a_stream_tells_the_present_state_then_changes(
    answers: StagedAnswers, server: GrpcServer, keda: ExternalScalerStub
) -> None:
    """
    At one replica: true at once; then what the engine pushes, in order; then the engine closes: OK.
    """
    answers.answer = decided(1)
    stream = keda.StreamIsActive(REF)
    assert await stream.read() == TRUE
    for active in (False, True, True):
        answers.push(active=active)
        assert await stream.read() == pb.IsActiveResponse(result=active)
    assert answers.callers == [CALLER]
    answers.close()
    assert await stream.read() is grpc.aio.EOF
    assert await stream.code() is grpc.StatusCode.OK
    assert server.traffic().pushes_sent_total == 4


async def test_the_specification_is_told_once_and_the_stream_stays(
    answers: StagedAnswers, server: GrpcServer, keda: ExternalScalerStub
) -> None:
    """
    It is what GetMetricSpec says; the stream ends with OK when the engine closes.
    """
    stream = keda.StreamMetricSpec(REF)
    assert await stream.read() == await keda.GetMetricSpec(REF)
    assert server.traffic().streams_open["StreamMetricSpec"] == 1
    assert not stream.done()
    answers.close()
    assert await stream.read() is grpc.aio.EOF
    assert await stream.code() is grpc.StatusCode.OK


async def test_a_client_that_goes_away_is_forgotten(
    answers: StagedAnswers, server: GrpcServer, keda: ExternalScalerStub
) -> None:
    """
    Its subscription ends, the stream is no longer counted, and other streams go on.
    """
    leaving, staying = keda.StreamIsActive(REF), keda.StreamIsActive(REF)
    await leaving.read()
    await staying.read()
    assert answers.subscribed == 2
    leaving.cancel()
    await becomes(lambda: answers.subscribed == 1)
    answers.push(active=True)
    assert await staying.read() == TRUE
    await becomes(lambda: server.traffic().streams_open["StreamIsActive"] == 1)
    assert server.traffic().calls_ended_total == {("StreamIsActive", "CANCELLED"): 1}


async def test_streams_end_with_ok_when_the_server_stops(
    answers: StagedAnswers, server: GrpcServer, keda: ExternalScalerStub
) -> None:
    """
    Though the engine is still open: an error would make KEDA wait for up to a minute.
    """
    streams: list[grpc.aio.UnaryStreamCall[Any, Any]] = [keda.StreamIsActive(REF), keda.StreamMetricSpec(REF)]
    for stream in streams:
        await stream.read()
    await asyncio.wait_for(server.stop(), 5)
    assert [await stream.code() for stream in streams] == [grpc.StatusCode.OK] * 2
    assert answers.subscribed == 0
