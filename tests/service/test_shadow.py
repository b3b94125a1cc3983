"""
Shadow mode as KEDA, `explain` and the page see it, by a real Redis.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from tests.servers.redis import RedisServer
from tests.service.conftest import SHORT
from tests.service.process import ScalerProcess, eventually, keda, scaled_object

Start = Callable[[Mapping[str, Any]], ScalerProcess]


def document(redis: RedisServer, shadow: dict[str, str] | None) -> dict[str, Any]:
    """
    Return a document with a policy of three jobs a replica, and a new one of one job a replica.
    """
    queue = {"connection": "jobs", "type": "list"}
    new: dict[str, Any] = {"queue": {**queue, "target": 1}} | ({} if shadow is None else {"shadow": shadow})
    return {
        "connections": {"jobs": {"type": "redis", "addresses": [redis.address]}},
        "policies": {"default": {"queue": {**queue, "target": 3}}, "new": new},
        "defaults": SHORT,
    }


async def test_a_policy_is_watched_before_it_acts(scaler: Start, redis: RedisServer) -> None:
    """
    Nine jobs: KEDA gets three replicas, people see that it would be nine; the reload that lets it act gives nine.
    """
    with redis.client() as client:
        client.lpush("jobs", *range(9))
    running = scaler(document(redis, {"policy": "default"}))
    server = ("--server", f"http://127.0.0.1:{running.http_port}")
    ref = scaled_object(queue="jobs", policy="new")
    async with keda(running) as calling:
        assert await calling.round(ref) == (True, 3)
        said = running.explain("ai/agent", *server)
        assert "policy default" in said
        assert "policy new (shadow mode: only watched, not what KEDA is told)" in said
        assert said.index("active, 3 replicas") < said.index("active, 9 replicas")
        past = running.explain("ai/agent", *server, "--since", "1h")
        assert past.index("3 replicas wanted") < past.index("policy new (shadow mode") < past.index("9 replicas wanted")
        page = running.get("/workloads/ai/agent")
        assert "Policy <b>new</b> would be" in page
        assert 'class="line shadow"' in page
        running.configure(document(redis, None))
        await eventually(lambda: running.workload("agent")["shadow"] is None)
        assert await calling.round(ref) == (True, 9)


async def test_unavailable_leaves_keda_without_an_answer(scaler: Start, redis: RedisServer) -> None:
    """
    An error that says why; the decision is there for people, with its history as JSON.
    """
    with redis.client() as client:
        client.lpush("jobs", *range(9))
    running = scaler(document(redis, {"answer": "unavailable"}))
    async with keda(running) as calling:
        outcome = await calling.outcome(scaled_object(queue="jobs", policy="new"))
    assert (
        outcome == "the policy of ai/agent is in shadow mode: what it decides is only watched, and nothing is answered"
    )
    await eventually(lambda: running.workload("agent")["replicas"] == 9)
    assert running.workload("agent")["acts"] is False
    (history,) = json.loads(running.get("/v1/workloads/ai/agent/history?since=1h"))["histories"]
    assert [change["replicas"] for change in history["changes"]] == [9]
