"""
Pods: which of them belong to a workload, and the GPU utilisation of all that are known.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from scaler.domain.readings import GpuUse, PodUse

# Kubernetes writes hashes and random suffixes in this alphabet (k8s.io/apimachinery/pkg/util/rand).
_SAFE = "bcdfghjklmnpqrstvwxz2456789"
_SUFFIX = 5
_GENERATE_NAME_MAX = 63 - _SUFFIX
# The hash is a number of up to ten digits, written digit by digit; one shorter than five comes once in 400,000 (and
# would make the Job `agent-v2` a part of `agent`).
_REPLICA_SET_HASH = re.compile(rf"-[{_SAFE}]{{5,10}}-")
_RANDOM = re.compile(rf"[{_SAFE}]{{{_SUFFIX}}}")
ANY_POD = "*"


def belongs(pod: str, workload: str) -> bool:
    """
    Tell whether a pod's name is one that the Deployment, ReplicaSet or StatefulSet *workload* gives to its pods.

    `agent-7c9d8b6f5-x2x4z` and `agent-0` belong to `agent`; `agent-big-7c9d8b6f5-x2x4z` does not. Kubernetes cuts a
    name before its random suffix at 58 characters; a hash that was cut off still belongs.
    """
    if not pod.startswith(workload[:_GENERATE_NAME_MAX]):
        return False
    ordinal = pod.removeprefix(f"{workload}-")
    if ordinal != pod and ordinal.isdecimal():
        return True
    stem, suffix = pod[:-_SUFFIX], pod[-_SUFFIX:]
    if not _RANDOM.fullmatch(suffix):
        return False
    if len(stem) == _GENERATE_NAME_MAX and len(workload) >= _GENERATE_NAME_MAX - len("-0123456789-"):
        return stem.startswith(f"{workload}-"[:_GENERATE_NAME_MAX])
    rest = stem.removeprefix(workload)
    return rest != stem and (rest == "-" or _REPLICA_SET_HASH.fullmatch(rest) is not None)


@dataclass(frozen=True, slots=True)
class Fleet:
    """
    GPU utilisation by namespace, one entry for each pod and GPU, as one question to a source answers it for everybody.

    `trouble` names what was wrong with single pods' values (a sentinel, a value out of range): such a pod is unknown.
    A source that cannot tell pods apart (NVML on a node of one workload) uses the namespace and pod `ANY_POD`.
    """

    pods: Mapping[str, tuple[PodUse, ...]] = field(default_factory=dict)
    trouble: Mapping[tuple[str, str], str] = field(default_factory=dict)

    @property
    def names(self) -> set[tuple[str, str]]:
        """
        All pods by namespace and name, those in trouble included.
        """
        return {(namespace, use.pod) for namespace, uses in self.pods.items() for use in uses} | set(self.trouble)

    def of(self, namespace: str, workload: str) -> GpuUse | str | None:
        """
        Return the use of a workload's pods, the trouble with one of them, or None if none of them is known.
        """
        troubles: Iterable[tuple[tuple[str, str], str]] = self.trouble.items()
        for (where, pod), cause in troubles:
            if where in (namespace, ANY_POD) and (pod == ANY_POD or belongs(pod, workload)):
                return cause
        everywhere = self.pods.get(ANY_POD, ())
        uses = tuple(use for use in self.pods.get(namespace, ()) if belongs(use.pod, workload))
        return GpuUse(uses + everywhere) if uses or everywhere else None
