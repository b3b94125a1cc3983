"""
The policy kind `target`: so much load a replica, an idle window, and a window that keeps it from flapping.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import inf
from typing import Any

from scaler.domain.choice import Choice
from scaler.domain.decision import Reason
from scaler.domain.outlook import Outlook, Proposal
from scaler.domain.replicas import whole_replicas
from scaler.domain.wording import duration, leading_want, quiet_text, replicas_text

Peaks = tuple[tuple[float, int], ...]


class Combine(Choice):
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
        stabilization: scaling down follows the most that was wanted within this window; shorter than a cold start it
            would take back replicas before they have begun to work.
    """

    combine: Combine = Combine.MAX
    idle_window: float = 120.0
    stabilization: float = 300.0

    def __post_init__(self) -> None:
        """
        Refuse windows that have no end.
        """
        if not all(0 <= window < inf for window in (self.idle_window, self.stabilization)):
            raise ValueError(f"every window must last at least 0 s and end: {self}")


@dataclass(frozen=True, slots=True)
class TargetState:
    """
    What is remembered.

    Attributes:
        quiet_since: since when demand is known to be quiet without interruption.
        busy_at: when a GPU was last seen busy, since then.
        peaks: (time, replicas) wanted within the stabilisation window: times rise, replicas fall from the policy's
            maximum on, so it never holds more entries than that; none where nothing was wanted.
    """

    quiet_since: float | None = None
    busy_at: float | None = None
    peaks: Peaks = ()


class Target:
    """
    The kind itself.
    """

    name = "target"

    def propose(self, params: TargetParams, outlook: Outlook, state: object, now: float) -> Proposal:
        """
        Return what the load wants, stabilised; without demand at least one replica until the idle window has passed.
        """
        before = state if isinstance(state, TargetState) else TargetState()
        wanted = _combined(params.combine, outlook)
        peaks = _remember(_known_peaks(before, outlook, now), min(wanted, outlook.maximum), params.stabilization, now)
        stable = max(peaks[0][1], wanted) if peaks else wanted
        if outlook.demand:
            return _for_demand(params, outlook, max(wanted, 1), max(stable, 1), TargetState(peaks=peaks))
        quiet_since = outlook.seen_from if before.quiet_since is None else before.quiet_since
        after = TargetState(quiet_since, outlook.seen_from if outlook.busy else before.busy_at, peaks)
        return _for_quiet(params, outlook, stable, quiet_since, after, now)

    def interrupted(self, state: object) -> TargetState:
        """
        Forget since when it was quiet; what was wanted is still remembered.
        """
        return TargetState(peaks=state.peaks) if isinstance(state, TargetState) else TargetState()

    def save(self, state: object) -> Mapping[str, Any]:  # noqa: ARG002 - it learns nothing
        """
        Return nothing: after a restart the windows begin anew.
        """
        return {}

    def restore(self, data: Mapping[str, Any]) -> None:
        """
        Return the state at first sight.
        """


TARGET = Target()


def _combined(combine: Combine, outlook: Outlook) -> int:
    """
    Return the replicas that the known signals want together, rounded up at the very end.
    """
    loads = [want.replicas for want in outlook.wants if want.replicas is not None]
    return whole_replicas(max(loads) if combine is Combine.MAX else sum(loads))


def _known_peaks(before: TargetState, outlook: Outlook, now: float) -> Peaks:
    """
    Return what was wanted until now: what was kept counts as wanted, and what is idle has nothing to come down from.
    """
    if not outlook.replicas:
        return ()
    return ((now, outlook.replicas),) if outlook.kept else before.peaks


def _remember(peaks: Peaks, wanted: int, window: float, now: float) -> Peaks:
    """
    Add what is wanted now, and drop what no longer matters: what is too old, and what a later entry covers.
    """
    kept = [(at, replicas) for at, replicas in peaks if now - at < window and replicas > wanted]
    return (*kept, (now, wanted)) if kept or wanted else ()


def _for_demand(params: TargetParams, outlook: Outlook, wanted: int, stable: int, state: TargetState) -> Proposal:
    because = leading_want(outlook.wants)
    together = " together" if params.combine is Combine.SUM else ""
    if stable == wanted:
        return Proposal(wanted, Reason.DEMAND, f"{replicas_text(wanted)} wanted{together}: {because}", state)
    sentence = f"keeping {replicas_text(stable)} for now, {wanted} wanted{together}: {because}"
    return Proposal(stable, Reason.SCALING_DOWN_LATER, sentence, state, _lower_at(state.peaks, params))


def _for_quiet(
    params: TargetParams, outlook: Outlook, stable: int, quiet_since: float, state: TargetState, now: float
) -> Proposal:
    """
    Keep what is stable, and one replica at least, until both demand and the GPUs were quiet for the whole window.

    A busy GPU no longer counts where it has held the workload for as long as it may.
    """
    quiet = quiet_text(outlook.wants)
    calm_since = quiet_since if state.busy_at is None else max(quiet_since, state.busy_at)
    if outlook.seen_to - calm_since >= params.idle_window:
        return Proposal(0, Reason.QUIET, quiet, state)
    if outlook.overheld:
        calm_since = quiet_since
        if outlook.seen_to - calm_since >= params.idle_window:
            return Proposal(0, Reason.GPU_HOLD_EXPIRED, quiet, state)
    replicas = max(1, min(stable, outlook.replicas))
    idle_at = calm_since + params.idle_window
    when = f"in {duration(idle_at - now)}" if idle_at > now else "at the next reading"
    sentence = f"keeping {replicas_text(replicas)}: {quiet}, and it goes idle {when} unless that changes"
    changes_at = [at for at in (idle_at, _lower_at(state.peaks, params)) if at is not None and at > now]
    return Proposal(replicas, Reason.IDLE_WINDOW, sentence, state, min(changes_at, default=None))


def _lower_at(peaks: Peaks, params: TargetParams) -> float | None:
    """
    Return when the most that was wanted leaves the window, and something lower follows.
    """
    return peaks[0][0] + params.stabilization if len(peaks) > 1 else None
