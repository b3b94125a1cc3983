"""
Right answers from a real Redis and a real Prometheus, and reasons for them: by RPC, log, metrics and `explain`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

import grpc
import pytest

from scaler.server.wire import externalscaler_pb2 as pb
from tests.servers.prometheus import MetricsPage, PrometheusServer
from tests.servers.redis import RedisServer
from tests.service.conftest import HOLD, SHORT, gpus
from tests.service.process import ScalerProcess, eventually, keda, scaled_object

Start = Callable[[Mapping[str, Any]], ScalerProcess]


def three_signals(redis: RedisServer, prometheus: PrometheusServer) -> dict[str, Any]:
    """
    Return a document with a list, a rate and GPUs.
    """
    return {
        "connections": {
            "jobs": {"type": "redis", "addresses": [redis.address]},
            "metrics": {"type": "prometheus", "url": prometheus.url},
        },
        "policies": {
            "default": {
                "hold": HOLD,
                "idleWindow": "1s",
                "queue": {"connection": "jobs", "type": "list", "processing": "$queue:processing", "target": 3},
                "requests": {"connection": "metrics", "query": 'sum(gateway_rps{workload="$workload"})', "target": 5},
                "gpu": {"connection": "metrics", "target": 80},
            }
        },
        "defaults": SHORT,
    }


async def settle(page: MetricsPage, text: str) -> None:
    """
    Set the page and wait until Prometheus has read it twice.
    """
    page.text = text
    served = page.served
    await eventually(lambda: page.served >= served + 2)


async def test_three_signals_make_one_number(
    scaler: Start, redis: RedisServer, prometheus: PrometheusServer, metrics_page: MetricsPage
) -> None:
    """
    7 waiting and 2 in flight at 3, 12/s at 5, four pods at 95 % of 80: active, five replicas, and explain says so.
    """
    with redis.client() as client:
        client.lpush("jobs", *range(7))
        client.lpush("jobs:processing", "a", "b")
    await settle(metrics_page, 'gateway_rps{workload="agent"} 12\n' + gpus(95, 95, 95, 95))
    running = scaler(three_signals(redis, prometheus))
    async with keda(running) as client_of:
        assert await client_of.round(scaled_object(queue="jobs")) == (True, 5)
    said = running.explain("ai/agent", "--server", f"http://127.0.0.1:{running.http_port}")
    for expected in (
        "7 waiting, 2 in flight",
        "12/s",
        "380 % (95, 95, 95, 95)",
        "4.75",
        "active, 5 replicas (demand)",
        "gpu has 380 % on 4 pods at 80 % per replica, which wants 4.75; queue wants 3, requests wants 3",
        "list jobs and its processing list jobs:processing on connection jobs",
    ):
        assert expected in said
    once = running.explain("ai/agent", "--config", str(running.config), "--metadata", "queue=jobs")
    assert "active, 5 replicas (demand)" in once
    assert running.metric('gpu_agent_scaler_workload_desired_replicas{scaledobject="agent"') == 5


async def test_a_busy_gpu_holds_until_its_bound(
    scaler: Start, redis: RedisServer, prometheus: PrometheusServer, metrics_page: MetricsPage
) -> None:
    """
    Queue empty, rate zero, one pod at 60 %: holding; after the bound it lets go, and log, metric and explain say why.
    """
    await settle(metrics_page, 'gateway_rps{workload="agent"} 0\n' + gpus(60))
    running = scaler(three_signals(redis, prometheus))
    ref = scaled_object(queue="jobs")
    async with keda(running) as client:
        assert await client.round(ref) == (True, 1)
        shown = running.workload("agent")
        assert (shown["phase"], shown["reason"]) == ("holding", "gpu-busy")
        await eventually(lambda: running.workload("agent")["verdict"] == "inactive")
        assert await client.round(ref) == (False, 0)
    assert running.workload("agent")["reason"] == "gpu-hold-expired"
    assert running.metric('gpu_agent_scaler_holds_expired_total{hold="gpu"}') == 1
    said = running.explain("ai/agent", "--server", f"http://127.0.0.1:{running.http_port}")
    assert "a busy GPU alone may hold a workload for 4 s only, and it has" in said
    past = running.explain("ai/agent", "--server", f"http://127.0.0.1:{running.http_port}", "--since", "1h")
    assert past.index("holding") < past.index("gpu-busy: keeping 1 replica") < past.index("gpu-hold-expired: ")
    (line,) = [line for line in running.log() if line.get("reason") == "gpu-hold-expired"]
    assert "a busy GPU alone may hold" in line["message"]


@pytest.mark.parametrize(
    ("metadata", "key"),
    [
        pytest.param({"queueTraget": "3"}, "queueTraget", id="unknown key"),
        pytest.param({"queueTarget": "-1"}, "queueTarget", id="negative target"),
        pytest.param({"queue": "x" * 1_000_000}, "queue", id="a value of 1 MB"),
        pytest.param({"queueConnection": "redis://u:secret@evil:6379"}, "queueConnection", id="an address"),
        pytest.param({"idleWindow": "0s"}, "idleWindow", id="no time at all"),
    ],
)
async def test_wrong_metadata_is_refused_by_name(
    scaler: Start, redis: RedisServer, metadata: dict[str, str], key: str
) -> None:
    """
    INVALID_ARGUMENT names the key, whatever is asked; the others are served on.
    """
    document = {
        "connections": {"jobs": {"type": "redis", "addresses": [redis.address]}},
        "policies": {"default": {"queue": {"connection": "jobs", "target": 3}}},
    }
    async with keda(scaler(document)) as client:
        wrong = scaled_object("wrong", **{"queue": "jobs", **metadata})
        for call in (client.stub.IsActive, client.stub.GetMetricSpec):
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await call(wrong, timeout=5)
            assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT
            details = str(refused.value.details())
            assert key in details
            assert len(details) < 500
            assert "secret" not in details
        assert await client.round(scaled_object(queue="jobs")) == (False, 0)


async def test_a_refused_configuration_leaves_the_old_one_in_force(scaler: Start, redis: RedisServer) -> None:
    """
    Three mistakes are three errors, each with its path; readiness and metrics say so; then it is mended.
    """
    document: dict[str, Any] = {
        "connections": {"jobs": {"type": "redis", "addresses": [redis.address]}},
        "policies": {"default": {"queue": {"connection": "jobs", "target": 3}}},
        "defaults": SHORT,
    }
    with redis.client() as client:
        client.lpush("jobs", *range(9))
    running = scaler(document)
    ref = scaled_object(queue="jobs")
    async with keda(running) as calling:
        assert await calling.round(ref) == (True, 3)
        running.configure(
            "connections: {jobs: {type: redis, addresses: ['x:1']}}\n"
            "policies: {default: {queue: {connection: job, target: -1}, idleWindow: 5}}\n"
        )
        await eventually(lambda: running.metric("gpu_agent_scaler_configuration_errors") == 3)
        ready = running.get("/readyz")
        for path in (
            "policies.default.queue.connection",
            "policies.default.queue.target",
            "policies.default.idleWindow",
        ):
            assert path in ready
        assert await calling.round(ref) == (True, 3)
        document["policies"]["default"]["queue"]["target"] = 1
        running.configure(document)
        await eventually(lambda: running.metric("gpu_agent_scaler_configuration_generation") == 2)
        assert await calling.round(ref) == (True, 9)
        assert running.get("/readyz") == "ready\n"
        assert running.metric("gpu_agent_scaler_configuration_errors") == 0


async def test_a_job_is_pushed_and_shutdown_is_clean(scaler: Start, redis: RedisServer) -> None:
    """
    Idle, then a job: `true` on the stream. SIGTERM: the stream ends with OK, the exit status is 0.
    """
    document = {
        "connections": {"jobs": {"type": "redis", "addresses": [redis.address]}},
        "policies": {"default": {"queue": {"connection": "jobs", "target": 3}}},
    }
    running = scaler(document)
    async with keda(running) as client, asyncio.timeout(30):
        stream = client.stub.StreamIsActive(scaled_object(queue="jobs"))
        specs = client.stub.StreamMetricSpec(scaled_object(queue="jobs"))
        assert await stream.read() == pb.IsActiveResponse(result=False)
        assert await specs.read() == await client.stub.GetMetricSpec(scaled_object(queue="jobs"))
        with redis.client() as redis_client:
            redis_client.lpush("jobs", "work")
        assert await stream.read() == pb.IsActiveResponse(result=True)
        assert await asyncio.to_thread(running.terminate) == 0
        while await stream.read() is not grpc.aio.EOF:
            pass
        assert await stream.code() is grpc.StatusCode.OK
        assert await specs.read() is grpc.aio.EOF
        assert await specs.code() is grpc.StatusCode.OK
