"""
One ScaledObject that takes the place of another: for a moment two name the same scale target.
"""

from __future__ import annotations

from pathlib import Path

from scaler.observer.fake import FakeCluster
from tests.observer.cluster import observed, pod, scaled_object, target, until

AGENT = {"name": "agent"}


async def staged(cluster: FakeCluster) -> None:
    """
    Put a Deployment of one pod into a cluster, and the ScaledObject `old` that scales it.
    """
    await cluster.put("scaledobjects", scaled_object("old", target=AGENT))
    await cluster.put("deployments", target())
    await cluster.put("pods", pod("agent-1"))


async def test_one_that_came_while_nobody_looked_sees_the_target(cluster: FakeCluster, tmp_path: Path) -> None:
    """
    The old one went and the new one came while the cluster was away: 410, a new list, and what happens then is seen.
    """
    await staged(cluster)
    async with observed(cluster, tmp_path) as it:
        await until(lambda: it.pods("old") == {"agent-1": False})
        await cluster.stop()
        await cluster.delete("scaledobjects", "ai", "old")
        await cluster.put("scaledobjects", scaled_object("new", target=AGENT))
        cluster.forget()
        await cluster.start()
        await until(lambda: it.pods("new") == {"agent-1": False})
        await until(lambda: it.missing("old").startswith("there is no ScaledObject ai/old"))
        await cluster.put("pods", pod("agent-1", ready=0))
        await until(lambda: it.pods("new") == {"agent-1": True})


async def test_both_see_the_target_for_as_long_as_both_are_there(cluster: FakeCluster, tmp_path: Path) -> None:
    """
    The new one comes, the pod turns ready, the old one goes, another pod comes: each is seen by whoever is there.
    """
    await staged(cluster)
    async with observed(cluster, tmp_path) as it:
        await until(lambda: it.pods("old") == {"agent-1": False})
        await cluster.put("scaledobjects", scaled_object("new", target=AGENT))
        await until(lambda: it.pods("new") == it.pods("old") == {"agent-1": False})
        it.changed.clear()
        await cluster.put("pods", pod("agent-1", ready=0))
        await until(lambda: it.pods("new") == it.pods("old") == {"agent-1": True})
        assert sorted(it.changed) == [("ai", "new"), ("ai", "old")]
        await cluster.delete("scaledobjects", "ai", "old")
        await until(lambda: it.missing("old").startswith("there is no ScaledObject ai/old"))
        await cluster.put("pods", pod("agent-2"))
        await cluster.put("scaledobjects", scaled_object("new", target=AGENT, maxReplicaCount=3))
        await until(lambda: it.pods("new") == {"agent-1": True, "agent-2": False})
        await until(lambda: (seen := it.observer.observed("ai", "new")) is not None and seen.maximum == 3)


async def test_one_that_is_sent_elsewhere_takes_nothing_along(cluster: FakeCluster, tmp_path: Path) -> None:
    """
    The new one is given another target; the old one goes on seeing its own.
    """
    await staged(cluster)
    await cluster.put("deployments", target("other"))
    async with observed(cluster, tmp_path) as it:
        await cluster.put("scaledobjects", scaled_object("new", target=AGENT))
        await until(lambda: it.pods("new") == it.pods("old") == {"agent-1": False})
        await cluster.put("scaledobjects", scaled_object("new", target={"name": "other"}))
        await until(lambda: it.pods("new") == {})
        await cluster.put("pods", pod("agent-1", ready=0))
        await until(lambda: it.pods("old") == {"agent-1": True})
