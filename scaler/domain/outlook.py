"""
What a policy kind is shown, and what it answers.
"""

from __future__ import annotations

from dataclasses import dataclass

from scaler.domain.decision import Reason, Want
from scaler.domain.observed import Observed


@dataclass(frozen=True, slots=True)
class Outlook:
    """
    The readings of one moment, as far as they are known.

    Attributes:
        wants: every signal of the policy, with what it wants alone.
        demand: whether there is work.
        busy: whether a GPU computes; `overheld`: whether one has held the workload for as long as it may.
        replicas: the replicas of the last decision, at first sight those that were seen; `kept`: whether they were kept
            by something that stands above the kind.
        maximum: the most replicas that the policy allows; the kind may want more, but need not remember more.
        seen_from, seen_to: the newest and the oldest of the samples. What is seen for the first time is known to be so
            from `seen_from` on, and what is seen again to have lasted until `seen_to`.
        observed: the workload as its cluster shows it, None where nobody may look.
    """

    wants: tuple[Want, ...]
    demand: bool
    busy: bool
    overheld: bool
    replicas: int
    kept: bool
    maximum: int
    seen_from: float
    seen_to: float
    observed: Observed | None = None


@dataclass(frozen=True, slots=True)
class Proposal:
    """
    The replicas that a kind wants, before the policy's bounds, why, and when its answer would change by itself.

    Where it wants none, the reason is `GPU_HOLD_EXPIRED` if it would want some but for `overheld`, otherwise `QUIET`.
    """

    replicas: int
    reason: Reason
    sentence: str
    state: object
    recheck_at: float | None = None
