"""
The scaler as its users run it: a process of its own with a document, called by a real gRPC client.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import grpc
import yaml

from scaler.server.wire import externalscaler_pb2 as pb
from scaler.server.wire import externalscaler_pb2_grpc as rpc
from tests.servers.ports import free_port

START_BOUND = 30.0
STOP_BOUND = 12.0


class ScalerProcess:
    """
    A `scaler serve` on the loopback address. It may be ended and started again on the same ports.

    Args:
        folder: for its files.
        document: its first document.
        python: options of its Python.
        environment: variables beside those of the tests.

    Attributes:
        config: the document's file, to be changed by `configure`.
        log_file: all that it writes.
    """

    def __init__(
        self, folder: Path, document: Mapping[str, Any], python: Sequence[str] = (), **environment: str
    ) -> None:
        self.config = folder / "config.yaml"
        self.grpc_port = free_port()
        self.http_port = free_port()
        self.log_file = folder / "scaler.log"
        self._python = (sys.executable, *python)
        self._environment = environment
        self._process: subprocess.Popen[bytes] | None = None
        self.configure(document)

    def configure(self, document: Mapping[str, Any] | str) -> None:
        """
        Write another document.
        """
        self.config.write_text(document if isinstance(document, str) else yaml.safe_dump(dict(document)))

    def start(self) -> Self:
        """
        Start it and return when it is ready.
        """
        command = [*self._python, "-m", "scaler", "serve", "--config", str(self.config), "--log-format", "json"]
        command += ["--grpc", f"127.0.0.1:{self.grpc_port}", "--http", f"127.0.0.1:{self.http_port}"]
        with self.log_file.open("ab") as log:
            environment = {**os.environ, **self._environment}
            self._process = subprocess.Popen(command, stderr=log, stdout=log, env=environment)
        deadline = time.monotonic() + START_BOUND
        while not self._ready():
            if time.monotonic() > deadline or self._process.poll() is not None:
                self.kill()
                raise RuntimeError(f"the scaler did not start:\n{self.log_file.read_text()[-3000:]}")
            time.sleep(0.02)
        return self

    def terminate(self) -> int:
        """
        Ask it to stop (SIGTERM) and return its exit status.
        """
        assert self._process is not None
        self._process.terminate()
        return self._process.wait(STOP_BOUND)

    def kill(self) -> None:
        """
        End it at once (SIGKILL).
        """
        if self._process is not None:
            self._process.kill()
            self._process.wait(STOP_BOUND)

    def log(self) -> list[dict[str, Any]]:
        """
        Return its log lines.
        """
        return [json.loads(line) for line in self.log_file.read_text().splitlines() if line.startswith("{")]

    def get(self, path: str) -> str:
        """
        Return what its HTTP port answers.
        """
        with urllib.request.urlopen(f"http://127.0.0.1:{self.http_port}{path}", timeout=10) as answer:
            text: str = answer.read().decode()
        return text

    def workload(self, name: str) -> dict[str, Any]:
        """
        Return what it shows of a workload in the namespace `ai`.
        """
        (workload,) = json.loads(self.get(f"/v1/workloads/ai/{name}"))["workloads"]
        shown: dict[str, Any] = workload
        return shown

    def metric(self, line: str) -> float | None:
        """
        Return the value of the sample whose name and labels begin like that, None if there is none.
        """
        for sample in self.get("/metrics").splitlines():
            if sample.startswith(line):
                return float(sample.rsplit(" ", 1)[1])
        return None

    def explain(self, *arguments: str) -> str:
        """
        Return what `scaler explain` prints in a wide terminal.
        """
        command = [sys.executable, "-m", "scaler", "explain", *arguments]
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=30, check=True, env={**os.environ, "COLUMNS": "200"}
        )
        return done.stdout

    def _ready(self) -> bool:
        try:
            return self.get("/readyz").startswith("ready")
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            return False

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()


@dataclass
class Keda:
    """
    A client that calls as KEDA does.
    """

    stub: rpc.ExternalScalerStub

    async def round(self, ref: pb.ScaledObjectRef) -> tuple[bool, int]:
        """
        Ask the three questions of a poll; return whether it is active, and the wanted replicas.
        """
        spec = (await self.stub.GetMetricSpec(ref, timeout=5)).metricSpecs[0]
        request = pb.GetMetricsRequest(scaledObjectRef=ref, metricName=spec.metricName)
        value = (await self.stub.GetMetrics(request, timeout=5)).metricValues[0]
        assert value.metricValue == value.metricValueFloat
        active = await self.stub.IsActive(ref, timeout=5)
        return active.result, value.metricValue

    async def outcome(self, ref: pb.ScaledObjectRef) -> bool | str:
        """
        Return what `IsActive` says, or the details of UNAVAILABLE.
        """
        try:
            return (await self.stub.IsActive(ref, timeout=5)).result
        except grpc.aio.AioRpcError as error:
            if error.code() is not grpc.StatusCode.UNAVAILABLE:
                raise
            return str(error.details())

    async def decided(self, ref: pb.ScaledObjectRef, within: float = 30.0) -> bool:
        """
        Return the first answer that is no error.
        """
        async with asyncio.timeout(within):
            while isinstance(outcome := await self.outcome(ref), str):  # noqa: ASYNC110 - that is how KEDA learns it
                await asyncio.sleep(0.05)
        return outcome


@asynccontextmanager
async def keda(scaler: ScalerProcess) -> AsyncIterator[Keda]:
    """
    Connect to a scaler as KEDA does: one connection for everything.
    """
    options = [("grpc.enable_retries", 0), ("grpc.max_reconnect_backoff_ms", 100)]
    async with grpc.aio.insecure_channel(f"127.0.0.1:{scaler.grpc_port}", options=options) as channel:
        await channel.channel_ready()
        yield Keda(rpc.ExternalScalerStub(channel))


def scaled_object(name: str = "agent", **metadata: str) -> pb.ScaledObjectRef:
    """
    Return what KEDA sends of a ScaledObject, its own keys included.
    """
    own = {"scalerAddress": "agent-scaler.keda.svc:6000"}
    return pb.ScaledObjectRef(name=name, namespace="ai", scalerMetadata={**own, **metadata})


async def eventually(condition: Callable[[], bool], within: float = 15.0) -> None:
    """
    Return when a condition holds that is looked at in a thread.

    Raises:
        TimeoutError: it does not hold in time.
    """
    async with asyncio.timeout(within):
        while not await asyncio.to_thread(condition):  # noqa: ASYNC110 - what is waited for is in another process
            await asyncio.sleep(0.05)
