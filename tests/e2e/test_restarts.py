"""
The scaler, KEDA and the API server, killed or stopped while work is going on: nothing falls, and nothing wakes.
"""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Generator

import pytest

from tests.e2e import plain
from tests.e2e.agents import POLL, Agent, install
from tests.e2e.compare.rows import KEDA
from tests.e2e.kubectl import eventually, get, kubectl
from tests.e2e.names import AGENTS, SYSTEM
from tests.e2e.queues import ListQueue
from tests.e2e.stage import Stage, note

_GROUP = "restart"
_SLEEPERS = 12
_JOBS = 2
_JOB = 240.0
_FROZEN = 60.0
_COOLDOWN: int = KEDA["cooldownPeriod"]
"""The agents' chart's own, in seconds. KEDA 2.21 may stop what is active when the scaler is away for longer."""

_HANDED_OVER = 12.0
"""Seconds; by then KEDA's client has the address of the next pod, and has opened its streams again."""

_RESOLVED_AGAIN = 45.0
"""Seconds; for a pod that was killed KEDA's client may hear the old address, and asks again after half a minute."""

_JOBS_MEANWHILE = 4
_BETWEEN = 3.0

_API = ("SCALER_E2E_STOP_API", "SCALER_E2E_START_API")
_SCALER = "app.kubernetes.io/name=agent-scaler"


class Scene:
    """
    An agent with two workers at work, and sleepers with nothing to do.
    """

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.agent: Agent = install(
            stage, "busy-on", "list", drain={"jobSeconds": 300}, keda={"cooldownPeriod": _COOLDOWN}
        )
        self.sleepers = [ListQueue(stage, name) for name in plain.numbered(_GROUP, _SLEEPERS)]
        objects = []
        for queue in self.sleepers:
            asked = plain.ours("plain", queue=queue.name)
            scaled = plain.scaled_object(queue.name, _GROUP, asked, pollingInterval=POLL, cooldownPeriod=_COOLDOWN)
            objects += [plain.deployment(queue.name, _GROUP), scaled]
        plain.put_up(objects)
        self.agent.queue.push(_JOB, _JOBS)
        self.agent.ready(_JOBS, 90)
        eventually("KEDA has seen all sleepers", lambda: all(plain.seen(queue.name) for queue in self.sleepers), 60)
        self.begun = time.monotonic()

    def untouched(self) -> None:
        """
        See that nobody was stopped, and nobody woken.
        """
        assert self.agent.lowest(self.begun) >= _JOBS
        for queue in self.sleepers:
            assert all(size.wanted == 0 for size in self.stage.history.sizes(AGENTS, queue.name, self.begun)), (
                queue.name
            )

    def wakes(self, within: float, what: str) -> None:
        """
        Give a sleeper its first job, and see it woken in time.
        """
        queue = self.sleepers.pop()
        pushed = queue.push(1.0)
        woken = self.stage.history.replicas(AGENTS, queue.name, 1, within, since=pushed)
        note(f"{what}: a job woke its agent after {woken.at - pushed:.2f} s")


@pytest.fixture(scope="module")
def scene(stage: Stage, alone: None) -> Generator[Scene]:  # noqa: ARG001 - KEDA is everybody's
    """
    The scene of all restarts.
    """
    scene = Scene(stage)
    yield scene
    scene.agent.remove()
    plain.take_down(_GROUP)


def _another(namespace: str, label: str, before: str) -> None:
    """
    Return when the one pod with a label is another one than before, and ready.
    """

    def ready() -> bool:
        pods = get("pods", "-n", namespace, "-l", label)["items"]
        if len(pods) != 1 or pods[0]["metadata"]["name"] == before:
            return False
        conditions = pods[0]["status"].get("conditions", ())
        return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)

    eventually(f"another pod of {label} is ready", ready, 90)


def _only(namespace: str, label: str) -> str:
    """
    Return the name of the one pod with a label.
    """
    (pod,) = get("pods", "-n", namespace, "-l", label)["items"]
    name: str = pod["metadata"]["name"]
    return name


def _replaced(namespace: str, label: str, *how: str) -> Callable[[Scene], None]:
    def replace(_: Scene) -> None:
        before = _only(namespace, label)
        kubectl("-n", namespace, "delete", "pod", before, "--wait=false", *how)
        _another(namespace, label, before)

    return replace


def _rolled_over(scene: Scene) -> None:
    """
    Update the scaler's pod as a changed chart does, with jobs coming before, while and after it hands over.
    """
    before = _only(SYSTEM, _SCALER)
    kubectl("-n", SYSTEM, "rollout", "restart", "deploy/agent-scaler")
    for _ in range(_JOBS_MEANWHILE):
        scene.wakes(_HANDED_OVER, "the scaler is being updated")
        time.sleep(_BETWEEN)
    _another(SYSTEM, _SCALER, before)


@pytest.mark.parametrize(
    ("what", "happen", "within"),
    [
        ("the scaler stopped", _replaced(SYSTEM, _SCALER), _HANDED_OVER),
        ("the scaler updated", _rolled_over, _RESOLVED_AGAIN),
        ("the scaler killed", _replaced(SYSTEM, _SCALER, "--grace-period=0", "--force"), _RESOLVED_AGAIN),
        ("KEDA's operator killed", _replaced("keda", "app=keda-operator", "--grace-period=0", "--force"), 90),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_who_is_started_anew(
    stage: Stage, scene: Scene, what: str, happen: Callable[[Scene], None], within: float
) -> None:
    """At N nobody is stopped and at zero nobody is woken; then a job wakes its agent as before."""
    begun = time.monotonic()
    happen(scene)
    note(f"{what}: back after {time.monotonic() - begun:.0f} s")
    scene.untouched()
    scene.wakes(within, what)
    time.sleep(2 * POLL)
    scene.untouched()
    stage.says(scene.agent.name, "", 60, replicas=_JOBS)


@pytest.mark.skipif(
    not all(map(os.environ.get, _API)), reason=f"{' and '.join(_API)} say no command for the API server"
)
def test_the_api_server_stopped_for_a_minute(scene: Scene) -> None:
    """Nobody can ask for replicas meanwhile; afterwards all is as it was, and a job wakes its agent."""
    stop, start = (os.environ[name] for name in _API)
    try:
        subprocess.run(stop, shell=True, check=True)  # noqa: S602 - the command is whoever's who runs the tests
        time.sleep(_FROZEN)
    finally:
        subprocess.run(start, shell=True, check=True)  # noqa: S602 - the same
    eventually("the API server answers", lambda: bool(get("nodes")), 60)
    time.sleep(2 * POLL)
    scene.untouched()
    scene.wakes(90, "the API server stopped for a minute")


def test_every_job_was_done_once(scene: Scene) -> None:
    """What was at work through all of it is done in the end, each job once."""
    eventually("the jobs are done", scene.agent.queue.all_done, _JOB + 60)
    assert scene.agent.lowest(scene.begun) >= _JOBS or scene.agent.queue.all_done()
