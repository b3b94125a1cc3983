"""
The metrics pages of the embedded world, in the exporters' own text format: GPUs as dcgm-exporter has them, requests.
"""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager

from aiohttp import web
from prometheus_client import Metric
from prometheus_client.aiohttp import make_aiohttp_handler
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from scaler.demo.agents import Agent

NAMESPACE = "ai"
GPU_PAGE = "/gpus"
REQUEST_PAGE = "/requests"
REQUESTS = "agent_requests_total"
_GPU_LABELS = ("gpu", "UUID", "device", "modelName", "Hostname", "container", "namespace", "pod")
_HOST = "127.0.0.1"

Agents = Callable[[], Sequence[Agent]]


class _GpuCollector(Collector):
    """
    What dcgm-exporter says of every GPU that a pod has.
    """

    def __init__(self, agents: Agents) -> None:
        self._agents = agents

    def collect(self) -> Iterable[Metric]:
        """
        Yield the one family that the scaler asks for.
        """
        family = GaugeMetricFamily("DCGM_FI_DEV_GPU_UTIL", "GPU utilization (in %).", labels=_GPU_LABELS)
        for agent in self._agents():
            family.add_metric(_gpu_labels(agent), agent.gpu_percent)
        yield family


class _RequestCollector(Collector):
    """
    What the agents count themselves.
    """

    def __init__(self, agents: Agents) -> None:
        self._agents = agents

    def collect(self) -> Iterable[Metric]:
        """
        Yield the request counter of every agent.
        """
        family = CounterMetricFamily(REQUESTS, "Jobs served.", labels=("namespace", "pod"))
        for agent in self._agents():
            family.add_metric((NAMESPACE, agent.pod), agent.requests)
        yield family


def _gpu_labels(agent: Agent) -> tuple[str, ...]:
    identity = uuid.uuid5(uuid.NAMESPACE_OID, f"demo gpu {agent.gpu}")
    card, node = f"nvidia{agent.gpu}", "gpu-node-1"
    return (str(agent.gpu), f"GPU-{identity}", card, "NVIDIA H100 80GB HBM3", node, "agent", NAMESPACE, agent.pod)


@asynccontextmanager
async def serve_pages(agents: Agents) -> AsyncIterator[str]:
    """
    Serve `/gpus` and `/requests` on a free port while the context lasts, and yield the address they start with.
    """
    app = web.Application()
    app.router.add_get(GPU_PAGE, make_aiohttp_handler(_GpuCollector(agents)))
    app.router.add_get(REQUEST_PAGE, make_aiohttp_handler(_RequestCollector(agents)))
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        await web.TCPSite(runner, _HOST, 0).start()
        yield f"http://{_HOST}:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()
