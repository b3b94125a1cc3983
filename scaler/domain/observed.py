"""
What an observer sees of a workload in its cluster: the replicas that really are there, and the bounds set for them.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Replica:
    """
    One pod of the scale target that has not ended.

    Attributes:
        pod: its name.
        created: when it was created, in seconds on the clock of `now`.
        ready_at: when it became ready, on the same clock; None while it is not.
    """

    pod: str
    created: float
    ready_at: float | None = None


@dataclass(frozen=True, slots=True)
class Observed:
    """
    A workload as its cluster shows it.

    Attributes:
        wanted: the replicas that the scale target's controller keeps (`spec.replicas`).
        replicas: the pods that are there, the oldest first; those about to go are left out.
        minimum, maximum: the ScaledObject's own `minReplicaCount` and `maxReplicaCount`, None where it names none.
        cooldown: its `cooldownPeriod` in seconds, or what KEDA takes where it names none.
    """

    wanted: int
    replicas: tuple[Replica, ...] = ()
    minimum: int | None = None
    maximum: int | None = None
    cooldown: float = 0.0

    @property
    def ready(self) -> int:
        """
        How many replicas are ready.
        """
        return sum(replica.ready_at is not None for replica in self.replicas)

    @property
    def ready_since(self) -> float | None:
        """
        Since when one of them is ready, None if none is.
        """
        return min((replica.ready_at for replica in self.replicas if replica.ready_at is not None), default=None)


@dataclass(frozen=True, slots=True)
class Sighting:
    """
    What an observer can say of a workload.

    Attributes:
        observed: the workload, None while it cannot be seen; `missing`: why not, in a sentence.
        warnings: settings of the ScaledObject that hurt, a sentence each.
    """

    observed: Observed | None = None
    missing: str = ""
    warnings: tuple[str, ...] = ()


NOT_SEEN = Sighting(missing="the cluster is not watched")
