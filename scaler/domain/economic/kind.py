"""
The policy kind `economic`: it weighs hours of replicas against hours that jobs wait, and learns the rest.

It sees readings, not events: that jobs came or ended is the difference between two of them, which is as good.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from scaler.domain.decision import Reason
from scaler.domain.economic.account import Account, Answer, Why
from scaler.domain.economic.params import EconomicParams
from scaler.domain.economic.state import Depth, EconomicState
from scaler.domain.economic.wording import answer_text
from scaler.domain.observed import Observed
from scaler.domain.outlook import Outlook, Proposal
from scaler.domain.readings import DEMAND, Known, QueueDepth
from scaler.domain.replicas import whole_replicas
from scaler.domain.wording import leading_want, quiet_text, replicas_text


@dataclass(frozen=True, slots=True)
class _Fleet:
    """
    The replicas: those wanted, those of them that are ready, and since when each is wanted where nobody may look.
    """

    wanted: int
    ready: int
    answered: tuple[float, ...] = ()


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
        fleet = _fleet(outlook, before, now)
        account = Account(params, before, outlook.maximum)
        watched_from = now if before.watched_from is None else before.watched_from
        counted = _learn_starts(account, before.counted, watched_from, outlook.observed)
        if not before.open:
            account.resume(waiting + in_flight, fleet.wanted, now)
        elif read_at > before.read_at or depth != before.depth:
            account.pass_time(read_at, fleet.ready)
            _book_difference(account, before.depth, depth, fleet.wanted)
        account.pass_time(now, fleet.ready)
        answer = account.answer(waiting, in_flight, fleet.wanted)
        after = replace(
            account.state,
            depth=depth,
            read_at=read_at,
            watched_from=watched_from,
            counted=counted,
            answered=fleet.answered,
        )
        return _proposal(answer, account, outlook, after, now)

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


def _fleet(outlook: Outlook, before: EconomicState, now: float) -> _Fleet:
    """
    Return the replicas as the cluster shows them; else as they follow from the last answers and the cold start.
    """
    if outlook.observed is not None:
        return _Fleet(outlook.observed.wanted, min(outlook.observed.ready, outlook.observed.wanted))
    wanted = outlook.replicas
    # Those that are there at first sight are seen because they are ready.
    since = now - before.cold_start if before.watched_from is None else now
    answered = (*before.answered[:wanted], *(since,) * (wanted - len(before.answered)))
    return _Fleet(wanted, sum(now - at >= before.cold_start for at in answered), answered)


def _learn_starts(
    account: Account, counted: tuple[str, ...], watched_from: float, observed: Observed | None
) -> tuple[str, ...]:
    """
    Learn from replicas that became ready since; return those present that nothing more is to be learned from.

    Each counts once, when it is ready for the first time: one that was unready for a while did not start for so long.
    """
    if observed is None:
        return ()
    after = []
    for replica in observed.replicas:
        if replica.ready_at is None and replica.pod not in counted:
            continue
        after.append(replica.pod)
        if replica.ready_at is not None and replica.pod not in counted and replica.created >= watched_from:
            account.started(replica.ready_at - replica.created)
    return tuple(after)


def _book_difference(account: Account, before: Depth, after: Depth, replicas: int) -> None:
    """
    Book as few arrivals and ends as explain what changed between two readings, the ends first.
    """
    more = sum(after) - sum(before)
    ended = max(0, -more, before[1] - after[1])
    for _ in range(ended):
        account.finish()
    for _ in range(ended + more):
        account.arrive(replicas)


def _proposal(answer: Answer, account: Account, outlook: Outlook, state: EconomicState, now: float) -> Proposal:
    sentence = answer_text(answer, account, outlook, now)
    if answer.why is Why.KEEP:
        return Proposal(answer.replicas, Reason.KEEP_ALIVE, sentence, state, answer.look_at)
    if answer.replicas:
        return Proposal(answer.replicas, Reason.DEMAND, sentence, state, answer.look_at)
    reason = Reason.GPU_HOLD_EXPIRED if outlook.busy and outlook.overheld else Reason.QUIET
    return Proposal(0, reason, sentence, state, answer.look_at)
