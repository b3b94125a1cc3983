"""
Simulated agents: they load, work, finish, and lose work only if they are stopped at it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from scaler.demo.agents import WORKLOAD, Deployment, Stage
from scaler.demo.jobs import Depth, Job, JobQueue
from scaler.domain.pods import belongs
from tests.demo.staged import eventually

NEVER = 3600.0


@pytest.fixture
async def deployment(queue: JobQueue) -> AsyncIterator[Deployment]:
    """
    Yield a deployment whose agents load their model in no time.
    """
    async with Deployment(queue, model_load=0.01) as deployment:
        yield deployment


def stages(deployment: Deployment) -> list[Stage]:
    """
    Return what the agents do now.
    """
    return [agent.stage for agent in deployment.agents]


async def test_agents_do_every_job_once(deployment: Deployment, queue: JobQueue) -> None:
    """
    Three agents, ten jobs, and their counters agree with the books.
    """
    names = {f"job-{n}" for n in range(10)}
    await queue.push([Job(name, 0.01) for name in sorted(names)])
    deployment.scale_to(3)
    assert stages(deployment) == [Stage.LOADING] * 3
    await eventually(lambda: sum(agent.requests for agent in deployment.agents) == 10)
    assert await queue.done() == names
    assert queue.computed == dict.fromkeys(names, 1)


async def test_a_gpu_computes_on_after_the_acknowledgement(deployment: Deployment, queue: JobQueue) -> None:
    """
    The queue is empty, nothing is in flight, and the GPU is still busy.
    """
    await queue.push([Job("last", 0.01, afterwards=NEVER)])
    deployment.scale_to(1)
    await eventually(lambda: stages(deployment) == [Stage.FINISHING])
    assert await queue.depth() == Depth(0, 0)
    assert deployment.agents[0].gpu_percent > 50


async def test_an_agent_stopped_at_work_loses_it(deployment: Deployment, queue: JobQueue) -> None:
    """
    The job is in flight for ever, and the books say whose it was.
    """
    await queue.push([Job("long", NEVER)])
    deployment.scale_to(1)
    await eventually(lambda: stages(deployment) == [Stage.WORKING])
    deployment.scale_to(0)
    assert queue.interrupted == ["long"]
    assert await queue.depth() == Depth(0, 1)


async def test_an_agent_stopped_while_its_gpu_computes_is_noted(deployment: Deployment, queue: JobQueue) -> None:
    """
    No job is lost, but what the GPU was doing is.
    """
    await queue.push([Job("last", 0.01, afterwards=NEVER)])
    deployment.scale_to(1)
    await eventually(lambda: stages(deployment) == [Stage.FINISHING])
    pod = deployment.agents[0].pod
    deployment.scale_to(0)
    assert deployment.stopped_busy == [pod]
    assert queue.interrupted == []


async def test_loading_agents_go_first_then_the_youngest(queue: JobQueue) -> None:
    """
    Kubernetes does not ask who is idle: of three the loading one goes, then the younger of the others.
    """
    async with Deployment(queue, model_load=0.2) as deployment:
        deployment.scale_to(2)
        oldest, younger = deployment.agents
        await eventually(lambda: stages(deployment) == [Stage.WAITING] * 2)
        deployment.scale_to(3)
        deployment.scale_to(2)
        assert list(deployment.agents) == [oldest, younger]
        deployment.scale_to(1)
        assert list(deployment.agents) == [oldest]


async def test_pods_are_named_as_kubernetes_names_them(deployment: Deployment) -> None:
    """
    The scaler knows them as the workload's own by their names, and each has a GPU to itself.
    """
    deployment.scale_to(4)
    assert all(belongs(agent.pod, WORKLOAD) for agent in deployment.agents)
    assert sorted(agent.gpu for agent in deployment.agents) == [0, 1, 2, 3]
    deployment.scale_to(3)
    deployment.scale_to(4)
    assert sorted(agent.gpu for agent in deployment.agents) == [0, 1, 2, 3]
