"""
Deletion costs: that idle pods go first, and that nothing is written for nothing.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from scaler.domain.decision import Decision, Phase, Reason, Verdict, Want
from scaler.domain.observed import Observed, Replica
from scaler.domain.readings import GpuUse, Known, PodUse, Signal
from scaler.observer.costs import wanted_costs
from scaler.observer.fake import FakeCluster
from scaler.observer.picture import COST
from tests.observer.cluster import observed, pod, scaled_object, target, until

SEEN = Observed(3, tuple(Replica(f"agent-{number}", 0.0, 1.0) for number in range(3)))


def decision(replicas: int, **percents: float) -> Decision:
    """
    Return a decision for so many replicas, with the GPUs of some pods.
    """
    uses = tuple(PodUse(name.replace("_", "-"), percent) for name, percent in percents.items())
    wants = (Want(Signal.GPU, Known(GpuUse(uses), 0.0), 80.0, 1.0),) if uses else ()
    verdict = Verdict.ACTIVE if replicas else Verdict.INACTIVE
    return Decision(verdict, replicas, Phase.ACTIVE, Reason.DEMAND, "a sentence", wants, 0.0, 0.0, None)


@pytest.mark.parametrize(
    ("replicas", "costs", "wanted"),
    [
        pytest.param(1, {}, {"agent-1": "100"}, id="who works costs something"),
        pytest.param(1, {"agent-1": "100"}, {}, id="who has it already is left alone"),
        pytest.param(1, {"agent-0": "100"}, {"agent-0": "0", "agent-1": "100"}, id="who works no more costs nothing"),
        pytest.param(3, {"agent-0": "100"}, {}, id="nobody is to go"),
        pytest.param(4, {}, {}, id="one is to come"),
        pytest.param(0, {}, {}, id="everybody is to go"),
    ],
)
def test_only_what_changes_is_written(replicas: int, costs: dict[str, str | None], wanted: dict[str, str]) -> None:
    """
    And only while some, and not all, are to go.
    """
    assert wanted_costs(decision(replicas, agent_0=1, agent_1=90, agent_2=5), SEEN, costs) == wanted


def test_without_readings_nobody_is_told_apart() -> None:
    """
    What is not known costs nothing.
    """
    assert wanted_costs(decision(1), SEEN, {}) == {}


async def test_they_are_written_to_the_pods(cluster: FakeCluster, tmp_path: Path) -> None:
    """
    Once, and not again while nothing changes.
    """
    await cluster.put("scaledobjects", scaled_object())
    await cluster.put("deployments", target(replicas=3))
    for number in range(3):
        await cluster.put("pods", pod(f"agent-{number}", ready=9))
    async with observed(cluster, tmp_path, deletion_cost=True) as it:
        await until(lambda: len(it.pods() or {}) == 3)
        it.observer.decided("ai", "agent", None, decision(1, agent_0=0, agent_1=95, agent_2=0))
        await until(lambda: COST in cluster.find("pods", "ai", "agent-1")["metadata"].get("annotations", {}))
        await cluster.delete("pods", "ai", "agent-2")  # what is seen after that, is seen after the cost
        await until(lambda: len(it.pods() or {}) == 2)
        it.observer.decided("ai", "agent", None, decision(1, agent_0=95, agent_1=95))
        await until(lambda: COST in cluster.find("pods", "ai", "agent-0")["metadata"].get("annotations", {}))
        written = [each for each in cluster.requests if each.startswith("PATCH")]
        assert [each.rsplit("/", 1)[1] for each in written] == ["agent-1", "agent-0"]
        assert cluster.find("pods", "ai", "agent-1")["metadata"]["annotations"] == {COST: "100"}


async def test_they_are_off_by_default(cluster: FakeCluster, tmp_path: Path) -> None:
    """
    An observer that was not told so writes nothing at all.
    """
    await cluster.put("scaledobjects", scaled_object(cooldownPeriod=1))
    await cluster.put("deployments", target(replicas=2))
    for number in range(2):
        await cluster.put("pods", pod(f"agent-{number}", ready=9))
    async with observed(cluster, tmp_path) as it:
        await until(lambda: len(it.pods() or {}) == 2)
        it.observer.decided("ai", "agent", None, decision(1, agent_0=95))
        await until(lambda: sum("pods?watch" in each for each in cluster.requests) >= 3)
        assert [each for each in cluster.requests if not each.startswith("GET")] == []
