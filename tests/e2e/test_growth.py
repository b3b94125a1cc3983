"""
Beyond one: how soon there are as many as the jobs need.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from tests.e2e import plain
from tests.e2e.agents import Agent
from tests.e2e.kubectl import eventually
from tests.e2e.names import AGENTS
from tests.e2e.queues import ListQueue
from tests.e2e.stage import Stage, note


def test_from_one_to_all_in_the_first_round(stage: Stage, make: Callable[..., Agent]) -> None:
    """Four jobs at zero: one replica at once, and all four with the HPA's first round; each job is done once."""
    agent = make("grow", "list", gpu={"enabled": False})  # there may be no four GPUs to spare
    agent.asleep()
    pushed = agent.queue.push(12.0, 4)
    agent.wanted(1, 3, since=pushed)
    size = agent.wanted(4, 25, since=pushed)
    note(f"from one to four {size.at - pushed:.1f} s after the jobs")
    assert all(size.wanted in (0, 1, 4) for size in stage.history.sizes(AGENTS, agent.name, pushed))
    eventually("all jobs are done", agent.queue.all_done, 60)


def test_from_ten_to_eleven(stage: Stage) -> None:
    """One job more than ten replicas carry is one replica more, because the HPA's tolerance is set to nothing."""
    group = "eleven"
    queue = ListQueue(stage, group)
    behaviour = {direction: {"tolerance": 0, "stabilizationWindowSeconds": 0} for direction in ("scaleUp", "scaleDown")}
    behaviour["scaleUp"]["policies"] = [{"type": "Pods", "value": 20, "periodSeconds": 15}]  # type: ignore[assignment]
    advanced = {"horizontalPodAutoscalerConfig": {"behavior": behaviour}}
    trigger = plain.ours("plain", queue=group)
    plain.put_up([plain.deployment(group, group), plain.scaled_object(group, group, trigger, advanced=advanced)])
    eventually("KEDA has seen it", lambda: plain.seen(group), 60)
    queue.push(1.0, 10)
    ten = stage.history.replicas(AGENTS, group, 10, 45)
    time.sleep(2.0)
    queue.push(1.0)
    stage.history.replicas(AGENTS, group, 11, 45, since=ten.at)
    plain.take_down(group)
