"""
An observer against a cluster in which anything happens: in the end it sees what is there.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from random import Random

import pytest

from scaler.observer.fake import FakeCluster
from tests.observer.cluster import observed, pod, scaled_object, target, until

NAMES = ("one", "two", "three")


class World:
    """
    Workloads that come, change and go at random, and what is there of them. Several may name one target.
    """

    def __init__(self, cluster: FakeCluster, rng: Random) -> None:
        self.scaled_objects: dict[str, str] = {}
        self.targets: set[str] = set()
        self.pods: dict[str, dict[str, bool]] = {name: {} for name in NAMES}
        self._cluster = cluster
        self._rng = rng
        self._deeds: tuple[Callable[[str], Awaitable[None]], ...] = (
            self._scaled_object,
            self._target,
            self._put_pod,
            self._put_pod,
            self._delete_pod,
            self._break,
        )

    async def step(self) -> None:
        """
        Let something happen.
        """
        await self._rng.choice(self._deeds)(self._rng.choice(NAMES))

    def truth(self) -> dict[str, dict[str, bool] | None]:
        """
        Return each workload's pods, None where the ScaledObject or its target is not there.
        """
        named = {name: self.scaled_objects.get(name, "") for name in NAMES}
        return {name: self.pods[named[name]] if named[name] in self.targets else None for name in NAMES}

    async def _scaled_object(self, name: str) -> None:
        if name in self.scaled_objects and self._rng.random() < 0.4:
            del self.scaled_objects[name]
            await self._cluster.delete("scaledobjects", "ai", name)
        else:
            named = self.scaled_objects[name] = name if self._rng.random() < 0.6 else self._rng.choice(NAMES)
            maximum = self._rng.randrange(1, 9)
            item = scaled_object(name, target={"name": named}, maxReplicaCount=maximum)
            await self._cluster.put("scaledobjects", item)

    async def _target(self, name: str) -> None:
        if name in self.targets and self._rng.random() < 0.4:
            self.targets.remove(name)
            await self._cluster.delete("deployments", "ai", name)
        else:
            self.targets.add(name)
            await self._cluster.put("deployments", target(name, replicas=self._rng.randrange(5)))

    async def _put_pod(self, name: str) -> None:
        key, ready = f"{name}-{self._rng.randrange(4)}", self._rng.random() < 0.5
        self.pods[name][key] = ready
        await self._cluster.put("pods", pod(key, of=name, ready=5 if ready else None))

    async def _delete_pod(self, name: str) -> None:
        if self.pods[name]:
            key = self._rng.choice(sorted(self.pods[name]))
            del self.pods[name][key]
            await self._cluster.delete("pods", "ai", key)

    async def _break(self, _: str) -> None:
        self._cluster.drop()
        if self._rng.random() < 0.5:
            self._cluster.forget()


@pytest.mark.parametrize("seed", range(4))
async def test_in_the_end_it_sees_what_is_there(seed: int, cluster: FakeCluster, tmp_path: Path) -> None:
    """
    And nothing else, although watches broke, versions were too old, and ScaledObjects came later than their pods.
    """
    rng = Random(seed)  # noqa: S311 - what happens is no secret
    world = World(cluster, rng)
    async with observed(cluster, tmp_path) as it:
        for _ in range(120):
            await world.step()
            await asyncio.sleep(rng.random() * 0.02)  # now and then something is seen before the next thing happens
        await until(lambda: {name: it.pods(name) for name in NAMES} == world.truth())
