"""
The metrics pages: the exporters' format, read back with Prometheus' own parser.
"""

from __future__ import annotations

import aiohttp
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from scaler.demo.agents import Deployment, Stage
from scaler.demo.jobs import Job, JobQueue
from scaler.demo.pages import GPU_PAGE, REQUEST_PAGE, serve_pages
from tests.demo.staged import eventually


async def read(url: str) -> list[Sample]:
    """
    Return every sample of a page.
    """
    async with aiohttp.ClientSession() as session, session.get(url) as response:
        assert response.content_type == "text/plain"
        text = await response.text()
    return [sample for family in text_string_to_metric_families(text) for sample in family.samples]


async def test_without_agents_the_pages_are_there_and_empty(queue: JobQueue) -> None:
    """
    An exporter without pods answers; it has no series.
    """
    async with Deployment(queue, 0.01) as deployment, serve_pages(lambda: deployment.agents) as pages:
        assert await read(pages + GPU_PAGE) == []
        assert await read(pages + REQUEST_PAGE) == []


async def test_gpus_look_as_dcgm_exporter_shows_them(queue: JobQueue) -> None:
    """
    One series a GPU, with the exporter's labels, those of the pod among them.
    """
    async with Deployment(queue, 0.01) as deployment, serve_pages(lambda: deployment.agents) as pages:
        await queue.push([Job("one", 3600.0)])
        deployment.scale_to(2)
        await eventually(lambda: Stage.WORKING in [agent.stage for agent in deployment.agents])
        samples = await read(pages + GPU_PAGE)
        pods = {agent.pod for agent in deployment.agents}
    assert {sample.name for sample in samples} == {"DCGM_FI_DEV_GPU_UTIL"}
    labels = {"gpu", "UUID", "device", "modelName", "Hostname", "container", "namespace", "pod"}
    assert [set(sample.labels) for sample in samples] == [labels, labels]
    assert {sample.labels["pod"] for sample in samples} == pods
    idle, busy = sorted(sample.value for sample in samples)
    assert idle == 0
    assert 50 < busy <= 100


async def test_requests_are_counted(queue: JobQueue) -> None:
    """
    Every agent's own counter, one more for every job.
    """
    async with Deployment(queue, 0.01) as deployment, serve_pages(lambda: deployment.agents) as pages:
        await queue.push([Job("one", 0.01), Job("two", 0.01)])
        deployment.scale_to(1)
        agent = deployment.agents[0]
        await eventually(lambda: agent.requests == 2)
        samples = await read(pages + REQUEST_PAGE)
    (sample,) = (sample for sample in samples if sample.name == "agent_requests_total")
    assert sample.value == 2
    assert sample.labels == {"namespace": "ai", "pod": agent.pod}
