"""
A pod that has to go while it works: it finishes its job first.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from functools import partial
from typing import Any

import pytest

from tests.e2e.agents import Agent, install
from tests.e2e.kubectl import eventually, kubectl
from tests.e2e.names import AGENTS
from tests.e2e.stage import Stage, note

_JOB = 15.0
"""Seconds; KEDA may need some of them until it has heard that it shall pause."""

_PRE_STOP = 2
_LATE = 3.0
"""Seconds that what is seen here may be behind what happens."""

_JOB_SECONDS = 60
_KILLED_AFTER = _PRE_STOP + _JOB_SECONDS + 15
"""Seconds until a pod that goes is killed, as the chart adds them up."""


@pytest.fixture(scope="module")
def workers(stage: Stage) -> Generator[dict[str, Agent]]:
    """
    An agent on a Redis list and one in RabbitMQ, without GPUs.
    """
    changes: dict[str, Any] = {"gpu": {"enabled": False}, "worker": {"gpu": "none", "loadSeconds": 1}}
    changes["drain"] = {"preStopSeconds": _PRE_STOP, "jobSeconds": _JOB_SECONDS}
    made = {kind: install(stage, f"drained-{kind}", kind, **changes) for kind in ("list", "rabbitmq")}
    yield made
    for agent in made.values():
        agent.remove()


def _delete(agent: Agent, pod: str) -> None:
    kubectl("-n", AGENTS, "delete", "pod", pod, "--wait=false")
    note(f"{agent.name}: {pod} is deleted")


def _scale_down(agent: Agent, pod: str) -> None:
    paused = "autoscaling.keda.sh/paused-replicas=0"
    kubectl("-n", AGENTS, "annotate", "scaledobject", agent.name, paused)
    note(f"{agent.name}: scaled down to nothing, and {pod} with it")


@pytest.mark.parametrize(
    ("kind", "end"), [("list", _delete), ("rabbitmq", _scale_down)], ids=["list-deleted", "rabbitmq-scaled-down"]
)
def test_a_pod_that_goes_finishes_its_job(
    stage: Stage, workers: dict[str, Agent], kind: str, end: Callable[[Agent, str], None]
) -> None:
    """The job in its hands is done once, and only then the pod ends, by itself and not because it is killed."""
    agent = workers[kind]
    agent.queue.push(_JOB)
    pod = eventually("the job is taken", partial(_at_work, agent), 90)
    taken = stage.history.now()
    end(agent, pod)
    going = eventually("the pod is told to go", lambda: _since(stage, pod, "going"), 30)
    assert not agent.queue.all_done(), "the job was done before the pod was told to go"
    eventually("the job is done", agent.queue.all_done, _JOB + 10)
    done = stage.history.now()
    gone = eventually("the pod is gone", lambda: _since(stage, pod, "gone"), 30)
    note(f"{agent.name}: done {done - going:.1f} s after the word, gone {gone - done:.1f} s after that")
    assert gone - taken > _JOB - _LATE, "the pod ended before the job"
    assert gone - going < _KILLED_AFTER / 2
    assert agent.queue.all_done()


def _at_work(agent: Agent) -> str | None:
    """
    Return the pod that has a job in its hands.
    """
    for pod in agent.pods():
        if "agent_in_flight 1.0" in kubectl(
            "get", "--raw", f"/api/v1/namespaces/{AGENTS}/pods/{pod}:8080/proxy/metrics"
        ):
            return pod
    return None


def _since(stage: Stage, pod: str, what: str) -> float | None:
    """
    Return when a pod was first seen so: `going` or `gone`.
    """
    seen = (each.at for each in stage.history.pods(AGENTS, pod) if getattr(each, what))
    return next(seen, None)
