"""
The record: one line for each change, and the holds that ran out.
"""

from __future__ import annotations

import logging
from dataclasses import replace

import pytest

from scaler.domain.decision import Decision, Phase, Reason, Verdict
from scaler.engine.record import Record
from scaler.engine.roster import Roster
from scaler.engine.views import Hold
from tests.engine.workloads import workload

AT_WORK = Decision(Verdict.ACTIVE, 3, Phase.ACTIVE, Reason.DEMAND, "3 replicas wanted: because", (), 1.0, 1.0, None)


def after(reason: Reason) -> Decision:
    """
    Return a decision for a reason, as far as the record looks at it.
    """
    return replace(AT_WORK, reason=reason)


def test_a_change_is_one_line_with_everything_in_it(caplog: pytest.LogCaptureFixture) -> None:
    """
    Who, where it stands, how many, why, for people and for machines.
    """
    caplog.set_level(logging.INFO)
    assert Record(Roster(10)).decided(workload(), None, AT_WORK)
    (line,) = caplog.records
    assert line.getMessage() == "ai/agent: active, 3 wanted, demand: 3 replicas wanted: because"
    assert line.levelno == logging.INFO
    assert {key: getattr(line, key) for key in ("namespace", "scaledobject", "verdict", "replicas", "phase")} == {
        "namespace": "ai",
        "scaledobject": "agent",
        "verdict": "active",
        "replicas": 3,
        "phase": "active",
    }


def test_what_did_not_change_is_no_line(caplog: pytest.LogCaptureFixture) -> None:
    """
    Readings, times and wording may differ.
    """
    caplog.set_level(logging.INFO)
    record = Record(Roster(10))
    assert not record.decided(workload(), AT_WORK, replace(AT_WORK, sentence="other words", at=9.0, recheck_at=10.0))
    assert caplog.records == []
    assert record.counters().decisions_total == {}


@pytest.mark.parametrize("reason", [Reason.UNKNOWN, Reason.HELD_UNKNOWN, Reason.GPU_HOLD_EXPIRED])
def test_what_somebody_should_look_at_is_a_warning(reason: Reason, caplog: pytest.LogCaptureFixture) -> None:
    """
    Trouble with a source, and a GPU that was busy for too long.
    """
    Record(Roster(10)).decided(workload(), AT_WORK, after(reason))
    assert [line.levelno for line in caplog.records] == [logging.WARNING]


def test_nothing_known_has_no_replicas_to_tell(caplog: pytest.LogCaptureFixture) -> None:
    """
    0 would read as a decision.
    """
    nothing = Decision(Verdict.UNKNOWN, 0, None, Reason.UNKNOWN, "queue is unknown (down)", (), 1.0, 1.0, None)
    Record(Roster(10)).decided(workload(), None, nothing)
    assert caplog.messages == ["ai/agent: unknown: queue is unknown (down)"]


@pytest.mark.parametrize(
    ("reasons", "expired"),
    [
        ([Reason.DEMAND, Reason.GPU_BUSY, Reason.GPU_HOLD_EXPIRED, Reason.QUIET], {Hold.GPU: 1}),
        ([Reason.GPU_BUSY, Reason.IDLE_WINDOW, Reason.GPU_HOLD_EXPIRED], {Hold.GPU: 1}),
        ([Reason.GPU_BUSY, Reason.IDLE_WINDOW, Reason.QUIET], {}),
        ([Reason.GPU_BUSY, Reason.DEMAND, Reason.GPU_BUSY], {}),
        ([Reason.HELD_UNKNOWN, Reason.UNKNOWN, Reason.DEMAND, Reason.HELD_UNKNOWN, Reason.UNKNOWN], {Hold.UNKNOWN: 2}),
        ([Reason.DEMAND, Reason.UNKNOWN], {}),
        ([Reason.HELD_UNKNOWN, Reason.DEMAND], {}),
        ([Reason.LOADING, Reason.IDLE_WINDOW, Reason.QUIET], {Hold.LOADING: 1}),
        ([Reason.LOADING, Reason.QUIET], {Hold.LOADING: 1}),
        ([Reason.LOADING, Reason.MINIMUM], {Hold.LOADING: 1}),
        ([Reason.LOADING, Reason.GPU_BUSY, Reason.IDLE_WINDOW], {}),
        ([Reason.LOADING, Reason.DEMAND], {}),
    ],
)
def test_a_hold_that_its_bound_ended_is_counted_once(reasons: list[Reason], expired: dict[Hold, int]) -> None:
    """
    Whatever lies between the hold and what it ends in; a hold that ended for another reason is not counted.
    """
    record, before = Record(Roster(10)), None
    for reason in reasons:
        record.decided(workload(), before, after(reason))
        before = after(reason)
    assert record.counters().holds_expired_total == expired
    assert sum(record.counters().decisions_total.values()) == len(reasons)


def test_the_workload_keeps_which_hold_ran_out_last() -> None:
    """
    So that who looks for it finds its name; what comes afterwards takes nothing away.
    """
    record, held = Record(Roster(10)), workload()
    record.decided(held, after(Reason.LOADING), replace(after(Reason.QUIET), at=5.0))
    assert held.expired == (Hold.LOADING, 5.0)
    record.decided(held, after(Reason.QUIET), replace(after(Reason.DEMAND), at=6.0))
    assert held.expired == (Hold.LOADING, 5.0)
    record.decided(held, after(Reason.GPU_BUSY), replace(after(Reason.GPU_HOLD_EXPIRED), at=7.0))
    assert held.expired == (Hold.GPU, 7.0)


def test_the_same_reason_for_more_replicas_is_a_line_and_no_new_count(caplog: pytest.LogCaptureFixture) -> None:
    """
    What is counted is how often a reason came up.
    """
    caplog.set_level(logging.INFO)
    record = Record(Roster(10))
    record.decided(workload(), None, AT_WORK)
    assert record.decided(workload(), AT_WORK, replace(AT_WORK, replicas=4))
    assert len(caplog.records) == 2
    assert record.counters().decisions_total == {Reason.DEMAND: 1}


def test_counters_are_copies() -> None:
    """
    What was handed out does not change.
    """
    record = Record(Roster(10))
    counters = record.counters()
    record.decided(workload(), None, AT_WORK)
    assert counters.decisions_total == {}
