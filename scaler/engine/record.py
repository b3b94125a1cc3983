"""
The record: one log line a change of decision, and the counters.
"""

from __future__ import annotations

import logging
from collections import Counter

from scaler.domain.decision import Decision, Reason, Verdict
from scaler.engine.roster import Roster, Workload
from scaler.engine.views import CountersView, Hold
from scaler.engine.workload import Caller, MetadataError

_log = logging.getLogger("scaler.decisions")

# What follows a loading without demand or a busy GPU follows because the budget was spent.
_AFTER_LOADING = frozenset({Reason.IDLE_WINDOW, Reason.QUIET, Reason.MINIMUM})
_LONGEST_NAME = 253  # Kubernetes'
_WARNED = frozenset({Reason.UNKNOWN, Reason.HELD_UNKNOWN, Reason.GPU_HOLD_EXPIRED})


class Record:
    """
    Counts decisions and holds that ran out; logs what changed, each line with the workload that it is about.
    """

    def __init__(self, roster: Roster) -> None:
        self._roster = roster
        self._decisions: Counter[Reason] = Counter()
        self._expired: Counter[Hold] = Counter()
        self._turned_away: dict[int, None] = {}

    def decided(self, workload: Workload, before: Decision | None, after: Decision) -> bool:
        """
        Note a workload's new decision; return whether it differs from the one before in more than its readings.
        """
        if before is not None and _gist(before) == _gist(after):
            return False
        if workload.acts and (before is None or before.reason is not after.reason):
            self._decisions[after.reason] += 1
            self._note_expiry(workload, None if before is None else before.reason, after)
        _log.log(
            logging.WARNING if after.reason in _WARNED else logging.INFO,
            "%s: %s%s: %s",
            workload.caller,
            "" if workload.acts else "(only watched) ",
            _headline(after),
            after.sentence,
            extra={
                **self._names(workload),
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
        _log.warning("%s: its trigger's metadata is refused: %s", workload.caller, error, extra=self._names(workload))

    def turned_away(self, caller: Caller, error: MetadataError) -> None:
        """
        Note that the metadata of a caller not seen before means nothing: once, because KEDA calls again and again.

        As many are kept in mind as there may be workloads.
        """
        mark = hash((caller.namespace, caller.name, str(error)))
        if mark in self._turned_away:
            return
        while len(self._turned_away) >= self._roster.capacity:
            del self._turned_away[next(iter(self._turned_away))]
        self._turned_away[mark] = None
        namespace, name = caller.namespace[:_LONGEST_NAME], caller.name[:_LONGEST_NAME]
        _log.warning(
            "%s: its trigger's metadata is refused: %s",
            repr(f"{namespace}/{name}")[1:-1],  # it may be nothing that Kubernetes could have
            error,
            extra={"namespace": namespace, "scaledobject": name},
        )

    def counters(self) -> CountersView:
        """
        Return what was counted, as a copy.
        """
        return CountersView(decisions_total=dict(self._decisions), holds_expired_total=dict(self._expired))

    def _names(self, workload: Workload) -> dict[str, str | int]:
        """
        Name a workload as the metrics do, and its policy.
        """
        names: dict[str, str | int] = {
            "namespace": workload.caller.namespace,
            "scaledobject": workload.caller.name,
            "trigger": self._roster.number(workload),
        }
        return names if isinstance(workload.plan, MetadataError) else {**names, "policy": workload.plan.policy.name}

    def _note_expiry(self, workload: Workload, before: Reason | None, after: Decision) -> None:
        """
        Count a hold that its bound ended, and keep with the workload that it did.
        """
        hold = _expired(before, after.reason)
        if hold is not None:
            self._expired[hold] += 1
            workload.expired = hold, after.at


def _expired(before: Reason | None, after: Reason) -> Hold | None:
    if after is Reason.GPU_HOLD_EXPIRED:
        return Hold.GPU
    if before is Reason.HELD_UNKNOWN and after is Reason.UNKNOWN:
        return Hold.UNKNOWN
    if before is Reason.LOADING and after in _AFTER_LOADING:
        return Hold.LOADING
    return None


def _gist(decision: Decision) -> tuple[object, ...]:
    return decision.verdict, decision.replicas, decision.phase, decision.reason


def _headline(decision: Decision) -> str:
    if decision.verdict is Verdict.UNKNOWN:
        return "unknown"
    phase = decision.phase.value if decision.phase else "new"
    return f"{phase}, {decision.replicas} wanted, {decision.reason.value}"
