"""
What an observer sees of a cluster, over a real socket, and what it says where it does not see.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from scaler.observer.fake import FakeCluster
from tests.observer.cluster import observed, pod, scaled_object, target, until
from tests.servers.certificates import issue


async def staged(cluster: FakeCluster) -> None:
    """
    Put a workload of two pods into a cluster, one of them ready.
    """
    await cluster.put("scaledobjects", scaled_object(minReplicaCount=0, maxReplicaCount=8))
    await cluster.put("deployments", target(replicas=2))
    await cluster.put("pods", pod("agent-1", ready=40))
    await cluster.put("pods", pod("agent-2", age=20))


class TestSeeing:
    """
    The workload as it is.
    """

    async def test_a_workload_is_seen_whole(self, cluster: FakeCluster, tmp_path: Path) -> None:
        """
        Replicas, pods with their times on the loop's clock, the oldest first, and the ScaledObject's bounds.
        """
        await staged(cluster)
        async with observed(cluster, tmp_path) as it:
            await until(lambda: it.pods() == {"agent-1": True, "agent-2": False})
            seen, now = it.observer.observed("ai", "agent"), asyncio.get_running_loop().time()
            assert seen is not None
            assert (seen.wanted, seen.ready, seen.minimum, seen.maximum, seen.cooldown) == (2, 1, 0, 8, 60)
            first, second = seen.replicas
            assert now - first.created == pytest.approx(100, abs=2)
            assert now - (first.ready_at or 0) == pytest.approx(40, abs=2)
            assert now - second.created == pytest.approx(20, abs=2)
            assert it.missing() == ""

    async def test_what_happens_is_seen_and_told(self, cluster: FakeCluster, tmp_path: Path) -> None:
        """
        A pod turns ready, one goes, one ends, another comes, the replicas are changed: each is told once it is seen.
        """
        await staged(cluster)
        async with observed(cluster, tmp_path) as it:
            await until(lambda: it.pods() == {"agent-1": True, "agent-2": False})
            it.changed.clear()
            await cluster.put("pods", pod("agent-2", age=20, ready=0))
            await until(lambda: it.pods() == {"agent-1": True, "agent-2": True})
            await cluster.put("pods", pod("agent-1", ready=40, deletionTimestamp="2026-01-01T00:00:00Z"))
            await until(lambda: it.pods() == {"agent-2": True})
            ended = pod("agent-2", age=20)
            ended["status"]["phase"] = "Failed"
            await cluster.put("pods", ended)
            await until(lambda: it.pods() == {})
            await cluster.put("pods", pod("agent-3", age=0))
            await until(lambda: it.pods() == {"agent-3": False})
            await cluster.put("deployments", target(replicas=5))
            await until(lambda: (seen := it.observer.observed("ai", "agent")) is not None and seen.wanted == 5)
            assert it.changed == [("ai", "agent")] * 5

    async def test_other_workloads_pods_are_not_taken_for_its_own(self, cluster: FakeCluster, tmp_path: Path) -> None:
        """
        By their owners, whatever their names: a Deployment of a longer name, a StatefulSet of the same one, a Job.
        """
        await staged(cluster)
        await cluster.put("pods", pod("agent-big-1", of="agent-big", ready=9))
        await cluster.put("pods", pod("agent-0", ordinal=True, ready=9))
        await cluster.put(
            "pods", pod("agent-job", ownerReferences=[{"kind": "Job", "name": "agent", "controller": True}])
        )
        await cluster.put("pods", pod("agent-alone", ownerReferences=[]))
        async with observed(cluster, tmp_path) as it:
            await until(lambda: it.pods() == {"agent-1": True, "agent-2": False})

    async def test_a_stateful_sets_pods_are_seen(self, cluster: FakeCluster, tmp_path: Path) -> None:
        """
        Its pods name it themselves.
        """
        await cluster.put("scaledobjects", scaled_object(target={"name": "agent", "kind": "StatefulSet"}))
        await cluster.put("statefulsets", target())
        await cluster.put("pods", pod("agent-0", ordinal=True, ready=9))
        async with observed(cluster, tmp_path) as it:
            await until(lambda: it.pods() == {"agent-0": True})

    async def test_a_scaled_object_that_comes_later_finds_its_pods(self, cluster: FakeCluster, tmp_path: Path) -> None:
        """
        Deployment and pods were there before anybody wanted to know of them; then it scales another target.
        """
        async with observed(cluster, tmp_path) as it:
            await until(lambda: it.missing().startswith("there is no ScaledObject ai/agent"))
            await cluster.put("deployments", target())
            await cluster.put("pods", pod("agent-1", ready=9))
            await cluster.put("deployments", target("other"))
            await cluster.put("pods", pod("other-1", of="other"))
            await until(lambda: sum("pods?watch" in each for each in cluster.requests) >= 1)
            await cluster.put("scaledobjects", scaled_object())
            await until(lambda: it.pods() == {"agent-1": True})
            await cluster.put("scaledobjects", scaled_object(target={"name": "other"}))
            await until(lambda: it.pods() == {"other-1": False})

    async def test_nothing_is_asked_twice_for_nothing(self, cluster: FakeCluster, tmp_path: Path) -> None:
        """
        Lists come in pages, once; after that there are watches alone, each from where the last one ended.
        """
        await staged(cluster)
        for number in range(4):
            await cluster.put("pods", pod(f"agent-{number}"))
        async with observed(cluster, tmp_path) as it:
            await until(lambda: len(it.pods() or {}) == 4)
            await until(lambda: sum("/pods?watch" in each for each in cluster.requests) >= 3)
            lists = [each for each in cluster.requests if "/pods?limit" in each]
            assert len(lists) == 2
            assert all("allowWatchBookmarks=true" in each for each in cluster.requests if "watch=true" in each)

    async def test_with_an_idle_count_the_minimum_does_not_hold(self, cluster: FakeCluster, tmp_path: Path) -> None:
        """
        KEDA goes below it then.
        """
        await cluster.put("scaledobjects", scaled_object(minReplicaCount=2, idleReplicaCount=0))
        await cluster.put("deployments", target())
        async with observed(cluster, tmp_path) as it:
            await until(lambda: it.pods() == {})
            seen = it.observer.observed("ai", "agent")
            assert seen is not None
            assert seen.minimum is None

    async def test_a_cluster_is_trusted_by_its_authority_alone(self, secure: FakeCluster, tmp_path: Path) -> None:
        """
        By TLS it is seen as without; by another authority's word it is not, and that is said.
        """
        await staged(secure)
        async with observed(secure, tmp_path) as it:
            await until(lambda: it.pods() == {"agent-1": True, "agent-2": False})
        issue(tmp_path / "certificates")
        async with observed(secure, tmp_path) as it:
            await until(lambda: "certificate verify failed" in it.missing())
            assert it.pods() is None


class TestNamespaces:
    """
    Named namespaces, and no others.
    """

    async def test_only_those_named_are_asked_about(self, cluster: FakeCluster, tmp_path: Path) -> None:
        """
        Each request names one of them; of another namespace it is said that it is not watched.
        """
        await staged(cluster)
        await cluster.put("scaledobjects", scaled_object("elsewhere", "other"))
        async with observed(cluster, tmp_path, namespaces=("ai", "lab")) as it:
            await until(lambda: it.pods() == {"agent-1": True, "agent-2": False})
            assert all("/namespaces/ai/" in each or "/namespaces/lab/" in each for each in cluster.requests)
            assert it.missing("elsewhere", "other") == ("namespace other is not among those that are watched (ai, lab)")


class TestNotSeeing:
    """
    Where it does not see, it shows nothing, says why, and sees again by itself.
    """

    async def test_a_short_break_is_not_noticed(self, cluster: FakeCluster, tmp_path: Path) -> None:
        """
        All watches break: what was seen stands, what happened meanwhile is seen.
        """
        await staged(cluster)
        async with observed(cluster, tmp_path) as it:
            await until(lambda: it.pods() == {"agent-1": True, "agent-2": False})
            lists = sum("/pods?limit" in each for each in cluster.requests)
            cluster.drop()
            await cluster.delete("pods", "ai", "agent-1")
            await until(lambda: it.pods() == {"agent-2": False})
            assert sum("/pods?limit" in each for each in cluster.requests) == lists

    async def test_an_api_server_that_is_gone_shows_nothing(self, cluster: FakeCluster, tmp_path: Path) -> None:
        """
        After its freshness, and says so; back, all is seen again, what happened meanwhile too.
        """
        await staged(cluster)
        async with observed(cluster, tmp_path) as it:
            await until(lambda: it.pods() is not None)
            await cluster.stop()
            await until(lambda: it.pods() is None)
            assert "cluster does not answer" in it.missing() or "broke off" in it.missing()
            await cluster.put("pods", pod("agent-3"))
            await cluster.start()
            await until(lambda: it.pods() == {"agent-1": True, "agent-2": False, "agent-3": False})
            assert it.missing() == ""

    async def test_one_that_hangs_shows_nothing(self, cluster: FakeCluster, tmp_path: Path) -> None:
        """
        Connections that stay open in silence are not believed.
        """
        await staged(cluster)
        async with observed(cluster, tmp_path) as it:
            await until(lambda: it.pods() is not None)
            cluster.hang()
            await until(lambda: it.pods() is None)
            cluster.resume()
            await until(lambda: it.pods() == {"agent-1": True, "agent-2": False})

    async def test_a_version_that_is_too_old_is_listed_anew(self, cluster: FakeCluster, tmp_path: Path) -> None:
        """
        It was away while a pod and a ScaledObject went, and nobody knows of that any more: 410, and a new list.
        """
        await staged(cluster)
        await cluster.put("scaledobjects", scaled_object("other"))
        await cluster.put("deployments", target("other"))
        async with observed(cluster, tmp_path) as it:
            await until(lambda: it.pods() is not None and it.pods("other") == {})
            await cluster.stop()
            await cluster.delete("pods", "ai", "agent-2")
            await cluster.delete("scaledobjects", "ai", "other")
            await cluster.put("deployments", target(replicas=7))
            cluster.forget()
            await cluster.start()
            await until(lambda: it.pods() == {"agent-1": True})
            await until(lambda: it.missing("other").startswith("there is no ScaledObject ai/other"))
            await until(lambda: (seen := it.observer.observed("ai", "agent")) is not None and seen.wanted == 7)

    @pytest.mark.parametrize("plural", ["scaledobjects", "deployments", "pods"])
    async def test_without_the_right_it_says_which(self, plural: str, cluster: FakeCluster, tmp_path: Path) -> None:
        """
        Nothing is shown, the kind is named; granted, it is seen without a restart.
        """
        await staged(cluster)
        cluster.forbid(plural)
        async with observed(cluster, tmp_path) as it:
            await until(lambda: it.missing().startswith(f"it may not list {plural}: {plural} is forbidden"))
            assert it.pods() is None
            cluster.forbid()
            await until(lambda: it.pods() == {"agent-1": True, "agent-2": False})

    async def test_a_right_that_is_taken_away_shows_nothing(self, cluster: FakeCluster, tmp_path: Path) -> None:
        """
        What may not be seen any more is not shown for long.
        """
        await staged(cluster)
        async with observed(cluster, tmp_path) as it:
            await until(lambda: it.pods() is not None)
            cluster.forbid("pods")
            cluster.drop()
            await until(lambda: it.pods() is None)

    async def test_what_is_not_there_is_named(self, cluster: FakeCluster, tmp_path: Path) -> None:
        """
        A target that does not exist, one of a kind that is not watched, a ScaledObject that calls no scaler.
        """
        await cluster.put("scaledobjects", scaled_object())
        await cluster.put("scaledobjects", scaled_object("roll", target={"name": "roll", "kind": "Rollout"}))
        await cluster.put("scaledobjects", scaled_object("cron", triggers=[{"type": "cron"}]))
        async with observed(cluster, tmp_path) as it:
            await until(lambda: it.missing() == "there is no Deployment ai/agent")
            assert it.missing("roll") == "its scale target is a Rollout; Deployments and StatefulSets are watched"
            assert it.missing("cron").startswith("there is no ScaledObject ai/cron with a trigger")
            assert {it.pods(name) for name in ("agent", "roll", "cron")} == {None}
