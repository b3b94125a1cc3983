"""
What an observer says of what it has not seen yet, and that it tells as soon as nothing more is to come.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from scaler.observer.fake import FakeCluster
from tests.observer.cluster import observed, pod, scaled_object, target, until


async def staged(cluster: FakeCluster) -> None:
    """
    Put a workload of one pod into a cluster, and one whose target is of a kind that is not watched.
    """
    await cluster.put("scaledobjects", scaled_object())
    await cluster.put("scaledobjects", scaled_object("roll", target={"name": "roll", "kind": "Rollout"}))
    await cluster.put("deployments", target())
    await cluster.put("pods", pod("agent-1"))


async def test_until_all_is_listed_it_may_come(cluster: FakeCluster, tmp_path: Path) -> None:
    """
    The cluster is slow: of any ScaledObject it is said what is not in yet. Then each that was asked about is told of.
    """
    await staged(cluster)
    cluster.hang()
    async with observed(cluster, tmp_path) as it:
        for name in ("agent", "roll", "nobody"):
            assert it.observer.pending("ai", name) == "its scaledobjects were not listed yet"
        told = list[tuple[str, dict[str, bool] | None, str]]()
        it.observer.listen(lambda _, name: told.append((name, it.pods(name), it.observer.pending("ai", name))))
        cluster.resume()
        at_last = [("agent", {"agent-1": False}, ""), ("roll", None, ""), ("nobody", None, "")]
        await until(lambda: all(each in told for each in at_last))
        assert it.pods() == {"agent-1": False}


async def test_a_target_that_is_named_later_is_read_first(cluster: FakeCluster, tmp_path: Path) -> None:
    """
    Its pods were there before anybody asked: they are being looked for, and once they are found that is told.
    """
    async with observed(cluster, tmp_path) as it:
        await until(lambda: it.missing().startswith("there is no ScaledObject"))
        await until(lambda: sum("watch=true" in each for each in cluster.requests) >= 4)
        assert it.observer.pending("ai", "agent") == ""
        said = list[str]()
        it.observer.listen(lambda namespace, name: said.append(it.observer.pending(namespace, name)))
        await cluster.put("deployments", target())
        await cluster.put("scaledobjects", scaled_object())
        await until(lambda: it.pods() == {})
        await until(lambda: said[-1:] == [""])
        assert said[0] == "its pods are being looked for"


async def test_an_api_server_that_is_gone_may_come_back(cluster: FakeCluster, tmp_path: Path) -> None:
    """
    It has not answered yet, and that is said; once everything was seen, nothing is pending if it goes again.
    """
    await staged(cluster)
    await cluster.stop()
    async with observed(cluster, tmp_path) as it:
        await until(lambda: "does not answer" in it.observer.pending("ai", "agent"))
        await cluster.start()
        await until(lambda: ("ai", "agent") in it.changed and it.pods() == {"agent-1": False})
        await cluster.stop()
        await until(lambda: it.pods() is None)
        assert it.observer.pending("ai", "agent") == ""


@pytest.mark.parametrize("plural", ["scaledobjects", "deployments", "pods"])
async def test_what_is_refused_is_not_waited_for(plural: str, cluster: FakeCluster, tmp_path: Path) -> None:
    """
    Whichever right is missing: nothing is pending as soon as that is known, which is told.
    """
    await staged(cluster)
    cluster.forbid(plural)
    cluster.hang()
    async with observed(cluster, tmp_path) as it:
        assert it.observer.pending("ai", "agent") == "its scaledobjects were not listed yet"
        cluster.resume()
        await until(lambda: it.missing().startswith(f"it may not list {plural}"))
        await until(lambda: ("ai", "agent") in it.changed and it.observer.pending("ai", "agent") == "")
        assert it.pods() is None


async def test_what_nobody_watches_is_not_waited_for(cluster: FakeCluster, tmp_path: Path) -> None:
    """
    Another namespace, from the beginning on.
    """
    cluster.hang()
    async with observed(cluster, tmp_path, namespaces=("lab",)) as it:
        assert it.observer.pending("ai", "agent") == ""
        assert it.observer.pending("lab", "agent") == "its scaledobjects were not listed yet"
