"""
The exporter as a process: the scaler's own sources read its page as they read the real one's.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, ExitStack
from pathlib import Path

import pytest
import yaml

from scaler.domain.pods import Fleet
from scaler.settings.connections import ScrapeConnection
from scaler.sources.prometheus import PrometheusSource
from scaler.sources.questions import GpuFleet
from scaler.sources.scrape import ScrapeSource
from tests.loadgen.live.conftest import StartWorker
from tests.loadgen.live.process import ListQueue, jobs, page_of, until
from tests.servers.fixtures import StartPrometheus
from tests.servers.ports import free_port
from tests.servers.prometheus import scraping
from tests.servers.redis import RedisServer
from tests.sources.prometheus_world import connection

NODE = {
    "host": "gpu-node-7",
    "gpus": [
        {"percent": 80, "ratio": True, "pods": [{"namespace": "ai", "pod": "agent-a"}]},
        {"percent": 60, "pods": [{"namespace": "ai", "pod": "shared-a"}, {"namespace": "ai", "pod": "shared-b"}]},
        {
            "instances": [
                {"id": 7, "percent": 50, "pods": [{"namespace": "ai", "pod": "mig-a"}]},
                {"id": 8, "percent": 25, "pods": [{"namespace": "ai", "pod": "mig-b"}]},
                {"id": 9, "percent": "blank", "pods": [{"namespace": "ai", "pod": "mig-blank"}]},
            ]
        },
        {"percent": "not-supported", "pods": [{"namespace": "ai", "pod": "blind"}]},
        {"percent": 99},
    ],
}
"""A node with everything: a plain GPU, time-slicing, MIG, what DCGM cannot read, and a GPU that nobody has."""

StartExporter = Callable[..., int]


@pytest.fixture
def start_exporter() -> Iterator[StartExporter]:
    """
    A function that starts an exporter with these arguments and returns its port; it ends with the test.
    """
    with ExitStack() as stack:

        def start(*arguments: str) -> int:
            port = free_port()
            command = [sys.executable, "-m", "loadgen", "exporter", "--http", f"127.0.0.1:{port}", *arguments]
            process = stack.enter_context(subprocess.Popen(command, stderr=subprocess.DEVNULL))
            stack.callback(process.kill)
            until(lambda: page_of(port, "/health") == (200, "OK"))
            return port

        yield start


@pytest.fixture
async def sources() -> AsyncIterator[AsyncExitStack]:
    """
    Closes the sources of a test.
    """
    async with AsyncExitStack() as stack:
        yield stack


async def _scraped(sources: AsyncExitStack, port: int) -> Fleet:
    settings = ScrapeConnection.of({"type": "scrape", "urls": [f"http://127.0.0.1:{port}"]})
    source = ScrapeSource("gpus", settings)
    sources.push_async_callback(source.aclose)
    answer = (await source.read([GpuFleet("gpus")]))[GpuFleet("gpus")]
    assert isinstance(answer, Fleet), answer
    return answer


def _percents(fleet: Fleet) -> dict[str, float]:
    return {use.pod: use.percent for use in fleet.pods["ai"]}


def _devices(fleet: Fleet) -> dict[str, str | None]:
    return {use.pod: use.device for use in fleet.pods["ai"]}


def _config(folder: Path, node: object) -> str:
    path = folder / "node.yaml"
    path.write_text(yaml.safe_dump(node))
    return str(path)


EXPECTED = {"agent-a": 80.0, "shared-a": 60.0, "shared-b": 60.0, "mig-a": 50.0, "mig-b": 25.0}


@pytest.mark.parametrize("exported", [False, True])
async def test_the_scaler_reads_it_directly(
    sources: AsyncExitStack, start_exporter: StartExporter, tmp_path: Path, *, exported: bool
) -> None:
    """
    Every pod has its use, pods that share a GPU have the same device, and what DCGM cannot read is trouble.
    """
    port = start_exporter("--config", _config(tmp_path, NODE), *(["--exported"] if exported else []))
    fleet = await _scraped(sources, port)
    assert _percents(fleet) == EXPECTED
    devices = _devices(fleet)
    assert devices["shared-a"] == devices["shared-b"] != devices["agent-a"]
    assert len({devices["mig-a"], devices["mig-b"], devices["agent-a"]}) == 3
    assert set(fleet.trouble) == {("ai", "mig-blank"), ("ai", "blind")}


@pytest.mark.parametrize("honor", [False, True])
async def test_the_scaler_reads_it_through_prometheus(
    sources: AsyncExitStack,
    start_exporter: StartExporter,
    start_prometheus: StartPrometheus,
    tmp_path: Path,
    *,
    honor: bool,
) -> None:
    """
    The same by way of a real Prometheus, with the exporter's labels honoured and with the target's in their place.
    """
    port = start_exporter("--config", _config(tmp_path, NODE))
    configuration = scraping()
    job = configuration["scrape_configs"][0]
    job["honor_labels"] = honor
    target = {"namespace": "gpu-operator", "pod": "dcgm-exporter-x2x4z"}
    job["static_configs"] = [{"targets": [f"127.0.0.1:{port}"], "labels": target}]
    server = start_prometheus(configuration)
    until(lambda: "nvidia0" in page_of(server.ports[0], "/api/v1/query?query=DCGM_FI_DEV_GPU_UTIL")[1], 30.0)
    source = PrometheusSource("prom", connection(server.url))
    sources.push_async_callback(source.aclose)
    fleet = (await source.read([GpuFleet("prom")]))[GpuFleet("prom")]
    assert isinstance(fleet, Fleet)
    assert _percents(fleet) == EXPECTED
    assert set(fleet.trouble) == {("ai", "mig-blank"), ("ai", "blind")}


async def test_a_changed_file_counts_and_a_broken_one_does_not(
    sources: AsyncExitStack, start_exporter: StartExporter, tmp_path: Path
) -> None:
    """
    The page follows its file; while the file is invalid, what was valid before is shown.
    """
    pods = [{"namespace": "ai", "pod": "agent-a"}]
    config = _config(tmp_path, {"gpus": [{"percent": 10, "pods": pods}]})
    port = start_exporter("--config", config, "--collect-every", "50ms")
    assert _percents(await _scraped(sources, port)) == {"agent-a": 10.0}
    _config(tmp_path, {"gpus": [{"percent": 20, "pods": pods}]})
    until(lambda: "} 20\n" in page_of(port, "/metrics")[1])
    _config(tmp_path, {"gpus": [{"percent": 101, "pods": pods}]})
    _config(tmp_path, {"gpus": [{"percent": 101, "pods": pods}]})
    assert _percents(await _scraped(sources, port)) == {"agent-a": 20.0}


async def test_flags_name_gpus(sources: AsyncExitStack, start_exporter: StartExporter) -> None:
    """
    Without a file, each --gpu is a GPU of one pod.
    """
    port = start_exporter("--namespace", "ai", "--gpu", "agent-0=75", "--gpu", "agent-1=not-found")
    fleet = await _scraped(sources, port)
    assert _percents(fleet) == {"agent-0": 75.0}
    assert set(fleet.trouble) == {("ai", "agent-1")}


async def test_workers_are_asked(
    sources: AsyncExitStack,
    start_exporter: StartExporter,
    start_worker: StartWorker,
    redis: RedisServer,
    queue_name: str,
) -> None:
    """
    A worker's simulated GPU is busy while it works, on its own page and on that of an exporter that asks it.
    """
    queue = ListQueue(redis, queue_name)
    worker = start_worker(queue, gpu="simulated", gpu_busy="65").ready()
    port = start_exporter("--worker", f"http://127.0.0.1:{worker.port}", "--collect-every", "50ms")
    assert [use.percent for uses in (await _scraped(sources, port)).pods.values() for use in uses] == [0.0]
    queue.redis.rpush(queue.name, *(job.body for job in jobs(1, 30.0)))
    until(lambda: "} 65\n" in page_of(port, "/metrics")[1])
    direct, asked = await _scraped(sources, worker.port), await _scraped(sources, port)
    assert direct.pods == asked.pods
    worker.kill()
    until(lambda: "DCGM" not in page_of(port, "/metrics")[1])


@pytest.mark.parametrize(
    ("node", "sentence"),
    [
        ({"gpus": []}, "gpus: must not be empty"),
        ({"gpus": [{"percent": 120}]}, "gpus[0].percent: must be a number from 0 to 100, or one of blank"),
        ({"gpus": [{"use": 3}]}, "gpus[0].use: "),
        ({"gpus": [{"pods": [{"pod": "a"}], "instances": [{"id": 1}]}]}, "give them to its instances"),
    ],
)
def test_a_wrong_file_is_refused(node: object, sentence: str, tmp_path: Path) -> None:
    """
    Status 2, and a sentence with the path and the rule.
    """
    command = [sys.executable, "-m", "loadgen", "exporter", "--config", _config(tmp_path, node)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 2
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr
