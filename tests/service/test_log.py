"""
The log of a running scaler: a line for each change, for machines and for people, and never a secret.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import grpc
import pytest
from aiohttp import web

from tests.servers.fixtures import StartRedis
from tests.servers.ports import free_port
from tests.servers.redis import RedisServer
from tests.service.conftest import HOLD, SHORT
from tests.service.process import Keda, ScalerProcess, eventually, keda, scaled_object
from tests.sources.http_server import HttpServer

Start = Callable[[Mapping[str, Any]], ScalerProcess]


def queue_alone(redis: RedisServer) -> dict[str, Any]:
    """
    Return a document with one queue.
    """
    return {
        "connections": {"jobs": {"type": "redis", "addresses": [redis.address]}},
        "policies": {"default": {"hold": HOLD, "idleWindow": "1s", "queue": {"connection": "jobs", "target": 3}}},
        "defaults": SHORT,
    }


async def test_each_change_is_one_line_with_its_workload(scaler: Start, redis: RedisServer) -> None:
    """
    Two triggers of one ScaledObject are told apart; dozens of polls that find nothing new say nothing.
    """
    running = scaler(queue_alone(redis))

    def decisions() -> list[dict[str, Any]]:
        return [line for line in running.log() if line["logger"] == "scaler.decisions"]

    async with keda(running) as client:
        first, second = scaled_object(queue="jobs"), scaled_object(queue="other")
        for _ in range(20):
            assert await client.round(first) == (False, 0)
            assert await client.round(second) == (False, 0)
        asleep = decisions()
        assert [(line["namespace"], line["scaledobject"], line["trigger"]) for line in asleep] == [
            ("ai", "agent", 0),
            ("ai", "agent", 1),
        ]
        with redis.client() as wanting:
            wanting.lpush("other", 1)
        await eventually(lambda: len(decisions()) == 3)
        woken = decisions()[-1]
        assert {"trigger": 1, "policy": "default", "phase": "waking", "replicas": 1, "level": "INFO"}.items() <= (
            woken.items()
        )
        assert woken["message"].startswith("ai/agent: waking, 1 wanted, demand: ")


async def test_every_line_is_one_object(scaler: Start, redis: RedisServer) -> None:
    """
    With a time in UTC, a level, a logger; trouble names its connection, and a refused configuration each error.
    """
    running = scaler(queue_alone(redis))
    async with keda(running) as client:
        await client.decided(scaled_object(queue="jobs"))
        running.configure("policies: {default: {queue: {connection: none, target: -1}}}")
        await eventually(lambda: any("errors" in line for line in running.log()))
        await asyncio.to_thread(redis.stop)
        await eventually(lambda: any(line["level"] == "WARNING" and "connection" in line for line in running.log()))
    assert running.terminate() == 0
    written = running.log_file.read_text().splitlines()
    assert len(running.log()) == len(written) > 5
    for line in running.log():
        assert {"time", "level", "logger", "message"} <= line.keys()
        assert datetime.fromisoformat(line["time"]).utcoffset() == timedelta(0)
    (refused,) = [line for line in running.log() if "errors" in line]
    assert refused["level"] == "ERROR"
    assert {error.partition(":")[0] for error in refused["errors"]} >= {"policies.default.queue.target"}
    assert {line["connection"] for line in running.log() if "connection" in line} == {"jobs"}


async def test_people_get_text(tmp_path: Path, redis: RedisServer) -> None:
    """
    A time, a level and a sentence; above its level nothing is said.
    """
    with ScalerProcess(tmp_path, queue_alone(redis), SCALER_LOG_FORMAT="text") as running:
        async with keda(running) as client:
            await client.decided(scaled_object(queue="jobs"))
        running.terminate()
        lines = running.log_file.read_text().splitlines()
    assert any(
        re.fullmatch(r"\d{4}-\d\d-\d\d [\d:,]+ INFO    ai/agent: idle, 0 wanted, quiet: .*", line) for line in lines
    )
    quiet = tmp_path / "quiet"
    quiet.mkdir()
    with ScalerProcess(quiet, queue_alone(redis), SCALER_LOG_LEVEL="error") as running:
        async with keda(running) as client:
            await client.decided(scaled_object(queue="jobs"))
        running.terminate()
        assert running.log_file.read_text() == ""


SEEDS = {
    name: f"hush-{name}-41c0ffee"
    for name in ("redis", "bearer", "header", "rabbit", "basic", "inline", "tenant", "unknown", "target")
}
"""Secrets, each of its own kind."""


@pytest.fixture
async def gossip() -> AsyncIterator[HttpServer]:
    """
    A server that refuses everybody, and repeats in its answer all that it was told.
    """

    async def repeat(request: web.Request) -> web.Response:
        told = "; ".join(f"{name}: {value}" for name, value in request.headers.items())
        return web.Response(
            status=401, text=json.dumps({"error": f"not allowed: {told}"}), content_type="application/json"
        )

    server = HttpServer(repeat)
    await server.start()
    yield server
    await server.stop()


def secretive(folder: Path, redis: RedisServer, gossip: HttpServer) -> dict[str, Any]:
    """
    Return a document whose connections all have secrets, and none of which answers.
    """

    def kept(name: str) -> dict[str, str]:
        path = folder / name
        path.write_text(SEEDS[name])
        return {"file": str(path)}

    queue = {"target": 3}
    return {
        "connections": {
            "wrong": {"type": "redis", "addresses": [redis.address], "username": "default", "password": kept("redis")},
            "gone": {"type": "redis", "addresses": [f"127.0.0.1:{free_port()}"], "password": kept("redis")},
            "broker": {"type": "rabbitmq", "management": gossip.url, "password": kept("rabbit")},
            "amqp": {"type": "rabbitmq", "amqp": f"127.0.0.1:{free_port()}", "password": kept("rabbit")},
            "metrics": {"type": "prometheus", "url": gossip.url, "bearerToken": kept("bearer")},
            "login": {"type": "prometheus", "url": gossip.url, "username": "me", "password": kept("basic")},
            "pages": {"type": "scrape", "urls": [f"{gossip.url}/metrics"], "headers": {"X-Key": kept("header")}},
        },
        "policies": {
            **{name: {"queue": {**queue, "connection": name}} for name in ("wrong", "gone", "broker", "amqp")},
            **{
                name: {
                    "queue": {**queue, "connection": "gone"},
                    "requests": {"connection": name, "query": "up", "target": 1},
                }
                for name in ("metrics", "login")
            },
            "pages": {
                "queue": {**queue, "connection": "gone"},
                "requests": {"connection": "pages", "metric": "requests_total", "target": 1},
            },
        },
        "defaults": SHORT,
    }


async def provoke(client: Keda, names: list[str]) -> list[str]:
    """
    Have every connection fail, and say to the scaler what it must not repeat; return what it answered.
    """
    said = [str(await client.outcome(scaled_object(name, policy=name, queue="jobs"))) for name in names]
    tenant = {
        "passwordFromEnv": SEEDS["tenant"],
        "redisPasswrd": SEEDS["unknown"],
        "target": SEEDS["target"],
    }
    for key, value in tenant.items():
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await client.stub.IsActive(scaled_object("tenant", policy="gone", queue="jobs", **{key: value}), timeout=5)
        said.append(str(refused.value))
    return said


async def test_a_secret_is_never_said(tmp_path: Path, start_redis: StartRedis, gossip: HttpServer) -> None:
    """
    Not in the log at the level debug, nor on a page, in the metrics, or in an answer.

    Wrong passwords, servers that are gone, one that repeats every credential in its errors, metadata and a document
    with secrets in the wrong place.
    """
    redis = await asyncio.to_thread(start_redis, "--requirepass", "another")
    document = secretive(tmp_path, redis, gossip)
    with ScalerProcess(tmp_path, document, SCALER_LOG_LEVEL="debug") as running:
        async with keda(running) as client:
            said = await provoke(client, list(document["policies"]))
            await eventually(
                lambda: all(f"connection {name}" in running.log_file.read_text() for name in document["connections"])
            )
            document["connections"]["gone"]["password"] = SEEDS["inline"]
            running.configure(document)
            await eventually(lambda: running.metric("gpu_agent_scaler_configuration_errors") == 1)
            said += await provoke(client, list(document["policies"]))
            said += [running.get(path) for path in ("/metrics", "/readyz", "/v1/workloads")]
            server = f"http://127.0.0.1:{running.http_port}"
            said += [running.explain(f"ai/{name}", "--server", server) for name in ("metrics", "broker")]
        assert running.terminate() == 0
        said.append(running.log_file.read_text())
    assert all(len(text) > 20 for text in said[-4:])
    assert len(gossip.requests) >= 4
    for name, secret in SEEDS.items():
        assert not [text for text in said if secret in text], name
