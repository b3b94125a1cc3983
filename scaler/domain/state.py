"""
What is remembered of a workload from one decision to the next. Bounded, and a value: the load lab keeps it, too.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from scaler.domain.decision import Phase, Reason
from scaler.domain.kinds import KINDS


@dataclass(frozen=True, slots=True)
class State:
    """
    The state of one workload; the default is that of one never seen.

    Attributes:
        phase: where it stands, None at first sight; `since`: since when.
        replicas, reason: those of the last decision that was one; `kept`: whether the replicas were more than the
            policy kind wanted, because something above it held them.
        woken_at: when it last left idle; `first_in_flight`: the jobs in flight then, or when that was first known.
        up: its replicas were seen since, or are taken to be there; `worked`: they were seen at work since.
        series_seen: its pods had series since, so that their absence is no longer normal.
        held_since: since when a busy GPU alone has held it, over all interruptions.
        blocked_since: since when nothing could be concluded.
        kind: what the policy kind remembers.
    """

    phase: Phase | None = None
    since: float = 0.0
    replicas: int = 0
    reason: Reason = Reason.UNKNOWN
    kept: bool = False
    woken_at: float = 0.0
    first_in_flight: int | None = None
    up: bool = False
    worked: bool = False
    series_seen: bool = False
    held_since: float | None = None
    blocked_since: float | None = None
    kind: object = None

    def having(self, **changes: Any) -> State:
        """
        Return the state with other values; the very same where that changes nothing, as for most who sleep.
        """
        if all(getattr(self, name) == value for name, value in changes.items()):
            return self
        return replace(self, **changes)

    def interrupted(self, params: object) -> State:
        """
        Return the state for a policy of those parameters that reads something else from now on: nothing is open.
        """
        return self if self.kind is None else self.having(kind=KINDS[type(params)].interrupted(self.kind))

    def handed_on(self) -> State:
        """
        Return what another trigger of the same ScaledObject may begin with: all that keeps the workload awake.

        That one trigger has nothing to do tells nothing about what another sees, so nothing is handed on from idle; and
        jobs in flight on one queue tell nothing about another's.
        """
        return NEVER_SEEN if self.phase is Phase.IDLE else replace(self, first_in_flight=None)


NEVER_SEEN = State()
