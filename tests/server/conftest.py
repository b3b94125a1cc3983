"""
A real server and a real client for every test, over a real socket.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

import grpc
import pytest

from scaler.server.grpc_server import GrpcServer
from scaler.server.wire.externalscaler_pb2_grpc import ExternalScalerStub
from tests.server.answering import StagedAnswers


@pytest.fixture
async def answers() -> StagedAnswers:
    """
    The engine behind `server`.
    """
    return StagedAnswers()


@pytest.fixture
async def server(answers: StagedAnswers) -> AsyncIterator[GrpcServer]:
    """
    A server that has not been started; it is stopped in the end.
    """
    server = GrpcServer(answers, host="127.0.0.1", port=0)
    yield server
    await server.stop(within=1)


@pytest.fixture
async def channel(server: GrpcServer) -> AsyncIterator[grpc.aio.Channel]:
    """
    A connection to the server, which is started for it.
    """
    async with grpc.aio.insecure_channel(f"127.0.0.1:{await server.start()}") as channel:
        yield channel


@pytest.fixture
def keda(channel: grpc.aio.Channel) -> ExternalScalerStub:
    """
    The client that KEDA is.
    """
    return ExternalScalerStub(channel)
