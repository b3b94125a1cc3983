"""
DCGM through a real Prometheus: whose series they are once Prometheus has relabelled them, and how old they may be.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import pytest

from scaler.domain.pods import Fleet
from scaler.domain.readings import GpuUse
from scaler.sources.base import SourceError
from scaler.sources.prometheus import OLDEST_SAMPLE, PrometheusSource
from scaler.sources.questions import GpuFleet
from tests.servers.fixtures import StartPrometheus
from tests.servers.prometheus import MetricsPage, PrometheusServer, scraping
from tests.sources.dcgm_pages import GpuPage, uuid_of
from tests.sources.prometheus_world import ToldPrometheus, connection

QUESTION = GpuFleet("prom")
EXPORTER = {"namespace": "gpu-operator", "pod": "dcgm-exporter-x2x4z", "container": "exporter"}


async def fleet(server: PrometheusServer, **settings: object) -> Fleet:
    """
    Return the answer of a new source.
    """
    async with AsyncExitStack() as stack:
        source = PrometheusSource("prom", connection(server.url, **settings))
        stack.push_async_callback(source.aclose)
        answer = (await source.read([QUESTION]))[QUESTION]
    assert isinstance(answer, Fleet), answer
    return answer


def total(known: Fleet, workload: str = "agent") -> float | str | None:
    """
    Return what a workload's GPUs add up to, its trouble, or None.
    """
    use = known.of("ai", workload)
    return use.total if isinstance(use, GpuUse) else use


def with_target_labels(address: str, *, honor: bool, **labels: str) -> dict[str, Any]:
    """
    Return the configuration that an operator's ServiceMonitor becomes: the target has labels of its own.
    """
    configuration = scraping()
    job: dict[str, Any] = configuration["scrape_configs"][0]
    job["honor_labels"] = honor
    job["static_configs"] = [{"targets": [address], "labels": labels}]
    return configuration


@pytest.fixture
async def told(prometheus: PrometheusServer, metrics_page: MetricsPage) -> AsyncIterator[ToldPrometheus]:
    """
    Make a Prometheus that knows GPUs for as long as the test lasts.
    """
    told = ToldPrometheus(prometheus, metrics_page)
    yield told
    await told.tell("")


@pytest.mark.parametrize("honor", [False, True])
async def test_the_pods_label_is_found_out(
    start_prometheus: StartPrometheus, metrics_page: MetricsPage, *, honor: bool
) -> None:
    """
    Whether the ServiceMonitor honours the exporter's labels or not, pods have their GPUs and idle GPUs are nobody's.
    """
    server = start_prometheus(with_target_labels(metrics_page.address, honor=honor, **EXPORTER))
    page = GpuPage().gpu(0, "agent-0", util=80).gpu(1, "agent-1", util=30).gpu(2, None, util=99)
    await ToldPrometheus(server, metrics_page).tell(page.text)
    known = await fleet(server)
    assert total(known) == 110
    assert [use.pod for use in known.pods["ai"]] == ["agent-0", "agent-1"]


async def test_all_kinds_of_gpus_come_in_one_answer(told: ToldPrometheus) -> None:
    """
    Whole GPUs, MIG instances, shared GPUs and a blank one, as an exporter shows them, all at once.
    """
    page = GpuPage()
    page.gpu(0, "agent-0", util=90, engine=0.7)
    page.gpu(1, "mig-0", engine=0.5, instance=1).gpu(1, "mig-0", engine=0.25, instance=2)
    page.gpu(2, "shared-0", util=60, more='vgpu="0"').gpu(2, "shared-1", util=60, more='vgpu="1"')
    page.gpu(3, "blank-0", util=2147483634)
    await told.tell(page.text)
    known = await fleet(told.server)
    assert [total(known, name) for name in ("agent", "mig", "shared", "other")] == [90, 75, 60, None]
    trouble = total(known, "blank")
    assert isinstance(trouble, str)
    assert "is blank" in trouble


async def test_a_pod_that_ended_is_gone_at_the_next_scrape(told: ToldPrometheus) -> None:
    """
    No ghost of a pod is kept for Prometheus's five minutes.
    """
    await told.tell(GpuPage().gpu(0, "agent-0", util=90).gpu(1, "agent-1", util=90).text)
    assert total(await fleet(told.server)) == 180
    await told.tell(GpuPage().gpu(0, "agent-0", util=90).text)
    assert total(await fleet(told.server)) == 90


async def test_an_old_sample_is_neither_believed_nor_forgotten(
    start_prometheus: StartPrometheus, metrics_page: MetricsPage
) -> None:
    """
    A series whose writer is dead still shows its last value: its pod is in trouble, its neighbour is not.

    A fresh copy of the same GPU from another replica makes up for it.
    """
    server = start_prometheus(scraping(metrics_page.address))
    at = {age: f"{(time.time() - age) * 1000:.0f}" for age in (OLDEST_SAMPLE - 30, OLDEST_SAMPLE + 30)}
    young, old = at.values()
    page = GpuPage().gpu(0, "stale-0", util=0, at=old).gpu(1, "young-0", util=50, at=young)
    page.gpu(2, "pair-0", util=1, at=old, more='replica="a"').gpu(2, "pair-0", util=70, at=young, more='replica="b"')
    await ToldPrometheus(server, metrics_page).tell(page.text)
    known = await fleet(server)
    assert total(known, "young") == 50
    assert total(known, "pair") == 70
    trouble = total(known, "stale")
    assert trouble == f"GPU {uuid_of('gpu-node-1', 0)} of pod ai/stale-0: DCGM_FI_DEV_GPU_UTIL is out of date"


async def test_a_selector_leaves_other_clusters_out(told: ToldPrometheus) -> None:
    """
    What a central Prometheus knows of another cluster's pod of the same name does not count.
    """
    page = GpuPage().gpu(0, "agent-0", util=40, more='cluster="a"')
    other = GpuPage("other-node").gpu(0, "agent-0", util=50, more='cluster="b"')
    await told.tell(page.text + other.text)
    assert total(await fleet(told.server)) == 90
    assert total(await fleet(told.server, gpuSelector='cluster="a"')) == 40
    assert total(await fleet(told.server, gpuSelector='cluster="c"')) is None


async def test_a_selector_with_a_typo_is_trouble(prometheus: PrometheusServer) -> None:
    """
    The operator reads Prometheus's own words.
    """
    source = PrometheusSource("prom", connection(prometheus.url, gpuSelector='cluster="a'))
    answer = (await source.read([QUESTION]))[QUESTION]
    await source.aclose()
    assert isinstance(answer, SourceError)
    assert "the DCGM query: bad_data: " in str(answer)


async def test_the_probe_counts_pods(told: ToldPrometheus) -> None:
    """
    `check --probe` tells an operator whether DCGM's series are there at all.
    """
    page = GpuPage("probe-node").gpu(0, "agent-0", util=90).gpu(1, "agent-0", util=90).gpu(2, "agent-1", util=-1)
    await told.tell(page.text)
    source = PrometheusSource("prom", connection(told.server.url, gpuSelector='Hostname="probe-node"'))
    said = await source.probe()
    await source.aclose()
    assert said.endswith(", with DCGM series of 2 pods")
