"""
Simulated GPU agents, and the deployment that starts and stops them.
"""

from __future__ import annotations

import asyncio
import math
import secrets
from dataclasses import dataclass
from enum import Enum
from itertools import count
from types import TracebackType
from typing import Self

from scaler.demo.jobs import Job, JobQueue, UnreachableError

WORKLOAD = "agent"
_TEMPLATE_HASH = "7c9d8b6f5"
_POD_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"
_LOOK_EVERY = 0.1


class Stage(Enum):
    """
    What an agent does at the moment.
    """

    LOADING = "loading"
    WAITING = "waiting"
    WORKING = "working"
    REPORTING = "reporting"
    """The job is computed, and waits to be acknowledged."""
    FINISHING = "finishing"
    """The job is acknowledged, the GPU still computes for it."""


@dataclass(frozen=True, slots=True)
class _Load:
    # The GPU's use in per cent: its middle, and how far it swings around it.
    middle: float
    swing: float


_GPU_LOAD = {
    Stage.LOADING: _Load(0, 0),
    Stage.WAITING: _Load(0, 0),
    Stage.WORKING: _Load(74, 5),
    Stage.REPORTING: _Load(0, 0),
    Stage.FINISHING: _Load(64, 5),
}


class Agent:
    """
    One pod with one GPU: loads its model, then takes job after job.

    Attributes:
        since: when the present stage began, and `until` when it ends (None where nobody knows), by the loop's clock.
        requests: how many jobs it has served, as its own counter says.
    """

    def __init__(self, pod: str, gpu: int, model_load: float, queue: JobQueue) -> None:
        self.pod = pod
        self.gpu = gpu
        self.requests = 0
        self.job: Job | None = None
        self._queue = queue
        self._model_load = model_load
        self._enter(Stage.LOADING, model_load)

    def _enter(self, stage: Stage, seconds: float | None = None) -> None:
        self.stage = stage
        self.since = asyncio.get_running_loop().time()
        self.until = None if seconds is None else self.since + seconds

    @property
    def gpu_percent(self) -> int:
        """
        The GPU's use now, in whole per cent as DCGM reports it.
        """
        use = _GPU_LOAD[self.stage]
        return round(use.middle + use.swing * math.sin(asyncio.get_running_loop().time() * 3 + self.gpu))

    async def run(self) -> None:
        """
        Live until cancelled, as a container does until it is killed.
        """
        await asyncio.sleep(self._model_load)
        self._enter(Stage.WAITING)
        while True:
            try:
                self.job = await self._queue.take()
            except UnreachableError:
                self.job = None
            if self.job is None:
                await asyncio.sleep(_LOOK_EVERY)
                continue
            await self._serve(self.job)

    async def _serve(self, job: Job) -> None:
        self._enter(Stage.WORKING, job.seconds)
        await asyncio.sleep(job.seconds)
        self._enter(Stage.REPORTING)
        await self._queue.acknowledge(job)
        self.requests += 1
        self.job = None
        if job.afterwards:
            self._enter(Stage.FINISHING, job.afterwards)
            await asyncio.sleep(job.afterwards)
        self._enter(Stage.WAITING)


class Deployment:
    """
    The agents that should run, as Kubernetes keeps them: what KEDA and the HPA scale, as a context manager.

    Attributes:
        stopped_busy: pods that were stopped while their GPU still computed.
    """

    def __init__(self, queue: JobQueue, model_load: float) -> None:
        self._queue = queue
        self._model_load = model_load
        self._tasks = asyncio.TaskGroup()
        self._running: dict[Agent, asyncio.Task[None]] = {}
        self.stopped_busy: list[str] = []

    async def __aenter__(self) -> Self:
        await self._tasks.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.scale_to(0)
        await self._tasks.__aexit__(kind, error, trace)

    @property
    def agents(self) -> tuple[Agent, ...]:
        """
        The agents, oldest first.
        """
        return tuple(self._running)

    @property
    def replicas(self) -> int:
        """
        How many agents should run; they do, though they may still be loading.
        """
        return len(self._running)

    def scale_to(self, replicas: int) -> None:
        """
        Start or stop agents until there are *replicas*.
        """
        while len(self._running) < replicas:
            self._start()
        while len(self._running) > replicas:
            self._stop(self._next_to_go())

    def _start(self) -> None:
        taken = {agent.gpu for agent in self._running}
        gpu = next(index for index in count() if index not in taken)
        suffix = "".join(secrets.choice(_POD_ALPHABET) for _ in range(5))
        agent = Agent(f"{WORKLOAD}-{_TEMPLATE_HASH}-{suffix}", gpu, self._model_load, self._queue)
        self._running[agent] = self._tasks.create_task(agent.run(), name=agent.pod)

    def _next_to_go(self) -> Agent:
        # As the ReplicaSet controller has it: pods that are not ready first, then the youngest, whoever is at work.
        return max(self._running, key=lambda agent: (agent.stage is Stage.LOADING, list(self._running).index(agent)))

    def _stop(self, agent: Agent) -> None:
        self._running.pop(agent).cancel()
        if agent.job is not None:
            self._queue.interrupt(agent.job)
        if agent.stage is Stage.FINISHING:
            self.stopped_busy.append(agent.pod)
