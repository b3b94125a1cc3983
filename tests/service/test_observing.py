"""
A scaler process with an observer: what it shows, and that without a view it decides as ever.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from scaler.observer.fake import FakeCluster
from tests.observer.cluster import pod, scaled_object, target
from tests.servers.redis import RedisServer
from tests.service.conftest import SHORT
from tests.service.process import ScalerProcess, eventually, keda
from tests.service.process import scaled_object as called

CALLED = called(queue="jobs")


@pytest.fixture
async def cluster() -> AsyncIterator[FakeCluster]:
    """
    A cluster with a workload of two pods, whose ScaledObject allows two replicas and has a setting that hurts.
    """
    cluster = FakeCluster()
    await cluster.start()
    await cluster.put("scaledobjects", scaled_object(maxReplicaCount=2, cooldownPeriod=10))
    await cluster.put("deployments", target(replicas=2))
    await cluster.put("pods", pod("agent-1", ready=40))
    await cluster.put("pods", pod("agent-2", age=20))
    yield cluster
    await cluster.stop()


def one_queue(redis: RedisServer) -> dict[str, Any]:
    """
    Return a document of one queue.
    """
    return {
        "connections": {"queues": {"type": "redis", "addresses": [redis.address]}},
        "policies": {"default": {"queue": {"connection": "queues", "target": 1}}},
        "defaults": SHORT,
    }


def observing(folder: Path, redis: RedisServer, **environment: str) -> ScalerProcess:
    """
    Return a scaler that observes, not started yet.
    """
    return ScalerProcess(folder, one_queue(redis), SCALER_OBSERVE="true", **environment)


async def test_the_cluster_is_seen_explained_and_told(redis: RedisServer, cluster: FakeCluster, tmp_path: Path) -> None:
    """
    The ScaledObject's maximum holds; explain shows pods and the setting that hurts; so does an event.
    """
    kubeconfig = str(cluster.kubeconfig(tmp_path / "kubeconfig"))
    with redis.client() as client:
        client.lpush("jobs", *range(5))
    with observing(tmp_path, redis, SCALER_KUBECONFIG=kubeconfig, SCALER_EVENTS="true") as scaler:
        async with keda(scaler) as caller:
            await caller.decided(CALLED)
            await eventually(lambda: scaler.workload("agent")["cluster"]["ready"] == 1)
            await eventually(lambda: scaler.workload("agent")["replicas"] == 2)
            assert (await caller.round(CALLED))[1] == 2
        explained = scaler.explain("ai/agent", "--server", f"http://127.0.0.1:{scaler.http_port}")
        assert re.search(r"cluster +2 replicas set, 2 there, 1 ready; not ready for \d+ s at most", explained)
        assert "warning   cooldownPeriod is 10 s, less than three polls" in explained
        assert "the ScaledObject's maximum" in explained
        await eventually(lambda: [each["reason"] for each in cluster.events.values()] == ["SettingHurts"])


async def test_who_loads_is_not_stopped_by_a_restart_before_the_cluster_answers(
    redis: RedisServer, cluster: FakeCluster, tmp_path: Path
) -> None:
    """
    The queue is empty, and the cluster slow: the answer is an error that says why, explain too; then both pods stay.
    """
    await cluster.put("pods", pod("agent-1", age=20))
    cluster.hang()
    kubeconfig = str(cluster.kubeconfig(tmp_path / "kubeconfig"))
    with observing(tmp_path, redis, SCALER_KUBECONFIG=kubeconfig) as scaler:
        async with keda(scaler) as caller:
            said = await caller.outcome(CALLED)
            assert "it is not known yet whether pods are there" in str(said)
            assert "whether pods are there" in scaler.explain(
                "ai/agent", "--server", f"http://127.0.0.1:{scaler.http_port}"
            )
            cluster.resume()
            assert await caller.decided(CALLED)
            assert (await caller.round(CALLED))[1] == 2
            assert scaler.workload("agent")["reason"] == "loading"


@pytest.mark.parametrize("trouble", ["no cluster", "gone", "forbidden", "wrong token"])
async def test_without_a_view_it_decides_as_ever_and_says_so(
    trouble: str, redis: RedisServer, cluster: FakeCluster, tmp_path: Path
) -> None:
    """
    Five jobs want five replicas, whatever the ScaledObject allows; the reason is in explain and in the log.
    """
    path = cluster.kubeconfig(tmp_path / "kubeconfig", **({"token": "wrong"} if trouble == "wrong token" else {}))
    environment = {} if trouble == "no cluster" else {"SCALER_KUBECONFIG": str(path)}
    said = {"no cluster": "no service account", "gone": "does not answer"}.get(trouble, "may not list scaledobjects")
    if trouble == "gone":
        await cluster.stop()
    if trouble == "forbidden":
        cluster.forbid("scaledobjects", "pods", "deployments", "statefulsets", "events")
    with redis.client() as client:
        client.lpush("jobs", *range(5))
    with observing(tmp_path, redis, SCALER_EVENTS="true", **environment) as scaler:
        async with keda(scaler) as caller:
            assert await caller.decided(CALLED)
            assert (await caller.round(CALLED))[1] == 5
        await eventually(lambda: said in scaler.workload("agent")["cluster"]["missing"])
        assert "not seen: " in scaler.explain("ai/agent", "--server", f"http://127.0.0.1:{scaler.http_port}")
        assert any(said in line["message"] for line in scaler.log())
        assert scaler.terminate() == 0


async def test_a_state_file_lasts_and_stops_nobody(redis: RedisServer, tmp_path: Path) -> None:
    """
    It is there after an end in order; cut off, it is set aside, and the scaler starts and decides.
    """
    path = tmp_path / "state.sqlite"
    asides = 0
    for size in (None, 0, 100, 3000):
        if size is not None:
            path.write_bytes(path.read_bytes()[:size])
        with ScalerProcess(tmp_path, one_queue(redis), SCALER_STATE=str(path)) as scaler:
            async with keda(scaler) as caller:
                assert not await caller.decided(CALLED)
            assert scaler.terminate() == 0
        assert path.stat().st_size > 0
        asides += size in {100, 3000}
        assert sum("is set aside" in line["message"] for line in scaler.log()) == asides
