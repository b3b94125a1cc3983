"""
The policy kind `target`: so much load a replica, an idle window, and a window that keeps it from flapping.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from scaler.domain.decision import Reason
from scaler.domain.outlook import Outlook, Proposal
from scaler.domain.replicas import whole_replicas
from scaler.domain.wording import duration, leading_want, replicas_text

Peaks = tuple[tuple[float, int], ...]


class Combine(Enum):
    """
    How the replicas that the signals want become one number.
    """

    MAX = "max"
    SUM = "sum"


@dataclass(frozen=True, slots=True)
class TargetParams:
    """
    The parameters; windows in seconds.

    Attributes:
        idle_window: for so long it must be known to be quiet (no demand, no busy GPU) before it may idle.
        stabilization: scaling down follows the most that was wanted within this window.
    """

    combine: Combine = Combine.MAX
    idle_window: float = 120.0
    stabilization: float = 60.0


@dataclass(frozen=True, slots=True)
class TargetState:
    """
    What is remembered.

    Attributes:
        quiet_since: since when demand is known to be quiet without interruption.
        busy_at: when a GPU was last seen busy, since then.
        peaks: (time, replicas) wanted within the stabilisation window: times rise, replicas fall, so it never holds
            more entries than there are replicas.
    """

    quiet_since: float | None = None
    busy_at: float | None = None
    peaks: Peaks = ()


class Target:
    """
    The kind itself.
    """

    def propose(self, params: TargetParams, outlook: Outlook, state: TargetState | None, now: float) -> Proposal:
        """
        Return what the load wants, stabilised; without demand at least one replica until the idle window has passed.
        """
        state = state or TargetState()
        wanted = _combined(params.combine, outlook)
        # What was held until now counts as wanted until now; what is idle has nothing to come down from.
        before = ((now, outlook.replicas),) if outlook.held else state.peaks
        peaks = _remember(before if outlook.replicas else (), wanted, params.stabilization, now)
        stable = peaks[0][1]
        if outlook.demand:
            return _for_demand(outlook, max(wanted, 1), max(stable, 1), TargetState(peaks=peaks), params)
        quiet_since = outlook.seen_from if state.quiet_since is None else state.quiet_since
        busy_at = outlook.seen_to if outlook.busy else state.busy_at
        calm_since = quiet_since if busy_at is None or outlook.overheld else max(quiet_since, busy_at)
        state = TargetState(quiet_since, busy_at, peaks)
        if outlook.seen_to - calm_since >= params.idle_window:
            return Proposal(0, Reason.QUIET, "there is no work", state)
        replicas = max(1, min(stable, outlook.replicas))
        idle_at = calm_since + params.idle_window
        when = f"in {duration(idle_at - now)}" if idle_at > now else "at the next reading"
        sentence = f"keeping {replicas_text(replicas)}: there is no work, and it goes idle {when} unless there is some"
        changes_at = [at for at in (idle_at, _lower_at(peaks, params)) if at is not None and at > now]
        return Proposal(replicas, Reason.IDLE_WINDOW, sentence, state, min(changes_at, default=None))

    def interrupted(self, state: TargetState | None) -> TargetState | None:
        """
        Forget since when it was quiet; what was wanted is still remembered.
        """
        return None if state is None else TargetState(peaks=state.peaks)


TARGET = Target()


def _combined(combine: Combine, outlook: Outlook) -> int:
    """
    Return the replicas that the known signals want together, rounded up at the very end.
    """
    loads = [want.replicas for want in outlook.wants if want.replicas is not None]
    return whole_replicas(max(loads) if combine is Combine.MAX else sum(loads)) if loads else 0


def _remember(peaks: Peaks, wanted: int, window: float, now: float) -> Peaks:
    """
    Add what is wanted now, and drop what no longer matters: what is too old, and what a later entry covers.
    """
    kept = [(at, replicas) for at, replicas in peaks if now - at < window and replicas > wanted]
    return (*kept, (now, wanted))


def _for_demand(outlook: Outlook, wanted: int, stable: int, state: TargetState, params: TargetParams) -> Proposal:
    because = leading_want(outlook.wants)
    if stable == wanted:
        return Proposal(wanted, Reason.DEMAND, f"{replicas_text(wanted)} wanted: {because}", state)
    sentence = f"keeping {replicas_text(stable)} for now, {wanted} wanted: {because}"
    return Proposal(stable, Reason.SCALING_DOWN_LATER, sentence, state, _lower_at(state.peaks, params))


def _lower_at(peaks: Peaks, params: TargetParams) -> float | None:
    """
    Return when the most that was wanted leaves the window, and something lower follows.
    """
    return peaks[0][0] + params.stabilization if len(peaks) > 1 else None
