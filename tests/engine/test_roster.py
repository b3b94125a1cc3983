"""
The roster: who is known, what one trigger hands on to the next, and how many there may be.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from scaler.domain.decision import Phase
from scaler.domain.economic.state import EconomicState
from scaler.domain.readings import Observation, Signal
from scaler.domain.state import NEVER_SEEN, State
from scaler.domain.target import TargetState
from scaler.engine.plan import Plan, plan
from scaler.engine.roster import Roster, Workload
from scaler.engine.workload import MetadataError, OverloadedError
from tests.engine.installation import caller
from tests.engine.workloads import DOCUMENT, workload

AWAKE = replace(NEVER_SEEN, phase=Phase.HOLDING, replicas=3, held_since=5.0, worked=True, first_in_flight=2)


def add(roster: Roster, now: float = 0.0, **metadata: str) -> Workload:
    """
    Take in a trigger of one ScaledObject.
    """
    who = caller(**metadata)
    return roster.add(who, plan(DOCUMENT, who), now)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param(NEVER_SEEN, NEVER_SEEN, id="nothing from what was never seen"),
        pytest.param(AWAKE, replace(AWAKE, first_in_flight=None), id="all that keeps it awake, but another queue"),
        pytest.param(replace(NEVER_SEEN, phase=Phase.IDLE, replicas=0), NEVER_SEEN, id="nothing from idle"),
    ],
)
def test_an_edited_trigger_goes_on_with_what_keeps_it_awake(before: State, after: State) -> None:
    """
    That one trigger has nothing to do says nothing about another.
    """
    roster = Roster(capacity=5)
    add(roster).state = before
    assert add(roster, now=10.0, queueTarget="2").state == after


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param(
            TargetState(quiet_since=1.0, peaks=((1.0, 3),)), TargetState(peaks=((1.0, 3),)), id="no quiet time"
        ),
        pytest.param(EconomicState(open=True, cold_start=30.0), TargetState(), id="nothing of another kind"),
    ],
)
def test_a_trigger_of_another_queue_goes_on_with_nothing_open(before: object, after: TargetState) -> None:
    """
    What is handed on was seen on the one queue; another target of that very queue changes nothing about it.
    """
    roster = Roster(capacity=5)
    add(roster, queue="a").state = replace(AWAKE, kind=before)
    assert add(roster, now=10.0, queue="a", queueTarget="2").state.kind == before
    assert add(roster, now=20.0, queue="b").state.kind == after


def test_the_one_that_called_last_hands_on() -> None:
    """
    Of several triggers it is the likeliest to have been edited.
    """
    roster = Roster(capacity=5)
    add(roster, queue="a").state = AWAKE
    recent = add(roster, queue="b")
    recent.last_called = 20.0
    recent.state = replace(AWAKE, replicas=7)
    assert add(roster, now=30.0, queue="c").state.replicas == 7


def test_exactly_the_same_metadata_is_the_same_workload() -> None:
    """
    Whatever its order; another ScaledObject is another, whatever its metadata.
    """
    roster = Roster(capacity=5)
    ours = add(roster, queue="a", queueTarget="2")
    assert roster.find(caller(queueTarget="2", queue="a")) is ours
    assert roster.find(caller(queue="a")) is None
    assert roster.find(caller("other", queue="a", queueTarget="2")) is None
    assert roster.find(caller(namespace="lab", queue="a", queueTarget="2")) is None
    assert roster.named("ai", "agent") == [ours]


def test_room_is_bounded_and_given_back() -> None:
    """
    One more than there is room for is refused in words; who goes makes room.
    """
    roster = Roster(capacity=2)
    first, _ = add(roster, queue="a"), add(roster, queue="b")
    with pytest.raises(OverloadedError, match=r"2 workloads are watched already, which is limits\.workloads"):
        add(roster, queue="c")
    roster.remove(first)
    assert len(roster) == 1
    add(roster, queue="c")
    for each in roster:
        roster.remove(each)
    assert (len(roster), list(roster), roster.named("ai", "agent")) == (0, [], [])


def test_who_waits_is_told_once_for_many_changes() -> None:
    """
    And is counted as long as it waits.
    """
    ours = workload()
    with ours.subscription() as changed, ours.subscription() as also:
        assert ours.streams == 2
        ours.tell()
        ours.tell()
        assert changed.is_set()
        assert also.is_set()
    assert ours.streams == 0
    ours.tell()


def test_a_workload_has_observed_all_when_each_signal_was_answered() -> None:
    """
    Trouble is an answer; a refused trigger asks nothing, and has nothing.
    """
    ours = workload(policy="whole")
    assert isinstance(ours.plan, Plan)
    for signal in (Signal.QUEUE, Signal.REQUESTS, Signal.GPU):
        assert not ours.all_observed
        ours.observations[signal] = Observation()
    assert ours.all_observed
    assert len(ours.questions) == 3
    ours.refuse(MetadataError("no"))
    assert not ours.all_observed
    assert (ours.questions, ours.observations, ours.decision) == (set(), {}, None)
    assert str(ours.refusal) == "no"
