"""
Traces of wakes, sent by OTLP to a collector on the loopback address; nothing of it is loaded unless it is wanted.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.servers.ports import free_port
from tests.servers.redis import RedisServer
from tests.service.conftest import SHORT
from tests.service.process import ScalerProcess, eventually, keda, scaled_object
from tests.sources.http_server import HttpServer

TRACED = {"SCALER_TRACES": "true", "OTEL_BSP_SCHEDULE_DELAY": "100"}


class Collector(HttpServer):
    """
    Takes traces as a collector does.

    Attributes:
        received: what came, in order.
    """

    def __init__(self) -> None:
        self.received: list[ExportTraceServiceRequest] = []
        super().__init__(self._take)

    @property
    def spans(self) -> list[Any]:
        """
        Return all spans.
        """
        return [
            span
            for request in self.received
            for resource in request.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]

    async def _take(self, request: web.Request) -> web.Response:
        assert request.path == "/v1/traces"
        self.received.append(ExportTraceServiceRequest.FromString(await request.read()))
        return web.Response(content_type="application/x-protobuf")


@pytest.fixture
async def collector() -> AsyncIterator[Collector]:
    """
    A collector.
    """
    collector = Collector()
    await collector.start()
    yield collector
    await collector.stop()


def document(redis: RedisServer) -> dict[str, Any]:
    """
    Return a document with one queue.
    """
    return {
        "connections": {"jobs": {"type": "redis", "addresses": [redis.address]}},
        "policies": {"default": {"queue": {"connection": "jobs", "target": 3}}},
        "defaults": SHORT,
    }


async def woken(running: ScalerProcess, redis: RedisServer, done: Callable[[], bool]) -> None:
    """
    Wake a workload that a stream is open for, and return when that has had its effect.
    """
    ref = scaled_object(queue="jobs")
    async with keda(running) as client:
        stream = client.stub.StreamIsActive(ref)
        said = aiter(stream)
        assert not (await anext(said)).result
        with redis.client() as wanting:
            wanting.lpush("jobs", *range(9))
        assert (await anext(said)).result
        await eventually(done)
        stream.cancel()


async def test_a_wake_is_a_trace(tmp_path: Path, redis: RedisServer, collector: Collector) -> None:
    """
    Three spans: the whole, and in it the reading with its decision, and the push; as long as the metrics say.
    """
    began = time.time_ns()
    with ScalerProcess(tmp_path, document(redis), OTEL_EXPORTER_OTLP_ENDPOINT=collector.url, **TRACED) as running:
        await woken(running, redis, lambda: len(collector.spans) >= 3)
        seconds = running.metric("gpu_agent_scaler_wake_latency_seconds_sum")
        assert running.terminate() == 0
    ended = time.time_ns()
    spans = {span.name: span for span in collector.spans}
    assert len(collector.spans) == len(spans) == 3
    whole, read, push = spans["wake"], spans["read and decide"], spans["push"]
    assert read.parent_span_id == push.parent_span_id == whole.span_id
    assert not whole.parent_span_id
    assert {span.trace_id for span in spans.values()} == {whole.trace_id}
    assert began < whole.start_time_unix_nano == read.start_time_unix_nano
    assert read.end_time_unix_nano == push.start_time_unix_nano
    assert push.end_time_unix_nano == whole.end_time_unix_nano < ended
    assert seconds == pytest.approx((whole.end_time_unix_nano - whole.start_time_unix_nano) / 1e9, abs=1e-6)
    told = {each.key: each.value for each in whole.attributes}
    assert told["k8s.namespace.name"].string_value == "ai"
    assert told["scaler.scaledobject"].string_value == "agent"
    assert told["scaler.replicas"].int_value == 3
    assert [each.string_value for each in told["scaler.signals"].array_value.values] == ["queue"]
    (resource, *_) = collector.received[0].resource_spans
    assert "gpu-agent-scaler" in [each.value.string_value for each in resource.resource.attributes]


async def test_a_collector_that_is_gone_holds_nothing_up(tmp_path: Path, redis: RedisServer) -> None:
    """
    The push comes, and the end is as clean and as quick as ever.
    """
    nowhere = f"http://127.0.0.1:{free_port()}"
    with ScalerProcess(tmp_path, document(redis), OTEL_EXPORTER_OTLP_ENDPOINT=nowhere, **TRACED) as running:
        await woken(running, redis, lambda: running.metric("gpu_agent_scaler_wake_latency_seconds_count") == 1)
        assert running.terminate() == 0


def test_without_the_extra_it_is_told(tmp_path: Path) -> None:
    """
    In one sentence that says what to install.
    """
    (tmp_path / "config.yaml").write_text("connections: {}")
    program = (
        "import sys; sys.modules['opentelemetry.sdk'] = None; from scaler.cli import main; "
        "sys.exit(main(['serve', '--traces', 'true', *sys.argv[1:]]))"
    )
    options = ["--config", str(tmp_path / "config.yaml"), "--grpc", "127.0.0.1:0", "--http", "127.0.0.1:0"]
    done = subprocess.run([sys.executable, "-c", program, *options], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert (
        done.stderr == "scaler: --traces (SCALER_TRACES): needs the extra `otel` (in a clone, pip install '.[otel]')\n"
    )
