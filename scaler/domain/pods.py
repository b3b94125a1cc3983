"""
Pods: which of them belong to a workload, and the GPU utilisation of all that are known.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import islice, takewhile

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
    _uses: Mapping[tuple[str, str], list[PodUse]] = field(init=False, repr=False, compare=False)
    _sorted: Mapping[str, list[str]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """
        Prepare for being asked by every workload in turn.
        """
        uses: dict[tuple[str, str], list[PodUse]] = {place: [] for place in self.trouble}
        for namespace, known in self.pods.items():
            for use in known:
                uses.setdefault((namespace, use.pod), []).append(use)
        names: dict[str, list[str]] = {}
        for namespace, pod in sorted(uses):
            names.setdefault(namespace, []).append(pod)
        object.__setattr__(self, "_uses", uses)
        object.__setattr__(self, "_sorted", names)

    @property
    def names(self) -> Collection[tuple[str, str]]:
        """
        All pods by namespace and name, those in trouble included.
        """
        return self._uses.keys()

    def of(self, namespace: str, workload: str) -> GpuUse | str | None:
        """
        Return the use of a workload's pods, the trouble with one of them, or None if none of them is known.
        """
        places = [(namespace, pod) for pod in self._starting_with(namespace, workload) if belongs(pod, workload)]
        if (ANY_POD, ANY_POD) in self._uses:
            places.append((ANY_POD, ANY_POD))
        for place in places:
            if place in self.trouble:
                return self.trouble[place]
        uses = tuple(use for place in places for use in self._uses[place])
        return GpuUse(uses) if uses else None

    def _starting_with(self, namespace: str, workload: str) -> Iterable[str]:
        names, prefix = self._sorted.get(namespace, []), workload[:_GENERATE_NAME_MAX]
        return takewhile(lambda pod: pod.startswith(prefix), islice(names, bisect_left(names, prefix), None))
