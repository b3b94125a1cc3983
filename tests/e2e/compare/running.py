"""
One policy after the other: its agent installed asleep, the trace replayed, everything that was seen handed over.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from loadgen.arrivals.jobs import Jobs
from tests.comparison.accounting import Replay, Step
from tests.comparison.lives import lives
from tests.e2e import agents, plain
from tests.e2e.agents import Agent
from tests.e2e.compare.replaying import Replaying
from tests.e2e.compare.rows import KEDA, Row
from tests.e2e.kubectl import apply, eventually, get, kubectl
from tests.e2e.names import AGENTS
from tests.e2e.stage import Stage, note

LOADING = 25
"""Seconds that a model takes to load."""

_DRAIN = {"preStopSeconds": 1, "jobSeconds": 5}
"""What a pod that is stopped has for the job it is at: less than many jobs take, as it is with long ones."""

_STARTING = 5
"""Seconds that a pod takes besides."""

_WITHIN = 120.0


def replayed(stage: Stage, row: Row, jobs: Jobs, length: float, replicas: int, wakes: Sequence[float]) -> Replay:
    """
    Replay the trace under a policy, for so many seconds.
    """
    agent = _installed(stage, row, replicas)
    try:
        _asleep(stage, agent)
        note(f"{row.name}: replaying {len(jobs)} jobs for {length:g} s")
        replaying = Replaying(agent, jobs)
        begin = replaying.run(length)
        end = begin + length
        note(f"{row.name}: jobs at most {replaying.late:.2f} s late, looks at most {replaying.blind:.2f} s apart")
        steps = [
            Step(size.at, size.wanted, size.ready)
            for size in stage.history.sizes(AGENTS, agent.name, begin)
            if size.at < end
        ]
        pods = lives(stage.history.pods(AGENTS, f"{agent.name}-", since=begin))
        return Replay(begin, end, replaying.ledger.records(), pods, steps, wakes)
    finally:
        kubectl("delete", "scaledobject.keda.sh", agent.name, "-n", AGENTS, "--ignore-not-found", within=_WITHIN)
        agent.remove()


def _installed(stage: Stage, row: Row, replicas: int) -> Agent:
    name = f"trace-{row.name}"
    keda: dict[str, Any] = {"enabled": False}
    if row.ours:
        keda = {
            "enabled": True,
            **{key: KEDA[key] for key in ("pollingInterval", "cooldownPeriod", "initialCooldownPeriod")},
            "maxReplicaCount": replicas,
            "loadSeconds": LOADING + _STARTING,
        }
    changes: dict[str, Any] = {"replicas": 0, "keda": keda, "drain": _DRAIN, "worker": {"loadSeconds": LOADING}}
    if row.ours:
        changes["queue"] = {"target": row.target}
    agent = agents.install(stage, name, "list", policy=row.name, **changes)
    if not row.ours:
        scaled = plain.scaled_object(name, name, {}, **row.settings)
        scaled["spec"] |= {"triggers": list(row.triggers(name, agent.queue.name)), "maxReplicaCount": replicas}
        apply(plain.redis_authentication(), scaled)
    return agent


def _asleep(stage: Stage, agent: Agent) -> None:
    """
    Return when KEDA has seen the agent, and it has no pod.

    A chart's Deployment that KEDA scales begins with one pod, which is sent away rather than waited for.
    """
    eventually(f"KEDA has seen {agent.name}", lambda: _known(agent), _WITHIN)
    kubectl("-n", AGENTS, "scale", f"deployment/{agent.name}", "--replicas=0")
    label = f"app.kubernetes.io/instance={agent.name}"
    eventually(f"{agent.name} has no pod", lambda: not get("pods", "-n", AGENTS, "-l", label)["items"], _WITHIN)
    assert stage.history.sizes(AGENTS, agent.name)[-1].wanted == 0, "it was woken without a job"


def _known(agent: Agent) -> bool:
    told = get("scaledobjects.keda.sh", "-n", AGENTS, agent.name)
    return bool(told.get("status", {}).get("externalMetricNames"))
