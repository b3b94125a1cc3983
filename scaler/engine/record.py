"""
The record: one log line a change of decision, and the counters.
"""

from __future__ import annotations

import logging
from collections import Counter

from scaler.domain.decision import Decision, Reason, Verdict
from scaler.engine.roster import Workload
from scaler.engine.views import CountersView, Hold

_log = logging.getLogger("scaler.decisions")

_HOLDS = {Reason.HELD_UNKNOWN: Hold.UNKNOWN, Reason.LOADING: Hold.LOADING, Reason.GPU_BUSY: Hold.GPU}
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
        if before is None or before.reason is not after.reason:
            self._decisions[after.reason] += 1
            self._note_expiry(before, after)
        _log.log(
            logging.WARNING if after.reason in _WARNED else logging.INFO,
            "%s: %s: %s",
            workload.caller,
            _headline(after),
            after.sentence,
            extra={
                "namespace": workload.caller.namespace,
                "scaledobject": workload.caller.name,
                "verdict": after.verdict.value,
                "replicas": after.replicas,
                "phase": after.phase.value if after.phase else "unknown",
                "reason": after.reason.value,
            },
        )
        return True

    def counters(self) -> CountersView:
        """
        Return what was counted, as a copy.
        """
        return CountersView(decisions_total=dict(self._decisions), holds_expired_total=dict(self._expired))

    def _note_expiry(self, before: Decision | None, after: Decision) -> None:
        if before is None or before.reason not in _HOLDS:
            return
        hold = _HOLDS[before.reason]
        ran_out = {
            Hold.GPU: after.reason is Reason.GPU_HOLD_EXPIRED,
            Hold.UNKNOWN: after.reason is Reason.UNKNOWN,
            # Whatever follows without work having been seen follows because the budget was spent.
            Hold.LOADING: after.verdict is Verdict.INACTIVE,
        }
        if ran_out[hold]:
            self._expired[hold] += 1


def _gist(decision: Decision) -> tuple[object, ...]:
    return decision.verdict, decision.replicas, decision.phase, decision.reason


def _headline(decision: Decision) -> str:
    if decision.verdict is Verdict.UNKNOWN:
        return "unknown"
    phase = decision.phase.value if decision.phase else "new"
    return f"{phase}, {decision.replicas} wanted, {decision.reason.value}"
