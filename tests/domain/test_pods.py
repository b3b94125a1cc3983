"""
Pods: whose they are, and what their GPUs add up to.
"""

from __future__ import annotations

import pytest

from scaler.domain.pods import ANY_POD, Fleet, belongs
from scaler.domain.readings import GpuUse, PodUse

_LONG = "a-name-of-a-deployment-that-is-as-long-as-people-make-them"  # 58 characters
assert len(_LONG) == 58


@pytest.mark.parametrize(
    ("pod", "workload", "expected"),
    [
        pytest.param("agent-7c9d8b6f5-x2x4z", "agent", True, id="deployment"),
        pytest.param("agent-0", "agent", True, id="statefulset"),
        pytest.param("agent-12", "agent", True, id="statefulset-of-many"),
        pytest.param("agent-x2x4z", "agent", True, id="replicaset"),
        pytest.param("agent-big-7c9d8b6f5-x2x4z", "agent", False, id="longer-name"),
        pytest.param("agent-big-7c9d8b6f5-x2x4z", "agent-big", True, id="own-longer-name"),
        pytest.param("agent-big-0", "agent", False, id="statefulset-with-longer-name"),
        pytest.param("agent-v2-x2x4z", "agent", False, id="job-with-a-short-suffix"),
        pytest.param("agent", "agent", False, id="bare-name"),
        pytest.param("agents-0", "agent", False, id="prefix-without-dash"),
        pytest.param("my-agent-0", "agent", False, id="suffix"),
        pytest.param("agent-7c9d8b6f5-aeiou", "agent", False, id="not-kubernetes-alphabet"),
        pytest.param("agent-", "agent", False, id="nothing-behind-the-dash"),
        pytest.param("", "agent", False, id="empty"),
        pytest.param(f"{_LONG}x2x4z", _LONG, True, id="hash-cut-off-whole"),
        pytest.param(f"{_LONG[:50]}-7c9d8b6x2x4z", _LONG[:50], True, id="hash-cut-in-the-middle"),
        pytest.param(f"{_LONG}x2x4z", "a-name", False, id="cut-name-of-another"),
    ],
)
def test_a_pod_belongs_to_the_workload_that_named_it(pod: str, workload: str, *, expected: bool) -> None:
    """
    Names as Deployments, ReplicaSets and StatefulSets give them are recognised, and no others.
    """
    assert belongs(pod, workload) is expected


def test_a_fleet_gives_each_workload_its_own_pods() -> None:
    """
    Namespace and name both count; a workload without pods has no use.
    """
    fleet = Fleet({"ai": (PodUse("agent-0", 50.0), PodUse("other-0", 60.0)), "lab": (PodUse("agent-0", 70.0),)})
    assert fleet.of("ai", "agent") == GpuUse((PodUse("agent-0", 50.0),))
    assert fleet.of("lab", "agent") == GpuUse((PodUse("agent-0", 70.0),))
    assert fleet.of("lab", "other") is None
    assert fleet.of("elsewhere", "agent") is None


def test_a_fleet_knows_pods_whose_names_were_cut() -> None:
    """
    A name of 58 characters leaves no room for what would tell it from its prefix; it is found all the same.
    """
    fleet = Fleet({"ai": (PodUse(f"{_LONG}x2x4z", 50.0), PodUse("a-0", 60.0), PodUse("b-0", 70.0))})
    assert fleet.of("ai", _LONG) == GpuUse((PodUse(f"{_LONG}x2x4z", 50.0),))
    assert fleet.of("ai", "a") == GpuUse((PodUse("a-0", 60.0),))


def test_trouble_with_one_pod_is_its_workloads_trouble_alone() -> None:
    """
    A workload with one pod in trouble is unknown, whatever its other pods say; its neighbours are not touched.
    """
    uses = (PodUse("agent-0", 50.0), PodUse("other-0", 60.0))
    fleet = Fleet({"ai": uses}, {("ai", "agent-1"): "no value"})
    assert fleet.of("ai", "agent") == "no value"
    assert isinstance(fleet.of("ai", "other"), GpuUse)
    assert fleet.of("lab", "agent") is None
    assert set(fleet.names) == {("ai", "agent-0"), ("ai", "agent-1"), ("ai", "other-0")}


def test_a_node_of_one_workload_counts_for_whoever_asks() -> None:
    """
    What cannot be told apart (NVML on a node) belongs to every workload that uses the connection; so does its trouble.
    """
    assert Fleet({ANY_POD: (PodUse(ANY_POD, 40.0),)}).of("ai", "agent") == GpuUse((PodUse(ANY_POD, 40.0),))
    assert Fleet({}, {(ANY_POD, ANY_POD): "driver gone"}).of("ai", "agent") == "driver gone"


def test_pods_with_gpus_of_their_own_add_up() -> None:
    """
    Different GPUs, and GPUs of which nothing is known, are summed.
    """
    use = GpuUse((PodUse("a-0", 95.0, "GPU-1"), PodUse("a-1", 95.0, "GPU-2"), PodUse("a-2", 95.0), PodUse("a-3", 95.0)))
    assert use.total == 380
    assert use.highest == 95


def test_a_shared_gpu_counts_once() -> None:
    """
    Time-slicing gives each pod the whole GPU's value: the workload has used that GPU once, at the highest value seen.
    """
    shared = (PodUse("a-0", 80.0, "GPU-1"), PodUse("a-1", 81.0, "GPU-1"))
    assert GpuUse(shared).total == GpuUse(shared[::-1]).total == 81
    assert GpuUse((*shared, PodUse("a-1", 10.0, "GPU-2"))).total == 91


def test_the_busiest_gpu_is_one_gpu() -> None:
    """
    Eight GPUs that tick over at 2 % do not look like one at 16 %.
    """
    use = GpuUse(tuple(PodUse("a-0", 2.0, f"GPU-{n}") for n in range(8)))
    assert use.highest == 2
    assert use.total == 16
