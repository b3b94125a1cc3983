"""
What a scaler loads: only the libraries of the systems that its document names, because each costs megabytes for good.
"""

from __future__ import annotations

from pathlib import Path

from tests.servers.redis import RedisServer
from tests.service.conftest import SHORT
from tests.service.process import ScalerProcess, eventually, keda, scaled_object

NOT_FOR_REDIS = {
    "aiohttp", "attr", "multidict", "pandas", "numpy", "pika", "prometheus_api_client", "pydantic", "pydantic_core",
    "pynvml", "redis", "fakeredis", "jinja2", "requests", "rich", "urllib3", "yarl", "loadgen",
}  # fmt: skip


def loaded(log: Path) -> set[str]:
    """
    Return the packages that a Python has told of importing (`-X importtime`).
    """
    lines = log.read_text().splitlines()
    return {line.rpartition("|")[2].strip().partition(".")[0] for line in lines if line.startswith("import time:")}


async def test_a_redis_alone_needs_no_other_systems_library(redis: RedisServer, tmp_path: Path) -> None:
    """
    Not after an answer, an announcement being listened for, metrics and workloads shown, and a new document either.
    """
    document = {
        "connections": {"queues": {"type": "redis", "addresses": [redis.address]}},
        "policies": {"default": {"queue": {"connection": "queues", "target": 5}}},
        "defaults": SHORT,
    }
    with ScalerProcess(tmp_path, document, python=("-X", "importtime")) as scaler:
        async with keda(scaler) as caller:
            assert not await caller.decided(scaled_object(queue="jobs"))
        await eventually(lambda: scaler.workload("agent")["signals"][0]["watched"].startswith("tracking"))
        assert "gpu_agent_scaler_workloads" in scaler.get("/metrics")
        scaler.configure({**document, "limits": {"workloads": 7}})
        await eventually(lambda: scaler.metric("gpu_agent_scaler_configuration_generation") == 2)
        names = loaded(scaler.log_file)
        assert "agent" in scaler.get("/")  # and who looks at the page bears what it is written with
        assert "jinja2" in loaded(scaler.log_file)
    assert {"grpc", "h11", "hiredis", "prometheus_client", "yaml"} <= names
    assert names & NOT_FOR_REDIS == set()
