"""
What is read of Kubernetes' objects: a few fields of many, so that the rest is never held.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

import msgspec


class Owner(msgspec.Struct):
    """
    Who an object belongs to.
    """

    kind: str
    name: str
    controller: bool = False


class Meta(msgspec.Struct):
    """
    An object's metadata.
    """

    name: str = ""
    namespace: str = ""
    uid: str = ""
    resourceVersion: str = ""
    creationTimestamp: str = ""
    deletionTimestamp: str | None = None
    labels: dict[str, str] | None = None
    annotations: dict[str, str] | None = None
    ownerReferences: list[Owner] = []


class ScaleTargetRef(msgspec.Struct):
    """
    What a ScaledObject scales.
    """

    name: str = ""
    kind: str = "Deployment"
    apiVersion: str = "apps/v1"


class Fallback(msgspec.Struct):
    """
    What KEDA does while the scaler answers errors.
    """

    replicas: int = 0
    failureThreshold: int = 0


class ScalingRules(msgspec.Struct):
    """
    The HPA's rules for one direction.
    """

    stabilizationWindowSeconds: int | None = None


class Behavior(msgspec.Struct):
    """
    The HPA's behaviour.
    """

    scaleDown: ScalingRules | None = None


class HpaConfig(msgspec.Struct):
    """
    What KEDA hands on to the HPA.
    """

    behavior: Behavior | None = None


class Advanced(msgspec.Struct):
    """
    A ScaledObject's advanced settings.
    """

    horizontalPodAutoscalerConfig: HpaConfig | None = None


class Trigger(msgspec.Struct):
    """
    One trigger; its metadata is the scaler's caller's own affair.
    """

    type: str = ""
    metricType: str = ""


class ScaledObjectSpec(msgspec.Struct):
    """
    A ScaledObject's settings.
    """

    scaleTargetRef: ScaleTargetRef = msgspec.field(default_factory=ScaleTargetRef)
    minReplicaCount: int | None = None
    maxReplicaCount: int | None = None
    idleReplicaCount: int | None = None
    pollingInterval: int | None = None
    cooldownPeriod: int | None = None
    fallback: Fallback | None = None
    advanced: Advanced | None = None
    triggers: list[Trigger] = []


class ScaledObject(msgspec.Struct):
    """
    KEDA's ScaledObject.
    """

    metadata: Meta
    spec: ScaledObjectSpec = msgspec.field(default_factory=ScaledObjectSpec)


class TargetSpec(msgspec.Struct):
    """
    What a controller keeps.
    """

    replicas: int = 1


class Target(msgspec.Struct):
    """
    A Deployment or a StatefulSet.
    """

    metadata: Meta
    spec: TargetSpec = msgspec.field(default_factory=TargetSpec)


class Condition(msgspec.Struct):
    """
    One condition of a pod.
    """

    type: str
    status: str
    lastTransitionTime: str | None = None


class PodStatus(msgspec.Struct):
    """
    How a pod is.
    """

    phase: str = ""
    conditions: list[Condition] = []


class Pod(msgspec.Struct):
    """
    A pod.
    """

    metadata: Meta
    status: PodStatus = msgspec.field(default_factory=PodStatus)


Item = ScaledObject | Target | Pod
ItemT = TypeVar("ItemT", ScaledObject, Target, Pod)


class ListMeta(msgspec.Struct):
    """
    The metadata of a page of a list.
    """

    resourceVersion: str = ""
    continue_: str = msgspec.field(name="continue", default="")


class Page(msgspec.Struct, Generic[ItemT]):
    """
    A page of a list.
    """

    metadata: ListMeta
    items: list[ItemT]


class RawEvent(msgspec.Struct):
    """
    One line of a watch; what its object is follows from its type.
    """

    type: str
    object: msgspec.Raw


class Status(msgspec.Struct):
    """
    How Kubernetes says that something is wrong.
    """

    message: str = ""
    reason: str = ""
    code: int = 0


@dataclass(frozen=True, slots=True)
class Kind:
    """
    One kind of objects: where the API has it, what its objects are decoded as, and its word for people.
    """

    word: str
    api: str
    plural: str
    item: type[Item]

    @property
    def group(self) -> str:
        """The API group, as rules of access name it."""
        return self.api.split("/")[1] if self.api.startswith("apis/") else ""


SCALED_OBJECTS = Kind("ScaledObject", "apis/keda.sh/v1alpha1", "scaledobjects", ScaledObject)
DEPLOYMENTS = Kind("Deployment", "apis/apps/v1", "deployments", Target)
STATEFUL_SETS = Kind("StatefulSet", "apis/apps/v1", "statefulsets", Target)
PODS = Kind("Pod", "api/v1", "pods", Pod)
TARGETS = {kind.word: kind for kind in (DEPLOYMENTS, STATEFUL_SETS)}
"""The scale targets that are watched, by their word."""
