"""
What a policy kind is shown, and what it answers.
"""

from __future__ import annotations

from dataclasses import dataclass

from scaler.domain.decision import Reason, Want
from scaler.domain.readings import QueueDepth


@dataclass(frozen=True, slots=True)
class Outlook:
    """
    The readings of one moment, as far as they are known.

    Attributes:
        wants: every signal of the policy, with what it wants alone.
        demand: whether there is work.
        busy: whether a GPU computes; `overheld`: whether it has held the workload for as long as it may.
        queue: the queue's depth, if it is a known signal.
        replicas: the replicas of the last decision, at first sight those that were seen.
        held: whether they were kept by something that stands above the kind.
        seen_from, seen_to: the newest and the oldest moment at which the demand signals were sampled. Quiet that begins
            now is known to begin at `seen_from`, and known to last until `seen_to`.
    """

    wants: tuple[Want, ...]
    demand: bool
    busy: bool
    overheld: bool
    queue: QueueDepth | None
    replicas: int
    held: bool
    seen_from: float
    seen_to: float


@dataclass(frozen=True, slots=True)
class Proposal:
    """
    The replicas that a kind wants, before the policy's bounds, why, and when its answer would change by itself.
    """

    replicas: int
    reason: Reason
    sentence: str
    state: object
    recheck_at: float | None = None
