"""
The picture of a cluster: the ScaledObjects that call scalers, their scale targets, and the targets' pods.

Nothing else is held, and of these only what matters. Pods are told apart by who owns them: a Deployment's name is
that of the ReplicaSet without the hash that the pod itself carries, so that no ReplicaSets need be watched.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from functools import lru_cache
from sys import intern

from scaler.domain.observed import Observed, Replica
from scaler.observer.clock import Clock
from scaler.observer.objects import (
    DEPLOYMENTS,
    PODS,
    SCALED_OBJECTS,
    STATEFUL_SETS,
    TARGETS,
    Item,
    Kind,
    Meta,
    Pod,
    ScaledObject,
    Target,
)
from scaler.observer.settings import calls_scalers, cooldown, warnings

COST = "controller.kubernetes.io/pod-deletion-cost"

_HASH = "pod-template-hash"
_ENDED = frozenset({"Succeeded", "Failed"})

TargetKey = tuple[str, str, str]
"""Kind, namespace and name of a scale target."""


@dataclass(slots=True)
class Held:
    """
    What is held of a ScaledObject.

    Attributes:
        target: its scale target; None if it is of a kind that is not watched, `foreign` then.
        minimum, maximum: its bounds, as far as they always hold; `cooldown`: KEDA's, in seconds.
        observed: the workload as last put together, None if something has changed since.
    """

    namespace: str
    name: str
    uid: str
    target: TargetKey | None
    foreign: str
    minimum: int | None
    maximum: int | None
    cooldown: float
    warnings: tuple[str, ...]
    observed: Observed | None = None

    @property
    def bounds(self) -> tuple[int | None, int | None, float]:
        """
        What KEDA keeps to, whatever is answered: minimum, maximum and cooldown.
        """
        return self.minimum, self.maximum, self.cooldown


@dataclass(frozen=True, slots=True)
class PodHeld:
    """
    What is held of a pod: the replica that it is, and its deletion cost where it has one.
    """

    replica: Replica
    cost: str | None = None


@dataclass(slots=True)
class TargetHeld:
    """
    What is held of a scale target that ScaledObjects name.

    Attributes:
        scaled_objects: the keys of those that name it: one, but for moments in which another takes its place.
        replicas: its `spec.replicas`, None as long as it is not there.
        pods: its pods by name, those about to go left out; None while there are none, as for most.
    """

    scaled_objects: tuple[tuple[str, str], ...]
    replicas: int | None = None
    pods: dict[str, PodHeld] | None = None


class Picture:
    """
    Takes in objects as they come, and puts workloads together when asked.

    Args:
        clock: translates the objects' times.
        changed: is told the ScaledObjects (namespace, name) of whose workload something is new.
        wanted: is told of a scale target that is new here, so that what is known of it already has to be read.
    """

    def __init__(self, clock: Clock, changed: Callable[[str, str], None], wanted: Callable[[TargetKey], None]) -> None:
        self._clock = clock
        self._changed = changed
        self._wanted = wanted
        self._scaled_objects: dict[tuple[str, str], Held] = {}
        self._targets: dict[TargetKey, TargetHeld] = {}

    def find(self, namespace: str, name: str) -> Held | None:
        """
        Return what is held of a ScaledObject.
        """
        return self._scaled_objects.get((namespace, name))

    def observed(self, held: Held) -> Observed | None:
        """
        Return a ScaledObject's workload, None if its scale target is not there.
        """
        target = None if held.target is None else self._targets.get(held.target)
        if held.observed is None and target is not None and target.replicas is not None:
            pods = sorted((pod.replica for pod in (target.pods or {}).values()), key=lambda pod: (pod.created, pod.pod))
            held.observed = _put_together(target.replicas, tuple(pods), held)
        return held.observed

    def keys_of(self, target: TargetKey) -> tuple[tuple[str, str], ...]:
        """
        Return the namespaces and names of the ScaledObjects that scale a target.
        """
        found = self._targets.get(target)
        return () if found is None else found.scaled_objects

    def costs(self, held: Held) -> dict[str, str | None]:
        """
        Return the deletion costs of a workload's pods.
        """
        target = None if held.target is None else self._targets.get(held.target)
        return {} if target is None else {name: pod.cost for name, pod in (target.pods or {}).items()}

    def put(self, kind: Kind, item: Item) -> None:
        """
        Take in an object as it is now.
        """
        match item:
            case ScaledObject():
                self._put_scaled_object(item)
            case Target(metadata, spec):
                target = self._targets.get((kind.word, metadata.namespace, metadata.name))
                if target is not None and target.replicas != spec.replicas:
                    target.replicas = spec.replicas
                    self._renew(target)
            case Pod():
                self._put_pod(item)

    def remove(self, kind: Kind, item: Item) -> None:
        """
        Forget an object that is no more.
        """
        metadata = item.metadata
        match item:
            case ScaledObject():
                self._remove_scaled_object(metadata.namespace, metadata.name)
            case Target():
                self._remove_target((kind.word, metadata.namespace, metadata.name))
            case Pod():
                self._remove_pod(self._targets.get(_owner(metadata) or _NOBODYS), metadata.name)

    def retain(self, kind: Kind, namespace: str | None, there: Collection[tuple[str, str]]) -> None:
        """
        Forget all objects of a kind, in a namespace or in all, but those that are *there* (namespace, name).
        """
        if kind is SCALED_OBJECTS:
            for key in [key for key in self._scaled_objects if namespace in (None, key[0]) and key not in there]:
                self._remove_scaled_object(*key)
            return
        for of, target in self._targets.items():
            word, place, named = of
            if namespace not in (None, place):
                continue
            if kind is PODS:
                for name in [name for name in target.pods or () if (place, name) not in there]:
                    self._remove_pod(target, name)
            elif kind.word == word and (place, named) not in there:
                self._remove_target(of)

    def _put_scaled_object(self, item: ScaledObject) -> None:
        spec, namespace, name = item.spec, intern(item.metadata.namespace), item.metadata.name
        if not calls_scalers(item):
            self._remove_scaled_object(namespace, name)
            return
        before = self._scaled_objects.get((namespace, name))
        kind = spec.scaleTargetRef.kind or "Deployment"
        named = name if spec.scaleTargetRef.name == name else spec.scaleTargetRef.name  # one text for both, as a rule
        target = (intern(kind), namespace, named) if kind in TARGETS else None
        # With an idle count KEDA goes below the minimum, so that it does not always hold.
        minimum = spec.minReplicaCount if spec.idleReplicaCount is None else None
        after = Held(
            namespace, name, item.metadata.uid, target, "" if target else kind, minimum, spec.maxReplicaCount,
            cooldown(spec), warnings(item),
        )  # fmt: skip
        if before is not None and before.target == target:
            after.observed = before.observed if before.bounds == after.bounds else None
            same = replace(after, observed=None) == replace(before, observed=None)
            self._scaled_objects[namespace, name] = after
            if not same:
                self._changed(namespace, name)
            return
        self._remove_scaled_object(namespace, name)
        key = namespace, name
        self._scaled_objects[key] = after
        if target is not None:
            self._name_target(target, key)
        self._changed(namespace, name)

    def _remove_scaled_object(self, namespace: str, name: str) -> None:
        held = self._scaled_objects.pop((namespace, name), None)
        if held is None:
            return
        if held.target is not None:
            self._leave_target(held.target, (namespace, name))
        self._changed(namespace, name)

    def _name_target(self, target: TargetKey, key: tuple[str, str]) -> None:
        """
        Hold a scale target for a ScaledObject. One that takes another's place may come before that one goes.
        """
        there = self._targets.get(target)
        if there is not None:
            there.scaled_objects += (key,)
            return
        self._targets[target] = TargetHeld((key,))
        self._wanted(target)

    def _leave_target(self, target: TargetKey, key: tuple[str, str]) -> None:
        """
        Hold a scale target no more for a ScaledObject, and not at all if no other names it.
        """
        there = self._targets.get(target)
        if there is None:
            return
        there.scaled_objects = tuple(each for each in there.scaled_objects if each != key)
        if not there.scaled_objects:
            del self._targets[target]

    def _remove_target(self, key: TargetKey) -> None:
        target = self._targets.get(key)
        if target is not None and target.replicas is not None:
            target.replicas = None
            self._renew(target)

    def _put_pod(self, item: Pod) -> None:
        metadata = item.metadata
        target = self._targets.get(_owner(metadata) or _NOBODYS)
        if target is None:
            return
        if metadata.deletionTimestamp is not None or item.status.phase in _ENDED:
            self._remove_pod(target, metadata.name)
            return
        ready = next((each for each in item.status.conditions if each.type == "Ready" and each.status == "True"), None)
        ready_at = None if ready is None else self._clock.translate(ready.lastTransitionTime)
        replica = Replica(metadata.name, self._clock.translate(metadata.creationTimestamp), ready_at)
        if target.pods is None:
            target.pods = {}
        before = target.pods.get(metadata.name)
        target.pods[metadata.name] = PodHeld(replica, (metadata.annotations or {}).get(COST))
        if before is None or before.replica != replica:
            self._renew(target)

    def _remove_pod(self, target: TargetHeld | None, name: str) -> None:
        if target is None or not target.pods or target.pods.pop(name, None) is None:
            return
        target.pods = target.pods or None
        self._renew(target)

    def _renew(self, target: TargetHeld) -> None:
        for key in target.scaled_objects:
            held = self._scaled_objects.get(key)
            if held is not None:
                held.observed = None
                self._changed(held.namespace, held.name)


_NOBODYS: TargetKey = ("", "", "")


def _owner(metadata: Meta) -> TargetKey | None:
    """
    Return the scale target that a pod belongs to, None if it is of none that is watched.
    """
    owner = next((each for each in metadata.ownerReferences if each.controller), None)
    if owner is None:
        return None
    if owner.kind == STATEFUL_SETS.word:
        return owner.kind, metadata.namespace, owner.name
    suffix = f"-{(metadata.labels or {}).get(_HASH, '')}"
    if owner.kind == "ReplicaSet" and len(suffix) > 1 and owner.name.endswith(suffix):
        return DEPLOYMENTS.word, metadata.namespace, owner.name.removesuffix(suffix)
    return None


@lru_cache(maxsize=1000)
def _asleep(wanted: int, minimum: int | None, maximum: int | None, cooldown: float) -> Observed:
    """
    Return a workload without pods, one and the same for all that are alike: most of them sleep.
    """
    return Observed(wanted, (), minimum, maximum, cooldown)


def _put_together(wanted: int, pods: tuple[Replica, ...], held: Held) -> Observed:
    return Observed(wanted, pods, *held.bounds) if pods else _asleep(wanted, *held.bounds)
