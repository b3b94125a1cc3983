"""
The decision: one frozen value that the RPCs, the log, the metrics and the page all show.
"""

from __future__ import annotations

from dataclasses import dataclass

from scaler.domain.choice import Choice
from scaler.domain.readings import Reading, Signal


class Phase(Choice):
    """
    Where a workload stands.
    """

    IDLE = "idle"
    WAKING = "waking"
    ACTIVE = "active"
    HOLDING = "holding"


class Verdict(Choice):
    """
    What is said of activity; unknown is a third value that becomes an error only at the edge.
    """

    ACTIVE = "active"
    INACTIVE = "inactive"
    UNKNOWN = "unknown"


class Reason(Choice):
    """
    Why: the closed list.
    """

    DEMAND = "demand"
    """There is work, and the replicas for it are wanted."""
    SCALING_DOWN_LATER = "scaling-down-later"
    """There is work for fewer replicas, and the stabilisation window still holds more."""
    MINIMUM = "minimum"
    """There is no work, and the policy's minimum stays."""
    IDLE_WINDOW = "idle-window"
    """There is no work, and it has not been quiet for long enough."""
    KEEP_ALIVE = "keep-alive"
    """A replica without work is kept for a while, because that costs less than starting it again."""
    GPU_BUSY = "gpu-busy"
    """There is no demand, and a GPU is still computing."""
    LOADING = "loading"
    """There is no demand, and the workload was woken and has shown no sign of working yet."""
    HELD_UNKNOWN = "held-unknown"
    """Something needed is not known; the last decision is kept for a bounded time."""
    UNKNOWN = "unknown"
    """Something needed is not known, and no decision can be kept."""
    QUIET = "quiet"
    """There is no work, or not enough to be awake for."""
    GPU_HOLD_EXPIRED = "gpu-hold-expired"
    """There is no demand, and a busy GPU has held the workload for as long as it may."""


@dataclass(frozen=True, slots=True)
class Want:
    """
    One signal's part in a decision: its reading, and the replicas it wants (None while it is unknown).
    """

    signal: Signal
    reading: Reading
    target: float
    replicas: float | None


@dataclass(frozen=True, slots=True)
class Decision:
    """
    Active or not, the desired replicas, the reason, and the readings behind them.

    Attributes:
        replicas: the desired replicas; 0 exactly when the verdict is not active.
        sentence: the reason in one sentence for people; for an unknown verdict it says what to act on.
        at: when it was made; `since`: since when the phase lasts.
        recheck_at: when to decide again even if no reading comes, or None.
    """

    verdict: Verdict
    replicas: int
    phase: Phase | None
    reason: Reason
    sentence: str
    wants: tuple[Want, ...]
    at: float
    since: float
    recheck_at: float | None
