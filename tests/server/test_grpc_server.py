"""
The server's life: starting, taking everything at once, ageing, stopping; and what it serves beside KEDA.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from scaler.server.grpc_server import SERVICE, Ages, GrpcServer
from scaler.server.listening import ListenError
from scaler.server.wire import externalscaler_pb2 as pb
from scaler.server.wire.externalscaler_pb2_grpc import ExternalScalerStub
from tests.server.answering import CALLER, StagedAnswers, decided
from tests.server.bounded import becomes

REF = pb.ScaledObjectRef(name=CALLER.name, namespace=CALLER.namespace, scalerMetadata=CALLER.metadata)


async def outcomes(calls: list[Awaitable[object]]) -> Counter[str]:
    """
    Return how often calls ended in each status.
    """
    ended: Counter[str] = Counter()
    for result in await asyncio.gather(*calls, return_exceptions=True):
        if isinstance(result, BaseException) and not isinstance(result, grpc.aio.AioRpcError):
            raise result
        ended[result.code().name if isinstance(result, grpc.aio.AioRpcError) else "OK"] += 1
    return ended


async def test_everything_at_once_is_answered(keda: ExternalScalerStub) -> None:
    """
    4,000 calls in one moment over one connection, as when KEDA restarts: none is cancelled.

    gRPC's own limits (1000 and 3000 pending calls) cancel a third of them without a word.
    """
    assert await outcomes([keda.IsActive(REF) for _ in range(4000)]) == {"OK": 4000}


async def test_a_port_that_is_taken_is_a_clear_error(server: GrpcServer) -> None:
    """
    A second scaler on the port says so, instead of taking some of the calls.
    """
    port = await server.start()
    second = GrpcServer(StagedAnswers(), host="127.0.0.1", port=port)
    with pytest.raises(ListenError, match=f"cannot listen on 127.0.0.1:{port}: another process has that port"):
        await second.start()
    assert not second.serving


async def test_it_listens_everywhere_unless_told_otherwise(answers: StagedAnswers) -> None:
    """
    Without a host it answers at any address, an IPv4 one here.
    """
    server = GrpcServer(answers, port=0)
    port = await server.start()
    try:
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            assert (await ExternalScalerStub(channel).IsActive(REF)).result is False
    finally:
        await server.stop(within=1)


async def test_calls_that_have_come_are_answered_at_shutdown(
    answers: StagedAnswers, server: GrpcServer, keda: ExternalScalerStub
) -> None:
    """
    800 calls are on their way, most of them still in gRPC's queue, when the server is told to stop.

    gRPC alone would cancel those.
    """
    answers.answer = decided(2)
    calls = [asyncio.ensure_future(keda.IsActive(REF)) for _ in range(800)]
    await becomes(lambda: server.traffic().calls_ended_total != {})
    stopping = asyncio.create_task(server.stop())
    assert await outcomes(list(calls)) == {"OK": 800}
    await asyncio.wait_for(stopping, 10)


async def test_a_call_that_waits_for_its_answer_gets_it_at_shutdown(
    answers: StagedAnswers, server: GrpcServer, keda: ExternalScalerStub
) -> None:
    """
    The engine takes half a second for a workload that it has never seen; the server stops meanwhile.
    """
    answers.delay = 0.5
    call = asyncio.ensure_future(keda.IsActive(REF))
    await becomes(lambda: server.traffic().calls_in_flight == 1)
    assert server.serving
    await asyncio.wait_for(server.stop(), 5)
    assert not server.serving
    assert await outcomes([call]) == {"OK": 1}


async def test_shutdown_is_bounded_whatever_the_calls_do(
    answers: StagedAnswers, server: GrpcServer, keda: ExternalScalerStub
) -> None:
    """
    An engine that never answers, told to stop within a second: it does, and the caller gets an error.
    """
    answers.delay = 3600
    call = asyncio.ensure_future(keda.IsActive(REF))
    await becomes(lambda: server.traffic().calls_in_flight == 1)
    began = time.monotonic()
    await server.stop(within=1)
    assert time.monotonic() - began < 3
    assert "OK" not in await outcomes([call])


async def test_nobody_sees_an_error_as_connections_and_streams_age(answers: StagedAnswers) -> None:
    """
    Connections age after 0.3 s and streams after 0.4 s: for 2 s every call is answered and every stream ends with OK.
    """
    server = GrpcServer(answers, host="127.0.0.1", port=0, ages=Ages(connection=0.3, stream=0.4, margin=0.2))
    streams: list[grpc.StatusCode] = []
    try:
        async with grpc.aio.insecure_channel(f"127.0.0.1:{await server.start()}") as channel:
            keda = ExternalScalerStub(channel)
            until = time.monotonic() + 2

            async def stream_again_and_again() -> None:
                while time.monotonic() < until:
                    stream = keda.StreamIsActive(REF)
                    while await stream.read() is not grpc.aio.EOF:
                        pass
                    streams.append(await stream.code())

            async with asyncio.TaskGroup() as group:
                group.create_task(stream_again_and_again())
                while time.monotonic() < until:
                    await keda.IsActive(REF)
    finally:
        await server.stop(within=1)
    assert len(streams) >= 4
    assert set(streams) == {grpc.StatusCode.OK}


async def test_a_connection_whose_other_end_is_silent_is_closed(answers: StagedAnswers) -> None:
    """
    The other end opens HTTP/2 and says no more: after a second it is pinged, half a second later cut off.
    """
    server = GrpcServer(answers, host="127.0.0.1", port=0, ages=Ages(silence=1.0, patience=0.5))
    reader, writer = await asyncio.open_connection("127.0.0.1", await server.start())
    try:
        empty_settings = bytes([0, 0, 0, 4, 0, 0, 0, 0, 0])
        writer.write(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + empty_settings)
        began = time.monotonic()
        assert await asyncio.wait_for(reader.read(), 10)
        assert 1.0 < time.monotonic() - began < 5
    finally:
        writer.close()
        await server.stop(within=1)


@pytest.mark.parametrize("service", ["", SERVICE])
async def test_health_follows_the_server(channel: grpc.aio.Channel, server: GrpcServer, service: str) -> None:
    """
    Serving while it serves, overall and for KEDA's service; a watcher is told at once when it stops.

    And somebody who watches does not hold the shutdown up.
    """
    stub = health_pb2_grpc.HealthStub(channel)
    request = health_pb2.HealthCheckRequest(service=service)
    assert (await stub.Check(request)).status == health_pb2.HealthCheckResponse.SERVING
    watch = stub.Watch(request)
    assert (await watch.read()).status == health_pb2.HealthCheckResponse.SERVING
    began = time.monotonic()
    stopping = asyncio.create_task(server.stop(within=8))
    assert (await watch.read()).status == health_pb2.HealthCheckResponse.NOT_SERVING
    await stopping
    assert time.monotonic() - began < 4


async def test_reflection_is_off_unless_asked_for(answers: StagedAnswers, channel: grpc.aio.Channel) -> None:
    """
    By default the method does not exist; asked for, it lists KEDA's service.
    """
    assert await _reflected(channel).code() is grpc.StatusCode.UNIMPLEMENTED
    open_one = GrpcServer(answers, host="127.0.0.1", port=0, reflection=True)
    try:
        async with grpc.aio.insecure_channel(f"127.0.0.1:{await open_one.start()}") as channel_to_it:
            listed: Any = await _reflected(channel_to_it).read()
            assert SERVICE in [service.name for service in listed.list_services_response.service]
    finally:
        await open_one.stop(within=1)


def _reflected(channel: grpc.aio.Channel) -> Any:
    request = reflection_pb2.ServerReflectionRequest(list_services="")
    return reflection_pb2_grpc.ServerReflectionStub(channel).ServerReflectionInfo(iter([request]))
