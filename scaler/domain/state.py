"""
What is remembered of a workload from one decision to the next. Bounded, and a value: the load lab keeps it, too.
"""

from __future__ import annotations

from dataclasses import dataclass

from scaler.domain.decision import Phase, Reason
from scaler.domain.readings import QueueDepth


@dataclass(frozen=True, slots=True)
class State:
    """
    The state of one workload; the default is that of one never seen.

    Attributes:
        phase: where it stands, None at first sight; `since`: since when.
        replicas, reason: those of the last decision that was one.
        woken_at: when it last left idle; `woken_with`: the queue at that moment.
        up: its replicas were seen since; `worked`: they were seen at work since.
        series_seen: its pods had series since, so that their absence is no longer normal.
        held_since: since when a busy GPU alone has held it, over all interruptions.
        blocked_since: since when nothing could be concluded.
        kind: what the policy kind remembers.
    """

    phase: Phase | None = None
    since: float = 0.0
    replicas: int = 0
    reason: Reason = Reason.UNKNOWN
    woken_at: float = 0.0
    woken_with: QueueDepth | None = None
    up: bool = False
    worked: bool = False
    series_seen: bool = False
    held_since: float | None = None
    blocked_since: float | None = None
    kind: object = None


NEVER_SEEN = State()
