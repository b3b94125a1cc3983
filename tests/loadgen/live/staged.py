"""
A short, sped-up run of everything real but the cluster, recorded as `loadgen watch` reads it.

Real are Redis, the scaler as a process, and agents that take jobs; the demo stands in for KEDA and the HPA.
"""

from __future__ import annotations

import asyncio
import csv
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import yaml

from scaler.demo.agents import WORKLOAD, Deployment
from scaler.demo.hpa import Behaviour, Hpa
from scaler.demo.jobs import PROCESSING, QUEUE, Job, JobQueue
from scaler.demo.keda import Activation, Cadence, Event, Keda, Scaled
from scaler.demo.pages import GPU_PAGE, NAMESPACE, serve_pages
from scaler.demo.trigger import ScaledObject, Trigger
from tests.servers.redis import RedisServer
from tests.service.process import ScalerProcess

POLL, COOLDOWN, SYNC, LOAD, MOST = 2.0, 3.0, 3.0, 2.0, 4
"""KEDA's and the HPA's periods and a model's load, in seconds; and the most replicas."""

POLICY: Mapping[str, Any] = {
    "replicas": {"max": MOST},
    "idleWindow": "4s",
    "stabilization": "20s",
    "queue": {"connection": "redis", "type": "list", "name": QUEUE, "processing": PROCESSING, "target": 3},
    "gpu": {"connection": "gpus", "target": 80},
}
"""The policy, as the scaler's document and the experiment have it alike."""

PLAN: Sequence[tuple[float, float]] = (
    *((3.0, 2.0),) * 6,
    (22.0, 3.0),
    *((36.0, 1.5),) * 12,
)
"""(arrival, service): two bursts, and a job all alone between them, each followed by enough quiet to go to zero."""

SPAN = 62.0


@dataclass(frozen=True, slots=True)
class Recorded:
    """
    The files of a run.
    """

    experiment: Path
    history: Path
    jobs: Path


class NotedQueue(JobQueue):
    """
    The agents' queue, which notes when each job was computed.

    Attributes:
        done_at: by the wall clock.
    """

    def __init__(self, server: RedisServer) -> None:
        super().__init__("127.0.0.1", server.port)
        self.done_at: dict[str, float] = {}

    async def acknowledge(self, job: Job) -> None:
        """
        Note it, and acknowledge.
        """
        self.done_at[job.name] = time.time()
        await super().acknowledge(job)


def experiment() -> dict[str, Any]:
    """
    Return the experiment file's content: the same policy in the same world.
    """
    world = {"scheduling": "0s", "imagePull": "0s", "modelLoad": f"{LOAD:g}s", "readiness": "0s", "jitter": 0.0}
    pods = {"grace": "0s", "queueLook": "100ms", "gpuBusy": 74.0}
    scaled = {"pollingInterval": POLL, "cooldownPeriod": COOLDOWN, "maxReplicaCount": MOST}
    reading = {"interval": "500ms", "safetyNet": "500ms", "gpuLag": False}
    return {
        "title": "The sped-up run",
        "workloads": {"sent": {"trace": {"format": "csv", "file": "jobs.csv"}}},
        "worlds": {"stand-in": {**world, **pods}},
        "policies": {"ours": {"scaler": dict(POLICY), "scaledObject": scaled, "reading": reading}},
    }


async def play(server: RedisServer, start: Callable[[Mapping[str, Any]], ScalerProcess], folder: Path) -> Recorded:
    """
    Play the plan, from no replicas to no replicas, and record it.
    """
    async with AsyncExitStack() as stack:
        queue = NotedQueue(server)
        stack.push_async_callback(queue.aclose)
        deployment = await stack.enter_async_context(Deployment(queue, LOAD))
        pages = await stack.enter_async_context(serve_pages(lambda: deployment.agents))
        scaler = await asyncio.to_thread(start, _document(server, pages))
        await asyncio.to_thread(scaler.start)
        address = f"127.0.0.1:{scaler.grpc_port}"
        channel = await stack.enter_async_context(grpc.aio.insecure_channel(address))
        changes: list[tuple[float, int]] = [(time.time(), 0)]

        def hear(event: Event) -> None:
            if isinstance(event, Scaled):
                changes.append((time.time(), event.after))

        keda = asyncio.create_task(_keda(channel, address, deployment, hear).run())
        sent = await _send(queue)
        keda.cancel()
        await asyncio.wait([keda])
        changes.append((max(changes[-1][0], changes[0][0] + SPAN), deployment.replicas))
        assert queue.interrupted == []
    recorded = Recorded(folder / "experiment.yaml", folder / "history.csv", folder / "jobs.csv")
    recorded.experiment.write_text(yaml.safe_dump(experiment()))
    _write(recorded.history, ("time", "replicas"), changes)
    _write(
        recorded.jobs,
        ("arrival", "service", "id", "wait"),
        [(at, job.seconds, job.name, max(0.0, queue.done_at[job.name] - at - job.seconds)) for at, job in sent],
    )
    return recorded


def _document(server: RedisServer, pages: str) -> dict[str, Any]:
    return {
        "connections": {
            "redis": {"type": "redis", "addresses": [server.address]},
            "gpus": {"type": "scrape", "urls": [pages + GPU_PAGE]},
        },
        "policies": {"default": dict(POLICY)},
        "defaults": {"interval": "500ms", "safetyNet": "500ms"},
    }


def _keda(channel: grpc.aio.Channel, address: str, deployment: Deployment, hear: Callable[[Event], None]) -> Keda:
    scaled = ScaledObject(NAMESPACE, WORKLOAD, {"scalerAddress": address}, maximum=MOST)
    # The HPA as the chart advises it: no tolerance, one step up, and no window of its own.
    behaviour = Behaviour(tolerance=0.0, up_pods=1000, up_period=15.0, down_window=0.0)
    cadence = Cadence(poll=POLL, cooldown=COOLDOWN, hpa_sync=SYNC)
    activation, hpa = Activation(0, COOLDOWN), Hpa(0, MOST, behaviour)
    return Keda(Trigger(channel, scaled), deployment, cadence, activation, hpa, hear)


async def _send(queue: JobQueue) -> Sequence[tuple[float, Job]]:
    loop = asyncio.get_running_loop()
    began, sent = loop.time(), []
    for number, (due, service) in enumerate(PLAN):
        await asyncio.sleep(began + due - loop.time())
        job = Job(f"job-{number}", service)
        await queue.push([job])
        sent.append((time.time(), job))
    await asyncio.sleep(began + SPAN - loop.time())
    return sent


def _write(path: Path, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([columns, *rows])
