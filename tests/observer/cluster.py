"""
Clusters as an observer's tests stage them: manifests, and an observer that looks at a fake cluster at a quick pace.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

from scaler.observer.api import Api
from scaler.observer.fake import FakeCluster
from scaler.observer.lens import Pace
from scaler.observer.observer import ClusterObserver, Watching, observing

Json = dict[str, Any]

QUICK = Pace(fresh=0.4, watch=1, silence=0.5, soonest=0.05, first=0.05, longest=0.2, refused=0.2)
"""Times for tests: what happens within a minute otherwise, within a second."""

WITHIN = 15.0


def stamp(seconds_ago: float) -> str:
    """
    Return a time as the API writes it.
    """
    return (datetime.now(UTC) - timedelta(seconds=seconds_ago)).isoformat(timespec="seconds").replace("+00:00", "Z")


def scaled_object(name: str = "agent", namespace: str = "ai", *, target: Json | None = None, **spec: Any) -> Json:
    """
    Return a ScaledObject that hurts nobody, unless told otherwise.
    """
    down = {"scaleDown": {"stabilizationWindowSeconds": 0}}
    whole = {
        "scaleTargetRef": target or {"name": name},
        "pollingInterval": 15,
        "cooldownPeriod": 60,
        "advanced": {"horizontalPodAutoscalerConfig": {"behavior": down}},
        "triggers": [{"type": "external-push", "metadata": {"scalerAddress": "scaler:6000"}}],
        **spec,
    }
    return {"metadata": {"name": name, "namespace": namespace, "uid": f"uid-{name}"}, "spec": whole}


def target(name: str = "agent", namespace: str = "ai", replicas: int = 1) -> Json:
    """
    Return a Deployment, or a StatefulSet.
    """
    return {"metadata": {"name": name, "namespace": namespace}, "spec": {"replicas": replicas}}


def pod(
    name: str,
    *,
    of: str = "agent",
    ready: float | None = None,
    age: float = 100.0,
    ordinal: bool = False,
    **metadata: Any,
) -> Json:
    """
    Return a pod of a Deployment (or of a StatefulSet), so many seconds old, and ready for so long.
    """
    condition = {"type": "Ready", "status": "False" if ready is None else "True"}
    if ready is not None:
        condition["lastTransitionTime"] = stamp(ready)
    kind, owner = ("StatefulSet", of) if ordinal else ("ReplicaSet", f"{of}-7c9d8b6f5")
    return {
        "metadata": {
            "name": name,
            "namespace": "ai",
            "creationTimestamp": stamp(age),
            "labels": {"app": "whatever", "pod-template-hash": "7c9d8b6f5"},
            "ownerReferences": [{"kind": kind, "name": owner, "controller": True, "apiVersion": "apps/v1"}],
            **metadata,
        },
        "status": {"phase": "Running", "conditions": [{"type": "Initialized", "status": "True"}, condition]},
    }


@dataclass
class Staged:
    """
    A fake cluster and who observes it.
    """

    cluster: FakeCluster
    observer: ClusterObserver
    changed: list[tuple[str, str]] = field(default_factory=list)

    def pods(self, name: str = "agent") -> dict[str, bool] | None:
        """
        Return the pods that are seen, and whether they are ready; None where nothing is.
        """
        observed = self.observer.observed("ai", name)
        return None if observed is None else {each.pod: each.ready_at is not None for each in observed.replicas}

    def missing(self, name: str = "agent", namespace: str = "ai") -> str:
        """
        Return what is said to be missing.
        """
        return self.observer.sighting(namespace, name).missing


@asynccontextmanager
async def observed(cluster: FakeCluster, folder: Path, **watching: Any) -> AsyncIterator[Staged]:
    """
    Observe a fake cluster that runs.
    """
    api = Api.opened(cluster.kubeconfig(folder / "kubeconfig"))
    async with observing(api, Watching(pace=QUICK, **watching), Random(4)) as observer:  # noqa: S311 - no secret
        staged = Staged(cluster, observer)
        observer.listen(lambda namespace, name: staged.changed.append((namespace, name)))
        yield staged


async def until(condition: Callable[[], bool], within: float = WITHIN) -> None:
    """
    Return when a condition holds.

    Raises:
        TimeoutError: it does not hold in time.
    """
    async with asyncio.timeout(within):
        while not condition():  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0.01)
