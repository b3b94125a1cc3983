"""
DCGM: what the exporter's series mean. Pages are written as the exporter writes them and read by the library's parser.
"""

from __future__ import annotations

import pytest
from prometheus_client.parser import text_string_to_metric_families

from scaler.domain.pods import Fleet
from scaler.domain.readings import GpuUse
from scaler.sources.dcgm import METRICS, OUT_OF_DATE, UTILISATION, fleet_of
from scaler.sources.series import Series
from tests.sources.dcgm_pages import GpuPage, uuid_of


def read(*pages: GpuPage) -> Fleet:
    """
    Return what some pages mean.
    """
    families = (family for page in pages for family in text_string_to_metric_families(page.text))
    samples = (sample for family in families for sample in family.samples)
    return fleet_of(Series(one.name, one.labels, one.value) for one in samples if one.name in METRICS)


def total(fleet: Fleet, workload: str = "agent", namespace: str = "ai") -> float | str | None:
    """
    Return what a workload's GPUs add up to, its trouble, or None.
    """
    use = fleet.of(namespace, workload)
    return round(use.total, 6) if isinstance(use, GpuUse) else use


def test_each_pod_has_its_gpus() -> None:
    """
    A pod's GPUs are told apart, a GPU without a pod is nobody's, and other metrics are not mistaken for utilisation.
    """
    page = (
        GpuPage().gpu(0, "agent-0", util=95).gpu(1, "agent-0", util=90).gpu(2, "other-0", util=50).gpu(3, None, util=0)
    )
    fleet = read(page)
    use = fleet.of("ai", "agent")
    assert isinstance(use, GpuUse)
    assert [(one.pod, one.percent, one.device) for one in use.pods] == [
        ("agent-0", 95, uuid_of("gpu-node-1", 0)),
        ("agent-0", 90, uuid_of("gpu-node-1", 1)),
    ]
    assert total(fleet, "other") == 50
    assert sum(len(uses) for uses in fleet.pods.values()) == 3


def test_a_page_of_idle_gpus_is_a_fleet_of_nobody() -> None:
    """
    No pod, no use and no trouble, whether the exporter leaves the labels out or empty.
    """
    page = GpuPage().gpu(0, None, util=0).gpu(1, "", util=0, namespace="")
    assert read(page) == Fleet()


def test_the_namespace_counts() -> None:
    """
    Two pods of one name in two namespaces are two pods.
    """
    page = GpuPage().gpu(0, "agent-0", util=10).gpu(1, "agent-0", util=20, namespace="lab")
    assert total(read(page)) == 10
    assert total(read(page), namespace="lab") == 20


def test_under_the_default_service_monitor_the_pod_is_exported() -> None:
    """
    `exported_pod` names the workload's pod; `pod` beside it is the exporter's own, and on an idle GPU stands alone.
    """
    labels = {"UUID": "GPU-1", "namespace": "gpu-operator", "pod": "dcgm-exporter-x2x4z"}
    owned = Series(UTILISATION, {**labels, "exported_namespace": "ai", "exported_pod": "agent-0"}, 70)
    idle = Series(UTILISATION, {**labels, "UUID": "GPU-2"}, 99)
    fleet = fleet_of([owned, idle])
    assert total(fleet) == 70
    assert fleet.of("gpu-operator", "agent") is None


def test_labels_are_found_out_one_by_one() -> None:
    """
    A target that has a namespace and no pod (annotations on a Service) renames the one label and leaves the other.
    """
    labels = {"UUID": "GPU-1", "namespace": "gpu-operator", "exported_namespace": "ai", "pod": "agent-0"}
    assert total(fleet_of([Series(UTILISATION, labels, 70)])) == 70


def test_the_whole_gpus_own_metric_is_preferred_and_counted_once() -> None:
    """
    A GPU with both metrics counts once, by its utilisation; with the ratio alone, by that.
    """
    assert total(read(GpuPage().gpu(0, "agent-0", util=60, engine=0.9))) == 60
    assert total(read(GpuPage().gpu(0, "agent-0", engine=0.255))) == 25.5


def test_a_mig_instance_counts_by_its_ratio() -> None:
    """
    Instances of one GPU are devices of their own; one pod may have several.
    """
    page = GpuPage().gpu(0, "agent-0", engine=0.5, instance=1).gpu(0, "agent-0", engine=0.25, instance=2)
    page.gpu(0, "other-0", engine=1.0, instance=3)
    assert total(read(page)) == 75
    assert total(read(page), "other") == 100


