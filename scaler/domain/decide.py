"""
The decision: a pure function of policy, readings, state and time.

What stands above every policy kind is here: unknown readings, holds and their bounds, loading, first sight, the
policy's minimum and maximum. How much is wanted, and how long a quiet workload is kept, is the kind's (`kinds.py`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from scaler.domain.decision import Decision, Phase, Reason, Verdict
from scaler.domain.kinds import KINDS
from scaler.domain.outlook import Proposal
from scaler.domain.phases import Event, follow
from scaler.domain.policy import Policy
from scaler.domain.signals import Observations, Signals
from scaler.domain.state import State
from scaler.domain.wording import duration, replicas_text, unknown_text

_HELD = frozenset({Reason.HELD_UNKNOWN, Reason.LOADING, Reason.GPU_BUSY})


@dataclass(frozen=True, slots=True)
class _Finding:
    """
    What was found: the event, the replicas (0: none), why, and when it would change by itself.
    """

    event: Event
    replicas: int
    reason: Reason
    sentence: str
    recheck_at: float | None = None


def decide(policy: Policy, seen: Observations, state: State, now: float) -> tuple[Decision, State]:
    """
    Return the decision on what is *seen* at *now*, and the state to hand in next time.

    `recheck_at` of the decision says when to decide again even if nothing new is seen by then.
    """
    state = replace(state, replicas=min(state.replicas, policy.maximum))
    signals = Signals.read(policy, seen, state, now)
    demand = signals.demand()
    if demand is None or signals.blocked(demand=demand):
        return _blocked(policy, signals, state, now)
    state = _notice(signals, replace(state, blocked_since=None), now, demand=demand)
    held_since = _held_since(signals, state, now, demand=demand)
    overheld = held_since is not None and now >= held_since + policy.holds.gpu
    held = state.phase is None or state.reason in _HELD
    outlook = signals.outlook(state.replicas, demand=demand, held=held, overheld=overheld)
    proposal = KINDS[type(policy.params)].propose(policy.params, outlook, state.kind, now)
    state = replace(state, kind=proposal.state, held_since=held_since)
    if demand:
        finding = _with_demand(policy, signals, state, proposal, now)
    else:
        finding = _without_demand(policy, signals, state, proposal, now)
    return _conclude(finding, signals, state, now)


def _notice(signals: Signals, state: State, now: float, *, demand: bool) -> State:
    """
    Note a wake-up, and the signs that replicas are there and that they work.
    """
    queue = signals.queue
    if state.phase is None:
        up = signals.series or signals.served or (queue is not None and bool(queue.in_flight))
        # Whether they have worked before cannot be known; the idle window protects them now.
        return replace(
            state,
            replicas=min(signals.pods, signals.policy.maximum),
            woken_at=now,
            woken_with=queue,
            up=up,
            worked=up,
            series_seen=signals.series,
        )
    if state.phase is Phase.IDLE:
        if not demand and not signals.policy.minimum:
            return state
        return replace(state, woken_at=now, woken_with=queue, up=False, worked=False, series_seen=False)
    before = state.woken_with
    taken = queue is not None and before is not None and queue.in_flight != before.in_flight
    worked = state.worked or signals.gpu_busy or signals.served_at_workload or taken
    return replace(
        state,
        worked=worked,
        up=state.up or worked or signals.series,
        series_seen=state.series_seen or signals.series,
    )


def _held_since(signals: Signals, state: State, now: float, *, demand: bool) -> float | None:
    """
    Return since when a busy GPU alone has held the workload: a calm moment between does not start the bound anew.
    """
    if demand or state.phase is Phase.IDLE:
        return None
    if state.held_since is None and signals.gpu_busy:
        return now
    return state.held_since


def _blocked(policy: Policy, signals: Signals, state: State, now: float) -> tuple[Decision, State]:
    """
    Decide without knowing: an awake workload keeps its last decision for a while; then, and otherwise, nothing is said.
    """
    blocked_since = now if state.blocked_since is None else state.blocked_since
    kind = KINDS[type(policy.params)].interrupted(state.kind)
    state = replace(state, blocked_since=blocked_since, kind=kind)
    unknown = unknown_text(signals.wants)
    until = blocked_since + policy.holds.unknown
    if signals.awake and now < until:
        sentence = (
            f"keeping {replicas_text(state.replicas)} as decided before, for another {duration(until - now)} at most: "
            f"{unknown}"
        )
        finding = _Finding(Event.HOLD, state.replicas, Reason.HELD_UNKNOWN, sentence, until)
        return _conclude(finding, signals, state, now)
    held = f"; the last decision was kept for {duration(policy.holds.unknown)}" if signals.awake else ""
    decision = Decision(
        verdict=Verdict.UNKNOWN,
        replicas=0,
        phase=state.phase,
        reason=Reason.UNKNOWN,
        sentence=f"nothing can be decided: {unknown}{held}",
        wants=signals.wants,
        at=now,
        since=state.since,
        recheck_at=signals.stale_at(),
    )
    return decision, state


def _with_demand(policy: Policy, signals: Signals, state: State, proposal: Proposal, now: float) -> _Finding:
    replicas, sentence = _bounded(policy, max(proposal.replicas, 1), proposal.sentence)
    if signals.awake and signals.required_unknown and replicas < state.replicas:
        # What is unknown may be what the replicas are there for: they may become more, never fewer.
        replicas = state.replicas
        sentence = f"keeping {replicas_text(replicas)}: {unknown_text(signals.wants)}; otherwise {sentence}"
    return _upright(policy, state, _Finding(Event.WORK, replicas, proposal.reason, sentence, proposal.recheck_at), now)


def _without_demand(policy: Policy, signals: Signals, state: State, proposal: Proposal, now: float) -> _Finding:
    nothing_up = state.phase is Phase.IDLE or (state.phase is None and not state.up)
    if nothing_up or state.replicas <= policy.minimum > 0:
        return _resting(policy, signals, state, now)
    # Which of the replicas is at work cannot be told to Kubernetes, so all of them stay while one may be.
    all_of_them = max(state.replicas, 1)
    loaded_at = state.woken_at + policy.holds.loading
    if not state.worked and now < loaded_at:
        sentence = (
            f"keeping {replicas_text(all_of_them)} for another {duration(loaded_at - now)} at most: there is no work "
            f"any more, but it was woken {duration(now - state.woken_at)} ago, has not worked yet and may be loading"
        )
        return _Finding(Event.HOLD, all_of_them, Reason.LOADING, sentence, loaded_at)
    if signals.gpu_busy and state.held_since is not None and now < state.held_since + policy.holds.gpu:
        until = state.held_since + policy.holds.gpu
        sentence = (
            f"keeping {replicas_text(all_of_them)} for another {duration(until - now)} at most: there is no demand, "
            f"but {signals.gpu_text}, so work is still being done"
        )
        return _Finding(Event.HOLD, all_of_them, Reason.GPU_BUSY, sentence, until)
    if proposal.replicas > 0:
        replicas, sentence = _bounded(policy, proposal.replicas, proposal.sentence)
        return _Finding(Event.HOLD, replicas, proposal.reason, sentence, proposal.recheck_at)
    return _resting(policy, signals, state, now)


def _resting(policy: Policy, signals: Signals, state: State, now: float) -> _Finding:
    """
    Nothing speaks for more than the policy's minimum, which is none as a rule.
    """
    let_go = signals.gpu_busy and (signals.awake or state.reason is Reason.GPU_HOLD_EXPIRED)
    if let_go:
        reason = Reason.GPU_HOLD_EXPIRED
        why = (
            f"there is no demand; {signals.gpu_text}, but a busy GPU alone may hold a workload for "
            f"{duration(policy.holds.gpu)} only, and it has"
        )
    else:
        reason = Reason.QUIET
        why = "there is no work"
    if not policy.minimum:
        return _Finding(Event.REST, 0, reason, why)
    sentence = f"keeping the policy's minimum of {replicas_text(policy.minimum)}: {why}"
    finding = _Finding(Event.WORK, policy.minimum, reason if let_go else Reason.MINIMUM, sentence)
    return _upright(policy, state, finding, now)


def _upright(policy: Policy, state: State, finding: _Finding, now: float) -> _Finding:
    """
    Make it a wake-up as long as no replica was seen, within the loading budget.
    """
    loaded_at = state.woken_at + policy.holds.loading
    if state.phase is not Phase.IDLE and (state.up or now >= loaded_at):
        return finding
    return replace(finding, event=Event.WAKE, recheck_at=_earliest(finding.recheck_at, loaded_at))


def _bounded(policy: Policy, replicas: int, sentence: str) -> tuple[int, str]:
    """
    Keep within the policy's minimum and maximum, and say so where they change anything.
    """
    bounded = min(max(replicas, policy.minimum), policy.maximum)
    if bounded == replicas:
        return replicas, sentence
    bound = "maximum" if bounded < replicas else "minimum"
    return bounded, f"{replicas_text(bounded)}, the policy's {bound}; without it: {sentence}"


def _conclude(finding: _Finding, signals: Signals, state: State, now: float) -> tuple[Decision, State]:
    phase = follow(state.phase, finding.event)
    since = state.since if phase is state.phase else now
    decision = Decision(
        verdict=Verdict.ACTIVE if finding.replicas else Verdict.INACTIVE,
        replicas=finding.replicas,
        phase=phase,
        reason=finding.reason,
        sentence=finding.sentence,
        wants=signals.wants,
        at=now,
        since=since,
        recheck_at=_earliest(finding.recheck_at, signals.stale_at()),
    )
    return decision, replace(state, phase=phase, since=since, replicas=finding.replicas, reason=finding.reason)


def _earliest(*times: float | None) -> float | None:
    return min((time for time in times if time is not None), default=None)
