"""
Agents on the stage: `loadgen worker` in pods with a GPU, installed by the agent's chart.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.e2e.history import Size
from tests.e2e.kubectl import eventually, kubectl
from tests.e2e.names import ADDRESS, AGENTS, AUTHENTICATION, SYSTEM
from tests.e2e.queues import ListQueue, Queue, RabbitQueue, StreamQueue
from tests.e2e.stage import ROOT, SCALER_IMAGE, Stage

CHART = str(ROOT / "charts" / "ai-agent")
_QUEUES: Mapping[str, type[Queue]] = {"list": ListQueue, "stream": StreamQueue, "rabbitmq": RabbitQueue}
POLL = 5
"""KEDA's pollingInterval here."""

COOLDOWN = 15
"""KEDA's cooldownPeriod here."""

_SYNC = 15.0
"""Seconds between two rounds of the HPA."""


@dataclass
class Agent:
    """
    An agent with its queue.
    """

    stage: Stage
    name: str
    queue: Queue

    def wanted(self, count: int, within: float, since: float = 0.0) -> Size:
        """
        Return the first size with so many replicas wanted.
        """
        return self.stage.history.replicas(AGENTS, self.name, count, within, since)

    def ready(self, count: int, within: float = 60.0) -> Size:
        """
        Return when just so many replicas are wanted and ready.
        """
        return self.stage.history.ready(AGENTS, self.name, count, within)

    def asleep(self, within: float = 90.0) -> None:
        """
        Return when nothing is wanted, and the last pod is gone: one that goes still takes jobs for a moment.
        """
        begun = self.stage.history.now()
        self.stage.history.until(AGENTS, self.name, lambda size: size.wanted == 0, within, since=begun)
        eventually(f"the last pod of {self.name} is gone", lambda: not self.pods(), within)

    def lowest(self, since: float) -> int:
        """
        Return the fewest replicas wanted since a moment.
        """
        return self.stage.history.lowest(AGENTS, self.name, since)

    def pods(self) -> list[str]:
        """
        Return the names of the pods that are there.
        """
        told = kubectl("-n", AGENTS, "get", "pods", "-l", f"app.kubernetes.io/instance={self.name}", "-o", "name")
        return [line.removeprefix("pod/") for line in told.split()]

    def remove(self) -> None:
        """
        Uninstall it.
        """
        self.stage.helm("uninstall", self.name, "-n", AGENTS, "--wait")


def install(stage: Stage, name: str, kind: str, *, policy: str = "", **changes: Any) -> Agent:
    """
    Install an agent with a queue of a kind: `list`, `stream` or `rabbitmq`. It starts with one replica.

    Its policy is by default the one for the kind of queue; the changes are values laid over the usual ones.
    """
    queue = _QUEUES[kind](stage, f"{name}-jobs")
    chosen = merged(values(stage, queue, policy), changes)
    stage.helm("install", name, CHART, "-n", AGENTS, values=chosen)
    return Agent(stage, name, queue)


def own_image(name: str, *, gpu: bool = True, **settings: str) -> dict[str, Any]:
    """
    Return values for an agent whose image is its owner's, so that the chart knows nothing of what it has in hand.

    It is the same worker all the same, told of its queue by its owner; *settings* are variables of its environment.
    Without *gpu* it takes none of the cluster's, of which there are few.
    """
    queue = f"{name}-jobs"
    password = {"name": "PASSWORD", "valueFrom": {"secretKeyRef": {"name": "queues", "key": "redis"}}}
    variables = {
        "LOADGEN_BROKER": f"redis://:$(PASSWORD)@redis.{SYSTEM}.svc:6379/0",
        "LOADGEN_QUEUE": queue,
        "LOADGEN_DONE": f"{queue}-done",
        "LOADGEN_GPU": "simulated",
        **settings,
    }
    pod = {"POD_NAME": "metadata.name", "POD_NAMESPACE": "metadata.namespace"}
    fields = [{"name": key, "valueFrom": {"fieldRef": {"fieldPath": path}}} for key, path in pod.items()]
    return {
        "worker": {"enabled": False},
        "command": ["loadgen", "worker"],
        "env": [password, *fields, *({"name": key, "value": value} for key, value in variables.items())],
        "queue": {"processing": ""},
        **({} if gpu else {"gpu": {"enabled": False}}),
    }


def values(stage: Stage, queue: Queue, policy: str = "") -> dict[str, Any]:
    """
    Return the usual values of an agent.
    """
    repository, _, tag = SCALER_IMAGE.rpartition(":")
    on_rabbitmq = isinstance(queue, RabbitQueue)
    gpu = {"enabled": True, "nodeSelector": {"nvidia.com/gpu.present": "true"}} if stage.gpus else {"enabled": False}
    where: dict[str, Any] = {
        "address": f"redis.{SYSTEM}.svc:6379",
        "passwordSecret": {"name": "queues", "key": "redis"},
    }
    if on_rabbitmq:
        where = {"address": f"rabbitmq.{SYSTEM}.svc:5672", "management": f"http://rabbitmq.{SYSTEM}.svc:15672"}
    trigger = {"policy": policy or queue.policy, "tls": {"enabled": True, "mutual": True}}
    return {
        "fullnameOverride": queue.name.removesuffix("-jobs"),
        "image": {"repository": repository, "tag": tag},
        "test": {"image": {"repository": repository, "tag": tag}},
        "resources": {"requests": {"cpu": "20m", "memory": "64Mi"}},
        "gpu": gpu,
        "queue": {"type": queue.policy, "name": queue.name, "target": 1, **where},
        "worker": {"gpu": "simulated", "loadSeconds": 2},
        "env": [{"name": "LOADGEN_DONE", "value": queue.books}],
        "probes": {"startup": {"periodSeconds": 1}, "readiness": {"periodSeconds": 1}},
        "drain": {"preStopSeconds": 1, "jobSeconds": 60},
        "keda": {
            "pollingInterval": POLL,
            "cooldownPeriod": COOLDOWN,
            "loadSeconds": 4,
            "initialCooldownPeriod": 5,
            "trigger": {
                "address": ADDRESS,
                "authenticationRef": {"name": AUTHENTICATION, "kind": "ClusterTriggerAuthentication"},
                **trigger,
            },
        },
        "networkPolicy": {"ingress": {"monitoringNamespace": SYSTEM}},
        "redis": {"enabled": False},
        "scaler": {"enabled": False},
    }


def merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """
    Return values with others laid over them.
    """
    both = {
        key: merged(below[key], above[key]) for key in below.keys() & above.keys() if isinstance(above[key], Mapping)
    }
    return {**below, **above, **both}
