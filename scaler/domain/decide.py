"""
The decision: a pure function of policy, readings, state and time.

What stands above every policy kind is here: unknown readings, holds and their bounds, loading, first sight, the
policy's minimum and maximum. How much is wanted, and how long a quiet workload is kept, is the kind's (`kinds.py`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import inf

from scaler.domain.bounds import whose_maximum, whose_minimum, within
from scaler.domain.decision import Decision, Phase, Reason, Verdict
from scaler.domain.kinds import KINDS
from scaler.domain.observed import Observed
from scaler.domain.outlook import Proposal
from scaler.domain.phases import Event, follow
from scaler.domain.policy import Policy
from scaler.domain.readings import Signal
from scaler.domain.signals import Observations, Signals
from scaler.domain.state import State
from scaler.domain.wording import duration, pending_text, quiet_text, replicas_text, unknown_text


@dataclass(frozen=True, slots=True)
class _Finding:
    """
    What was found.

    Attributes:
        replicas: the replicas, 0 for none; `kept`: whether they are more than the kind wants.
        recheck_at: when it would change by itself.
    """

    event: Event
    replicas: int
    reason: Reason
    sentence: str
    recheck_at: float | None = None
    kept: bool = False


def decide(
    policy: Policy, seen: Observations, state: State, now: float, observed: Observed | None = None, pending: str = ""
) -> tuple[Decision, State]:
    """
    Return the decision on what is *seen* at *now*, and the state to hand in next time.

    *observed* is the workload as its cluster shows it, None where nobody may look. It tightens the policy's bounds, and
    what its pods really do stands in for what would be guessed of them otherwise. *pending* says why that is not known
    yet, where somebody may look: at first sight nothing is called idle then, for as long as what is unknown may block.

    `recheck_at` of the decision says when to decide again even if nothing new is seen by then.
    """
    policy = within(policy, observed)
    before = state = state.having(replicas=min(state.replicas, policy.maximum))
    signals = Signals.read(policy, seen, state, now, observed)
    demand = signals.demand()
    if demand is None or _blocks(signals, state, now, demand=demand):
        return _blocked(signals, state, now, demand=demand)
    state = _notice(signals, state.having(blocked_since=None), now, demand=demand)
    held_since = _held_since(signals, state, now, demand=demand)
    outlook = signals.outlook(
        demand=demand,
        replicas=state.replicas,
        kept=state.phase is None or (state.kept and not signals.required_unknown),
        overheld=held_since is not None and now >= held_since + policy.holds.gpu,
    )
    proposal = KINDS[type(policy.params)].propose(policy.params, outlook, state.kind, now)
    state = state.having(kind=proposal.state, held_since=held_since)
    finding = (_with_demand if demand else _without_demand)(signals, state, proposal, now)
    if pending and before.phase is None and not finding.replicas and now < _blocked_until(policy, before, now):
        return _blocked(signals, before, now, demand=demand, pending=pending)
    if finding.reason is Reason.LOADING and signals.replicas:
        # What cannot work yet is not quiet either: the window begins when its pods are ready.
        state = state.having(kind=KINDS[type(policy.params)].interrupted(state.kind))
    return _conclude(finding, signals, state, now)


def _blocks(signals: Signals, state: State, now: float, *, demand: bool) -> bool:
    """
    Tell whether nothing may be concluded, because something that matters is unknown.

    Without demand, an idle workload stays idle on fresh readings of all that is required, and any other goes idle only
    if everything is known, the optional signals included. With demand, what is known decides; but at first sight the
    replicas that run are not known either, and too few must not be wanted because a source is slow: that waits a while.
    """
    if demand:
        return state.phase is None and signals.required_unknown and now < _blocked_until(signals.policy, state, now)
    if state.phase is Phase.IDLE:
        return signals.required_unknown
    return signals.something_unknown


def _blocked_until(policy: Policy, state: State, now: float) -> float:
    """
    Return until when something that is not known may keep from concluding anything.
    """
    return (now if state.blocked_since is None else state.blocked_since) + policy.holds.unknown


def _notice(signals: Signals, state: State, now: float, *, demand: bool) -> State:
    """
    Note a wake-up, and the signs that replicas are there and that they work.
    """
    in_flight = signals.in_flight
    there = signals.replicas
    if state.phase is None:
        up = signals.series or signals.served or bool(in_flight) or signals.ready
        # Whether they have worked before cannot be known; the idle window protects them now.
        return state.having(
            replicas=min(max(signals.pods, len(there)), signals.policy.maximum),
            woken_at=min((replica.created for replica in there), default=now),
            first_in_flight=in_flight,
            up=up,
            worked=up,
            series_seen=signals.series,
        )
    if state.phase is Phase.IDLE:
        if not demand and not signals.policy.minimum:
            return state
        return state.having(woken_at=now, first_in_flight=in_flight, up=False, worked=False, series_seen=False)
    taken = None not in (in_flight, state.first_in_flight) and in_flight != state.first_in_flight
    worked = state.worked or signals.gpu_busy or signals.served_at_workload or taken
    return state.having(
        first_in_flight=in_flight if state.first_in_flight is None else state.first_in_flight,
        worked=worked,
        up=state.up or worked or signals.series or signals.ready,
        series_seen=state.series_seen or signals.series,
    )


def _held_since(signals: Signals, state: State, now: float, *, demand: bool) -> float | None:
    """
    Return since when a busy GPU alone has held the workload: a calm moment between does not start the bound anew.
    """
    if demand or state.phase is Phase.IDLE or Signal.GPU not in signals.policy.rules:
        return None
    if state.held_since is None and signals.gpu_busy:
        return now
    return state.held_since


def _blocked(
    signals: Signals, state: State, now: float, *, demand: bool | None, pending: str = ""
) -> tuple[Decision, State]:
    """
    Decide without knowing: an awake workload keeps its last decision for a while; then, and otherwise, nothing is said.
    """
    policy = signals.policy
    since = now if state.blocked_since is None else state.blocked_since
    until = _blocked_until(policy, state, now)
    state = state.having(blocked_since=since, kind=KINDS[type(policy.params)].interrupted(state.kind))
    unknown = pending_text(pending) if pending else unknown_text(signals.wants)
    if signals.awake and now < until:
        sentence = (
            f"keeping {replicas_text(state.replicas)} as decided before, for another {duration(until - now)} at most: "
            f"{unknown}"
        )
        finding = _Finding(Event.HOLD, state.replicas, Reason.HELD_UNKNOWN, sentence, until, kept=True)
        return _conclude(finding, signals, state, now)
    more = ""
    if demand:
        more = f"; there is work, and what is known of it decides in {duration(until - now)} if that does not change"
    elif pending:
        more = f"; what is known decides in {duration(until - now)} if that does not change"
    elif signals.awake and policy.holds.unknown:
        more = f"; the last decision was kept for {duration(policy.holds.unknown)}"
    decision = Decision(
        verdict=Verdict.UNKNOWN,
        replicas=0,
        phase=state.phase,
        reason=Reason.UNKNOWN,
        sentence=f"nothing can be decided: {unknown}{more}",
        wants=signals.wants,
        at=now,
        since=since if state.phase is None else state.since,
        recheck_at=_earliest(until if demand or pending else None, signals.stale_at(now, _loaded_at(policy, state))),
    )
    return decision, state


def _with_demand(signals: Signals, state: State, proposal: Proposal, now: float) -> _Finding:
    replicas, sentence = _bounded(signals, max(proposal.replicas, 1), proposal.sentence)
    kept = signals.awake and signals.required_unknown and replicas < state.replicas
    if kept:
        # What is unknown may be what the replicas are there for: they may become more, never fewer.
        replicas = state.replicas
        sentence = f"keeping {replicas_text(replicas)}: {unknown_text(signals.wants)}; otherwise {sentence}"
    finding = _Finding(Event.WORK, replicas, proposal.reason, sentence, proposal.recheck_at, kept=kept)
    return _upright(signals.policy, state, finding, now)


def _without_demand(signals: Signals, state: State, proposal: Proposal, now: float) -> _Finding:
    policy, quiet = signals.policy, quiet_text(signals.wants)
    nothing_up = state.phase is Phase.IDLE or (state.phase is None and not state.up and not signals.replicas)
    if nothing_up or state.replicas <= policy.minimum > 0:
        # That a hold has expired is said until its replicas are gone, or until the GPUs of those that stay are calm.
        seen = bool(signals.pods) if state.phase is Phase.IDLE else signals.gpu_busy
        return _resting(signals, state, now, expired=seen and state.reason is Reason.GPU_HOLD_EXPIRED)
    # Which of the replicas is at work cannot be told to Kubernetes, so all of them stay while one may be.
    all_of_them = max(state.replicas, 1)
    loads_until = _loads_until(signals, state)
    if now < loads_until:
        sentence = (
            f"keeping {replicas_text(all_of_them)} for another {duration(loads_until - now)} at most: {quiet}, but it "
            f"was woken {duration(now - state.woken_at)} ago, {_loading_text(signals)}"
        )
        return _Finding(Event.HOLD, all_of_them, Reason.LOADING, sentence, loads_until, kept=True)
    held_until = now if state.held_since is None else state.held_since + policy.holds.gpu
    if signals.gpu_busy and now < held_until:
        sentence = (
            f"keeping {replicas_text(all_of_them)} for another {duration(held_until - now)} at most: {quiet}, but a "
            f"GPU is busy ({signals.gpu_text}), so work is still being done"
        )
        return _Finding(Event.HOLD, all_of_them, Reason.GPU_BUSY, sentence, held_until, kept=True)
    if proposal.replicas > 0:
        replicas, sentence = _bounded(signals, proposal.replicas, proposal.sentence)
        recheck_at = _earliest(proposal.recheck_at, held_until if now < held_until else None)
        return _Finding(Event.HOLD, replicas, proposal.reason, sentence, recheck_at)
    return _resting(signals, state, now, expired=proposal.reason is Reason.GPU_HOLD_EXPIRED)


def _resting(signals: Signals, state: State, now: float, *, expired: bool) -> _Finding:
    """
    Nothing speaks for more than the policy's minimum, which is none as a rule.
    """
    policy = signals.policy
    reason, why = Reason.QUIET, quiet_text(signals.wants)
    if expired:
        reason = Reason.GPU_HOLD_EXPIRED
        why += (
            f"; a busy GPU alone may hold a workload for {duration(policy.holds.gpu)} only, and it has "
            f"(now {signals.gpu_text})"
        )
    if not policy.minimum:
        return _Finding(Event.REST, 0, reason, why)
    whose = whose_minimum(policy, signals.observed)
    sentence = f"keeping the {whose}'s minimum of {replicas_text(policy.minimum)}: {why}"
    finding = _Finding(Event.WORK, policy.minimum, reason if expired else Reason.MINIMUM, sentence)
    return _upright(policy, state, finding, now)


def _upright(policy: Policy, state: State, finding: _Finding, now: float) -> _Finding:
    """
    Make it a wake-up as long as no replica was seen, within the loading budget.
    """
    loaded_at = _loaded_at(policy, state)
    if state.phase is not Phase.IDLE and (state.up or now >= loaded_at):
        return finding
    return replace(finding, event=Event.WAKE, recheck_at=_earliest(finding.recheck_at, loaded_at))


def _bounded(signals: Signals, replicas: int, sentence: str) -> tuple[int, str]:
    """
    Keep within the minimum and the maximum, and say so where they change anything.
    """
    policy = signals.policy
    bounded = min(max(replicas, policy.minimum), policy.maximum)
    if bounded == replicas:
        return replicas, sentence
    bound, whose = ("maximum", whose_maximum) if bounded < replicas else ("minimum", whose_minimum)
    return bounded, (
        f"{replicas_text(bounded)}, the {whose(policy, signals.observed)}'s {bound}; without it: {sentence}"
    )


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
        recheck_at=_earliest(finding.recheck_at, signals.stale_at(now, _loaded_at(signals.policy, state))),
    )
    state = state.having(
        phase=phase,
        since=since,
        replicas=finding.replicas,
        reason=finding.reason,
        kept=finding.kept,
        # Once active it is taken to be up, whatever a later policy says about how long loading may last.
        up=state.up or phase is Phase.ACTIVE,
    )
    return decision, state


def _loads_until(signals: Signals, state: State) -> float:
    """
    Return until when a workload that was woken and has not worked yet is taken to be loading: in the past if it is not.

    Where its pods are seen, it loads for as long as none of them is ready, within the budget from the creation of the
    oldest. One that is replaced again and again could load for ever: twice the budget from the wake-up is the most.
    Ready, but not heard of yet, it may well be at work.
    """
    budget = signals.policy.holds.loading
    if state.worked:
        return -inf
    if signals.ready:
        return signals.silent_until
    if not signals.replicas:
        return state.woken_at + budget
    oldest = min(replica.created for replica in signals.replicas)
    return min(oldest + budget, state.woken_at + 2 * budget)


def _loading_text(signals: Signals) -> str:
    if not signals.replicas:
        return "has not worked yet and may be loading"
    if signals.ready:
        return "and nothing is known yet of the GPU of a pod that is ready"
    number = len(signals.replicas)
    return "and its pod is not ready yet" if number == 1 else f"and none of its {number} pods is ready yet"


def _loaded_at(policy: Policy, state: State) -> float:
    return state.woken_at + policy.holds.loading


def _earliest(*times: float | None) -> float | None:
    return min((time for time in times if time is not None), default=None)
