"""
Outages of real servers: held, then an error, never false; then the truth at once.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from typing import Any

import pika
import pytest

from scaler.server.wire import externalscaler_pb2 as pb
from tests.servers.prometheus import MetricsPage, PrometheusServer
from tests.servers.rabbitmq import RabbitServer
from tests.servers.redis import RedisServer
from tests.servers.server import Server
from tests.service.conftest import HOLD, SHORT, gpus
from tests.service.process import Keda, ScalerProcess, eventually, keda, scaled_object
from tests.service.test_answers import settle

Start = Callable[[Mapping[str, Any]], ScalerProcess]

ENOUGH = 7.0
"""Seconds: freshness (2 s), hold (2 s), the first error, and some more of it."""


async def watch(client: Keda, ref: pb.ScaledObjectRef, seconds: float) -> list[bool | str]:
    """
    Ask again and again for so long; return every answer.
    """
    outcomes = []
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        outcomes.append(await client.outcome(ref))
        await asyncio.sleep(0.05)
    return outcomes


async def through_an_outage(running: ScalerProcess, client: Keda, ref: pb.ScaledObjectRef, cause: str) -> None:
    """
    While it lasts: true, then UNAVAILABLE with the cause named, and never false.
    """
    outcomes = await watch(client, ref, ENOUGH)
    assert False not in outcomes
    assert outcomes[0] is True
    assert cause in str(outcomes[-1])
    held = [line for line in running.log() if line.get("reason") == "held-unknown"]
    assert held
    assert cause in held[-1]["message"]
    assert held[-1]["replicas"] == 3
    assert held[-1]["phase"] == "holding"


def queue_only(connection: dict[str, Any]) -> dict[str, Any]:
    """
    Return a document with one queue.
    """
    return {
        "connections": {"jobs": connection},
        "policies": {"default": {"hold": HOLD, "idleWindow": "1s", "queue": {"connection": "jobs", "target": 3}}},
        "defaults": SHORT,
    }


async def outage_and_return(running: ScalerProcess, server: Server, ref: pb.ScaledObjectRef, cause: str) -> None:
    """
    Three replicas, the server stops and comes back empty: no false before a quiet reading was seen for the window.
    """
    async with keda(running) as client:
        assert await client.round(ref) == (True, 3)
        await asyncio.to_thread(server.stop)
        await through_an_outage(running, client, ref, cause)
        await asyncio.to_thread(server.start)
        assert await client.decided(ref) is True
        assert running.workload("agent")["reason"] == "idle-window"


async def test_redis_stops_and_comes_back(scaler: Start, redis: RedisServer) -> None:
    """
    A Redis that comes back empty.
    """
    with redis.client() as client:
        client.lpush("jobs", *range(9))
    running = scaler(queue_only({"type": "redis", "addresses": [redis.address]}))
    await outage_and_return(running, redis, scaled_object(queue="jobs"), redis.address)


async def test_rabbitmq_stops_and_comes_back(
    scaler: Start, start_rabbitmq: Callable[..., RabbitServer], queue_name: str
) -> None:
    """
    A RabbitMQ whose queue is gone with its messages is still unknown; a queue that is there and empty is quiet.
    """
    rabbitmq = await asyncio.to_thread(start_rabbitmq)

    def publish(jobs: int) -> None:
        parameters = pika.ConnectionParameters("127.0.0.1", int(rabbitmq.amqp.rpartition(":")[2]))
        with pika.BlockingConnection(parameters) as connection:
            channel = connection.channel()
            channel.queue_declare(queue_name, durable=True)
            for _ in range(jobs):
                channel.basic_publish("", queue_name, b"work", pika.BasicProperties(delivery_mode=1))

    await asyncio.to_thread(publish, 9)
    running = scaler(queue_only({"type": "rabbitmq", "amqp": rabbitmq.amqp, "timeout": "1s"}))
    await outage_and_return(running, rabbitmq, scaled_object(queue=queue_name), rabbitmq.amqp)


@pytest.fixture
def with_gpus(
    scaler: Start, redis: RedisServer, prometheus: PrometheusServer, metrics_page: MetricsPage
) -> Callable[[], ScalerProcess]:
    """
    A function that starts a scaler over GPUs and a rate in Prometheus, at three replicas, with an empty queue.
    """
    metrics_page.text = 'gateway_rps{workload="agent"} 15\n' + gpus(50, 50, 50)

    def start() -> ScalerProcess:
        return scaler(
            {
                "connections": {
                    "jobs": {"type": "redis", "addresses": [redis.address]},
                    "metrics": {"type": "prometheus", "url": prometheus.url, "timeout": "1s"},
                },
                "policies": {
                    "default": {
                        "hold": HOLD,
                        "idleWindow": "1s",
                        "queue": {"connection": "jobs", "target": 3},
                        "requests": {"connection": "metrics", "query": "gateway_rps", "target": 5},
                        "gpu": {"connection": "metrics", "target": 80},
                    }
                },
                "defaults": SHORT,
            }
        )

    return start


async def test_prometheus_stops(
    with_gpus: Callable[[], ScalerProcess], prometheus: PrometheusServer, metrics_page: MetricsPage
) -> None:
    """
    A Prometheus that is gone: the same as any other outage.
    """
    await settle(metrics_page, metrics_page.text or "")
    running = with_gpus()
    ref = scaled_object(queue="jobs")
    async with keda(running) as client:
        assert await client.round(ref) == (True, 3)
        await asyncio.to_thread(prometheus.stop)
        await through_an_outage(running, client, ref, "Prometheus")
        await asyncio.to_thread(prometheus.start)
        assert await client.decided(ref) is True


@pytest.mark.parametrize(
    ("page", "cause"),
    [
        pytest.param('gateway_rps{workload="agent"} NaN\n' + gpus(50, 50, 50), "nan", id="a rate that is not a number"),
        pytest.param(gpus(50, 50, 50), "no series", id="a rate without series"),
        pytest.param('gateway_rps{workload="agent"} 0\n', "no series for its pods", id="GPUs gone while pods run"),
        pytest.param(
            'gateway_rps{workload="a"} 0\ngateway_rps{workload="b"} 0\n' + gpus(50, 50, 50), "2 series", id="two series"
        ),
        pytest.param(
            'gateway_rps{workload="agent"} 0\n' + gpus(50, 9223372036854775794, 50), "agent-1", id="a DCGM sentinel"
        ),
    ],
)
async def test_what_says_nothing_is_unknown(
    with_gpus: Callable[[], ScalerProcess], metrics_page: MetricsPage, page: str, cause: str
) -> None:
    """
    Answers that are none are outages: held, then an error that names what is wrong, never false.
    """
    await settle(metrics_page, metrics_page.text or "")
    running = with_gpus()
    ref = scaled_object(queue="jobs")
    async with keda(running) as client:
        assert await client.round(ref) == (True, 3)
        await settle(metrics_page, page)
        await through_an_outage(running, client, ref, cause)


async def test_a_blip_is_not_seen(scaler: Start, redis: RedisServer) -> None:
    """
    Redis frozen for one second, half as long as readings stay good: nobody notices.
    """
    with redis.client() as client:
        client.lpush("jobs", *range(9))
    running = scaler(queue_only({"type": "redis", "addresses": [redis.address], "timeout": "500ms"}))
    ref = scaled_object(queue="jobs")
    async with keda(running) as calling:
        assert await calling.round(ref) == (True, 3)
        await asyncio.to_thread(redis.pause)
        outcomes = await watch(calling, ref, 1.0)
        await asyncio.to_thread(redis.resume)
        outcomes += await watch(calling, ref, 3.0)
        assert set(outcomes) == {True}
        assert not [line for line in running.log() if line.get("phase") == "holding"]


async def test_killed_and_started_again_the_first_round_is_the_truth(scaler: Start, redis: RedisServer) -> None:
    """
    SIGKILL at work and at zero: the first calls of every ScaledObject get the truth, none an error.
    """
    with redis.client() as client:
        client.lpush("busy", *range(9))
    running = scaler(queue_only({"type": "redis", "addresses": [redis.address]}))
    busy = [scaled_object(f"busy-{index}", queue="busy") for index in range(20)]
    idle = [scaled_object(f"idle-{index}", queue=f"idle-{index}") for index in range(20)]
    for _ in range(2):
        async with keda(running) as calling:
            rounds = await asyncio.gather(*(calling.round(ref) for ref in (*busy, *idle)))
            assert rounds == [(True, 3)] * 20 + [(False, 0)] * 20
        await asyncio.to_thread(running.kill)
        await asyncio.to_thread(running.start)
    await eventually(lambda: running.get("/healthz") == "alive\n")
