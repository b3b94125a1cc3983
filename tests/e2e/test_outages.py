"""
Servers stopped and back: one after the other and together, for less and for more than the hold.

While one is away nobody is stopped, nobody is woken for nothing, and no job is lost or done twice.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from functools import partial

import pytest

from tests.e2e import plain
from tests.e2e.agents import POLL, Agent, install
from tests.e2e.kubectl import eventually, get
from tests.e2e.names import AGENTS
from tests.e2e.policies import FRESHNESS, HOLD
from tests.e2e.queues import ListQueue, Queue, RabbitQueue
from tests.e2e.stage import Stage, note

_GROUP = "outage"
_LONG = FRESHNESS + HOLD + 30.0
_JOB = 220.0
"""Seconds of the jobs that are at work all the time."""


class Scene:
    """
    Agents at work with long jobs, and sleepers with nothing to do.
    """

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.agents: dict[str, Agent] = {}
        self.sleepers: dict[str, list[Queue]] = {"redis": [], "rabbitmq": []}
        self.begun = 0.0

    def put_up(self) -> None:
        """
        Put everybody in place.
        """
        for kind in ("list", "stream", "rabbitmq"):
            # One with a GPU of its own: others need the cluster's few at the same time.
            gpu = {"enabled": self.stage.gpus and kind == "list"}
            keda = {"fallback": {"failureThreshold": 1}}
            self.agents[kind] = install(self.stage, f"out-{kind}", kind, drain={"jobSeconds": 240}, gpu=gpu, keda=keda)
        objects = []
        kinds: dict[str, tuple[str, type[Queue]]] = {
            "redis": ("plain", ListQueue),
            "rabbitmq": ("plain-rabbitmq", RabbitQueue),
        }
        for server, (policy, queue) in kinds.items():
            for name in plain.numbered(f"out-{server}", 4):
                sleeper = queue(self.stage, name)
                self.sleepers[server].append(sleeper)
                asked = plain.ours(policy, queue=sleeper.name)
                scaled = plain.scaled_object(sleeper.name, _GROUP, asked, pollingInterval=POLL, cooldownPeriod=3 * POLL)
                objects += [plain.deployment(sleeper.name, _GROUP), scaled]
        plain.put_up(objects)
        for agent in self.agents.values():
            agent.queue.push(_JOB)
        for agent in self.agents.values():
            agent.ready(1)
        for sleeper in (*self.sleepers["redis"], *self.sleepers["rabbitmq"]):
            eventually(f"KEDA has seen {sleeper.name}", partial(plain.seen, sleeper.name), 60)
        self.begun = time.monotonic()

    def wakes(self, server: str, within: float, what: str) -> None:
        """
        Give a sleeper that never had a job its first one, and see it woken in time.
        """
        queue = self.sleepers[server].pop()
        pushed = queue.push(1.0)
        woken = self.stage.history.replicas(AGENTS, queue.name, 1, within, since=pushed)
        note(f"{what}: the next job woke its agent after {woken.at - pushed:.2f} s")

    def untouched(self) -> None:
        """
        See that nobody was stopped, and nobody woken.
        """
        for agent in self.agents.values():
            assert agent.lowest(self.begun) >= 1, agent.name
        for queue in (*self.sleepers["redis"], *self.sleepers["rabbitmq"]):
            sizes = self.stage.history.sizes(AGENTS, queue.name, self.begun)
            assert all(size.wanted == 0 for size in sizes), queue.name

    def take_down(self) -> None:
        """
        Remove everybody.
        """
        for agent in self.agents.values():
            agent.remove()
        plain.take_down(_GROUP)


@pytest.fixture(scope="module")
def scene(stage: Stage) -> Generator[Scene]:
    """
    The scene of all outages.
    """
    scene = Scene(stage)
    scene.put_up()
    yield scene
    scene.take_down()


def _away(
    stage: Stage, servers: tuple[str, ...], seconds: float, at_its_end: Callable[[], None] = lambda: None
) -> None:
    """
    Stop servers, and bring them back after so long; something else may be done just before.
    """
    begun = time.monotonic()
    stage.stop(*servers)
    time.sleep(max(0.0, seconds - (time.monotonic() - begun)))
    at_its_end()
    stage.start(*servers)
    note(f"{' and '.join(servers)} away for {time.monotonic() - begun:.0f} s")


def test_redis_away_for_less_than_a_reading_stays_good(stage: Stage, scene: Scene) -> None:
    """Nothing changes, and the next job wakes within a second: the push stream is there."""
    _away(stage, ("redis",), 0.0)
    scene.untouched()
    scene.wakes("redis", 2.0, "Redis away for a moment")


def test_prometheus_and_rabbitmq_away_for_less_than_the_hold(stage: Stage, scene: Scene) -> None:
    """Whoever works is held, and the next job wakes at KEDA's next poll at the latest."""
    _away(stage, ("prometheus",), 0.0)
    _away(stage, ("rabbitmq",), 0.0)
    scene.untouched()
    scene.wakes("rabbitmq", 2 * POLL + 2, "RabbitMQ away for less than the hold")


def test_everything_away_for_longer_than_the_hold(stage: Stage, scene: Scene) -> None:
    """The scaler says that nothing is known, KEDA falls back to what runs, and everybody keeps what they have."""
    fallen: list[str] = []
    _away(stage, ("redis", "rabbitmq", "prometheus"), _LONG, lambda: fallen.extend(_fallen(scene)))
    note(f"KEDA's fallback was in force for {', '.join(fallen)}")
    scene.untouched()
    scene.wakes("redis", 2 * POLL + 2, "everything away for longer than the hold")
    scene.wakes("rabbitmq", 2 * POLL + 2, "everything away for longer than the hold")


def test_every_job_was_done_once(scene: Scene) -> None:
    """What was at work through all of it is done in the end, each job once."""
    for agent in scene.agents.values():
        eventually(f"the job of {agent.name} is done", agent.queue.all_done, _JOB + 60)
        assert agent.lowest(scene.begun) >= 1


def _fallen(scene: Scene) -> list[str]:
    """
    Return the agents for which KEDA's fallback is in force, once there are any.
    """
    return eventually(
        "KEDA falls back", lambda: [agent.name for agent in scene.agents.values() if _falls_back(agent.name)], 60
    )


def _falls_back(name: str) -> bool:
    told = get("scaledobjects.keda.sh", "-n", AGENTS, name)["status"].get("conditions", ())
    return any(each["type"] == "Fallback" and each["status"] == "True" for each in told)
