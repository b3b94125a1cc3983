"""
The policy kind `economic`: it weighs hours of replicas against hours that jobs wait, and learns the rest.

It sees readings, not events: that jobs came or ended is the difference between two of them, which is as good.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from scaler.domain.decision import Reason
from scaler.domain.economic.account import Account, Answer, Why
from scaler.domain.economic.params import EconomicParams
from scaler.domain.economic.state import Depth, EconomicState, Fleet
from scaler.domain.economic.wording import answer_text
from scaler.domain.observed import Observed
from scaler.domain.outlook import Outlook, Proposal
from scaler.domain.readings import DEMAND, Known, QueueDepth, Signal
from scaler.domain.replicas import whole_replicas
from scaler.domain.wording import leading_want, quiet_text, replicas_text


class Economic:
    """
    The kind itself.
    """

    name = "economic"

    def propose(self, params: EconomicParams, outlook: Outlook, state: object, now: float) -> Proposal:
        """
        Return the replicas whose hours, and the waiting that they leave, cost least by what was learned.
        """
        before = state if isinstance(state, EconomicState) else EconomicState()
        found = _depth(outlook)
        if found is None:
            return _without_queue(outlook, before)
        depth, read_at = found
        waiting, in_flight = depth
        account = Account(_with_cooldown(params, outlook.observed), before, outlook.maximum)
        if outlook.observed is None:
            # As many as were last answered; and whoever has a job in hand is there, too, and may not be stopped.
            wanted = max(outlook.replicas, min(in_flight, outlook.maximum))
            fleet = _answered(wanted, before, now)
            ready = sum(now - at >= before.cold_start for at in fleet.answered or ())
        else:
            fleet = _watched(outlook.observed, account, before.fleet, now)
            wanted = outlook.observed.wanted
            ready = min(outlook.observed.ready, wanted)
        if not before.open:
            account.resume(waiting + in_flight, wanted, now)
        elif read_at > before.read_at or depth != before.depth:
            account.pass_time(read_at, ready)
            _book_difference(account, before.depth, depth, wanted)
        account.pass_time(now, ready)
        answer = account.answer(waiting, in_flight, wanted)
        if answer.why is Why.NOTHING and wanted and _unseen_since(outlook, account):
            answer = Answer(1, Why.LOOK)
        return _proposal(answer, account, outlook, account.state(depth, read_at, fleet), now)

    def interrupted(self, state: object) -> EconomicState:
        """
        Close the account: what happened meanwhile is not known. What was learned stays.
        """
        return state.interrupted() if isinstance(state, EconomicState) else EconomicState()

    def save(self, state: object) -> Mapping[str, Any]:
        """
        Return what was learned as plain data.
        """
        return state.saved() if isinstance(state, EconomicState) else {}

    def restore(self, data: Mapping[str, Any]) -> EconomicState:
        """
        Return a state that goes on from what was learned before.

        Raises:
            ValueError: this is not what `save` returns.
        """
        return EconomicState.restored(data) if data else EconomicState()


ECONOMIC = Economic()


def _with_cooldown(params: EconomicParams, observed: Observed | None) -> EconomicParams:
    """
    Return the parameters with the ScaledObject's own cooldown, where they name none and it is seen.
    """
    if params.cooldown is not None or observed is None:
        return params
    return replace(params, cooldown=observed.cooldown)


def _depth(outlook: Outlook) -> tuple[Depth, float] | None:
    """
    Return the jobs waiting and in flight, and when they were read; None where the queue is not known.

    What is not enough to be awake for counts as nothing, or one job that is stuck would keep a workload up for ever.
    """
    for want in outlook.wants:
        match want.reading:
            case Known(QueueDepth(waiting, in_flight), at):
                return ((waiting, in_flight or 0) if outlook.demand else (0, 0)), at
    return None


def _unseen_since(outlook: Outlook, account: Account) -> bool:
    """
    Tell whether a GPU has not been read since the last job ended: it may still compute, and could not be held then.

    This lasts no longer than its reading stays good.
    """
    ended = account.level(1).below
    gpus = [want.reading for want in outlook.wants if want.signal is Signal.GPU]
    return ended is not None and any(isinstance(reading, Known) and reading.at < ended for reading in gpus)


def _without_queue(outlook: Outlook, before: EconomicState) -> Proposal:
    """
    Keep what there is, and no less than other demand asks for, while the queue is not known.
    """
    state = before.interrupted()
    if not outlook.demand:
        return Proposal(0, Reason.QUIET, quiet_text(outlook.wants), state)
    wanted = max((want.replicas or 0.0 for want in outlook.wants if want.signal in DEMAND), default=0.0)
    replicas = max(outlook.replicas, whole_replicas(wanted))
    sentence = f"{replicas_text(replicas)} wanted while the queue is not known: {leading_want(outlook.wants)}"
    return Proposal(replicas, Reason.DEMAND, sentence, state)


def _answered(wanted: int, before: EconomicState, now: float) -> Fleet:
    """
    Return replicas that nobody may look at, each wanted since its answer.
    """
    answered = before.fleet.answered
    if answered is None:
        # Those that are there at first sight are ready; of those that were seen until now it is known.
        ready = wanted if before.fleet.watched_from is None else min(before.ready, wanted)
        answered = (now - before.cold_start,) * ready
    elif len(answered) == wanted:
        return before.fleet
    return Fleet(answered=(*answered[:wanted], *(now,) * (wanted - len(answered))))


def _watched(observed: Observed, account: Account, before: Fleet, now: float) -> Fleet:
    """
    Learn from replicas that became ready since, and return those that nothing more is to be learned from.

    Each counts once, when it is ready for the first time: one that was unready for a while did not start for so long.
    Nor does one count that may have been so while nobody looked.
    """
    watched_from = now if before.watched_from is None else before.watched_from
    counted = []
    for replica in observed.replicas:
        if replica.pod in before.counted:
            counted.append(replica.pod)
        elif replica.ready_at is not None:
            counted.append(replica.pod)
            if replica.created >= watched_from:
                account.started(replica.ready_at - replica.created)
    return Fleet(watched_from, tuple(counted))


def _book_difference(account: Account, before: Depth, after: Depth, replicas: int) -> None:
    """
    Book as few arrivals and ends as explain what changed between two readings, the ends first.
    """
    more = sum(after) - sum(before)
    ended = max(0, -more, before[1] - after[1])
    account.finish(ended)
    account.arrive(replicas, ended + more)


def _proposal(answer: Answer, account: Account, outlook: Outlook, state: EconomicState, now: float) -> Proposal:
    sentence = answer_text(answer, account, outlook, now)
    if answer.why in (Why.KEEP, Why.LOOK):
        return Proposal(answer.replicas, Reason.KEEP_ALIVE, sentence, state, answer.look_at)
    if answer.replicas:
        return Proposal(answer.replicas, Reason.DEMAND, sentence, state, answer.look_at)
    reason = Reason.GPU_HOLD_EXPIRED if outlook.busy and outlook.overheld else Reason.QUIET
    return Proposal(0, reason, sentence, state, answer.look_at)