def test_a_mig_instance_without_its_ratio_is_trouble() -> None:
    """
    The sentence says which metric the exporter must collect; the whole GPU's utilisation is not taken for it.
    """
    trouble = total(read(GpuPage().gpu(0, "agent-0", util=0, instance=1)))
    assert isinstance(trouble, str)
    assert "let the exporter collect DCGM_FI_PROF_GR_ENGINE_ACTIVE" in trouble


def test_time_slicing_counts_a_gpu_once_for_each_workload() -> None:
    """
    Two pods of one workload have used the GPU that they share once.

    Another workload on it sees it at the same value, which is all that DCGM tells. Two slices in one pod are one GPU.
    """
    page = GpuPage()
    for vgpu, pod in enumerate(("agent-0", "agent-1", "other-0", "other-0")):
        page.gpu(0, pod, util=71, more=f'vgpu="{vgpu}"')
    fleet = read(page)
    assert total(fleet) == 71
    assert total(fleet, "other") == 71


def test_a_gpu_seen_by_two_scrapers_counts_once() -> None:
    """
    Two Prometheus replicas, or two exporters on a node, know the same GPU: the higher value stands.
    """
    first = GpuPage().gpu(0, "agent-0", util=40, more='prometheus_replica="a"')
    second = GpuPage().gpu(0, "agent-0", util=42, more='prometheus_replica="b"')
    use = read(first, second).of("ai", "agent")
    assert isinstance(use, GpuUse)
    assert [one.percent for one in use.pods] == [42]


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(2147483632, id="int32-blank"),
        pytest.param(2147483634, id="int32-not-supported"),
        pytest.param(9223372036854775792, id="int64-blank"),
        pytest.param(9223372036854775795, id="int64-not-permitted"),
        pytest.param(140737488355328.0, id="float-blank"),
        pytest.param("NaN", id="nan"),
        pytest.param("+Inf", id="infinity"),
        pytest.param(-1, id="negative"),
        pytest.param(101, id="above-100"),
    ],
)
def test_a_value_that_is_no_percentage_is_its_pods_trouble(value: object) -> None:
    """
    Sentinels and numbers out of range are neither zero nor full: that pod is unknown, and its neighbour is not.
    """
    page = GpuPage().gpu(0, "agent-0", util=value).gpu(1, "agent-1", util=50).gpu(2, "other-0", util=30)
    trouble = total(read(page))
    assert isinstance(trouble, str)
    assert trouble.startswith(f"GPU {uuid_of('gpu-node-1', 0)} of pod ai/agent-0: DCGM_FI_DEV_GPU_UTIL is ")
    assert total(read(page), "other") == 30


def test_a_ratio_may_be_a_hair_above_one_and_no_more() -> None:
    """
    The ratio is measured: 1.004 is a full GPU; 40 is a percentage where a ratio belongs.
    """
    assert total(read(GpuPage().gpu(0, "agent-0", engine=1.004))) == 100
    trouble = total(read(GpuPage().gpu(0, "agent-0", engine=40)))
    assert isinstance(trouble, str)
    assert "should be at most 1" in trouble


def test_a_good_metric_makes_up_for_a_blank_one() -> None:
    """
    What one metric cannot say, the other may; a good copy of a series outweighs a bad one.
    """
    assert total(read(GpuPage().gpu(0, "agent-0", util=2147483632, engine=0.5))) == 50
    page = GpuPage().gpu(0, "agent-0", util=30, more='replica="a"').gpu(0, "agent-0", util=-1, more='replica="b"')
    assert total(read(page)) == 30


def test_a_value_out_of_date_is_trouble() -> None:
    """
    What stands for a sample that is too old is told in words.
    """
    labels = {"UUID": "GPU-1", "namespace": "ai", "pod": "agent-0"}
    fleet = fleet_of([Series(UTILISATION, labels, OUT_OF_DATE)])
    assert total(fleet) == "GPU GPU-1 of pod ai/agent-0: DCGM_FI_DEV_GPU_UTIL is out of date"


def test_gpus_without_uuid_are_told_apart_by_node_and_number() -> None:
    """
    Where the identity was dropped from the series, two GPUs are still two.
    """
    labels = {"Hostname": "n1", "namespace": "ai", "pod": "agent-0"}
    series = [Series(UTILISATION, {**labels, "gpu": str(number)}, 40) for number in (0, 1)]
    assert total(fleet_of(series)) == 80
