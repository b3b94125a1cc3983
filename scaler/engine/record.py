"""
The record: one log line a change of decision, and the counters.
"""

from __future__ import annotations

import logging
from collections import Counter

from scaler.domain.decision import Decision, Reason, Verdict
from scaler.engine.roster import Workload
from scaler.engine.views import CountersView, Hold
from scaler.engine.workload import Caller, MetadataError

_log = logging.getLogger("scaler.decisions")

# What follows a loading without demand or a busy GPU follows because the budget was spent.
_AFTER_LOADING = frozenset({Reason.IDLE_WINDOW, Reason.QUIET, Reason.MINIMUM})
_WARNED = frozenset({Reason.UNKNOWN, Reason.HELD_UNKNOWN, Reason.GPU_HOLD_EXPIRED})


class Record:
    """
    Counts decisions and holds that ran out; logs what changed.
    """

    def __init__(self) -> None:
        self._decisions: Counter[Reason] = Counter()
        self._expired: Counter[Hold] = Counter()

    def decided(self, workload: Workload, before: Decision | None, after: Decision) -> bool:
        """
        Note a workload's new decision; return whether it differs from the one before in more than its readings.
        """
        if before is not None and _gist(before) == _gist(after):
            return False
        if workload.acts and (before is None or before.reason is not after.reason):
            self._decisions[after.reason] += 1
            self._note_expiry(None if before is None else before.reason, after.reason)
        _log.log(
            logging.WARNING if after.reason in _WARNED else logging.INFO,
            "%s: %s%s: %s",
            workload.caller,
            "" if workload.acts else "(only watched) ",
            _headline(after),
            after.sentence,
            extra={
                **_names(workload.caller),
                "verdict": after.verdict.value,
                "replicas": after.replicas,
                "phase": after.phase.value if after.phase else "unknown",
                "reason": after.reason.value,
                **({} if workload.acts else {"shadow": True}),
            },
        )
        return True

    def refused(self, workload: Workload, error: MetadataError) -> None:
        """
        Note that a workload's metadata means nothing under a new configuration.
        """
        _log.warning("%s: its trigger's metadata is refused: %s", workload.caller, error, extra=_names(workload.caller))

    def counters(self) -> CountersView:
        """
        Return what was counted, as a copy.
        """
        return CountersView(decisions_total=dict(self._decisions), holds_expired_total=dict(self._expired))

    def _note_expiry(self, before: Reason | None, after: Reason) -> None:
        """
        Count a hold that its bound ended.
        """
        if after is Reason.GPU_HOLD_EXPIRED:
            self._expired[Hold.GPU] += 1
        elif before is Reason.HELD_UNKNOWN and after is Reason.UNKNOWN:
            self._expired[Hold.UNKNOWN] += 1
        elif before is Reason.LOADING and after in _AFTER_LOADING:
            self._expired[Hold.LOADING] += 1


def _names(caller: Caller) -> dict[str, str]:
    return {"namespace": caller.namespace, "scaledobject": caller.name}


def _gist(decision: Decision) -> tuple[object, ...]:
    return decision.verdict, decision.replicas, decision.phase, decision.reason


def _headline(decision: Decision) -> str:
    if decision.verdict is Verdict.UNKNOWN:
        return "unknown"
    phase = decision.phase.value if decision.phase else "new"
    return f"{phase}, {decision.replicas} wanted, {decision.reason.value}"
