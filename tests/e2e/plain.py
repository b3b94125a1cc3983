"""
Many ScaledObjects at once, whose pods nobody has to run: what is looked at is what KEDA and the HPA want of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Any

from tests.e2e.kubectl import create, get, kubectl
from tests.e2e.names import ADDRESS, AGENTS, AUTHENTICATION, SYSTEM

LABEL = "e2e-plain"
"""The label that names a group."""

_PORTION = 40
_GONE_WITHIN = 180.0


def deployment(name: str, group: str) -> dict[str, Any]:
    """
    Return a Deployment at zero whose pods go to a node that only pretends to run them, or to none.
    """
    toleration = {"operator": "Exists"}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": AGENTS, "labels": {LABEL: group}},
        "spec": {
            "replicas": 0,
            "selector": {"matchLabels": {"app": name}},
            "template": {
                "metadata": {"labels": {"app": name}},
                "spec": {
                    "automountServiceAccountToken": False,
                    "terminationGracePeriodSeconds": 0,
                    "nodeSelector": {"type": "kwok"},
                    "tolerations": [toleration],
                    "securityContext": {
                        "runAsNonRoot": True,
                        "runAsUser": 65532,
                        "seccompProfile": {"type": "RuntimeDefault"},
                    },
                    "containers": [
                        {
                            "name": "none",
                            "image": "pause",
                            "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
                        }
                    ],
                },
            },
        },
    }


def scaled_object(name: str, group: str, trigger: dict[str, Any], **spec: Any) -> dict[str, Any]:
    """
    Return a ScaledObject of a Deployment of the same name.
    """
    return {
        "apiVersion": "keda.sh/v1alpha1",
        "kind": "ScaledObject",
        "metadata": {"name": name, "namespace": AGENTS, "labels": {LABEL: group}},
        "spec": {
            "scaleTargetRef": {"name": name},
            "minReplicaCount": 0,
            "maxReplicaCount": 20,
            "triggers": [trigger],
            **spec,
        },
    }


def ours(policy: str, *, type: str = "external-push", **metadata: str) -> dict[str, Any]:  # noqa: A002 - KEDA's word
    """
    Return a trigger on the scaler.
    """
    return {
        "type": type,
        "metadata": {"scalerAddress": ADDRESS, "enableTLS": "true", "policy": policy, **metadata},
        "authenticationRef": {"name": AUTHENTICATION, "kind": "ClusterTriggerAuthentication"},
    }


def stock_list(queue: str, target: int = 1) -> dict[str, Any]:
    """
    Return KEDA's own trigger on a Redis list.
    """
    return {
        "type": "redis",
        "metadata": {"address": f"redis.{SYSTEM}.svc:6379", "listName": queue, "listLength": str(target)},
        "authenticationRef": {"name": "redis"},
    }


def redis_authentication() -> dict[str, Any]:
    """
    Return what KEDA's own trigger needs to log in.
    """
    reference = {"parameter": "password", "name": "queues", "key": "redis"}
    return {
        "apiVersion": "keda.sh/v1alpha1",
        "kind": "TriggerAuthentication",
        "metadata": {"name": "redis", "namespace": AGENTS},
        "spec": {"secretTargetRef": [reference]},
    }


def put_up(objects: Iterable[dict[str, Any]]) -> None:
    """
    Make objects, so many at a time.
    """
    waiting = iter(objects)
    while portion := list(islice(waiting, _PORTION)):
        create(*portion)


def take_down(group: str) -> None:
    """
    Remove a group: its ScaledObjects first.
    """
    _delete("-l", f"{LABEL}={group}")


def remove(names: Sequence[str]) -> None:
    """
    Remove some by their names: ScaledObjects first.
    """
    _delete(*names)


def _delete(*chosen: str) -> None:
    for kind in ("scaledobjects.keda.sh", "deployments"):
        kubectl("delete", kind, "-n", AGENTS, *chosen, "--wait=true", "--ignore-not-found", within=_GONE_WITHIN)


def numbered(group: str, number: int) -> Sequence[str]:
    """
    Return the names of a group.
    """
    return [f"{group}-{index:03d}" for index in range(number)]


def seen(name: str) -> bool:
    """
    Tell whether KEDA has asked about a ScaledObject: before that, a push is lost.
    """
    told = get("scaledobjects.keda.sh", "-n", AGENTS, name)
    return bool(told.get("status", {}).get("externalMetricNames"))
