"""
The ledger: answers reach whoever asked, in the order in which they were sampled.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from scaler.domain.decision import Phase
from scaler.domain.pods import Fleet
from scaler.domain.readings import Absent, GpuUse, Known, Observation, PodUse, QueueDepth, RequestRate, Signal, Unknown
from scaler.domain.state import NEVER_SEEN
from scaler.engine.ledger import Ledger
from scaler.engine.plan import Plan
from scaler.engine.roster import Workload
from scaler.sources.base import NO_SERIES, Answer, SourceError
from tests.engine.installation import GPUS, RATE, jobs
from tests.engine.workloads import workload

ONE, TWO = QueueDepth(1), QueueDepth(2)
DOWN = SourceError("it is down")
IDLE = replace(NEVER_SEEN, phase=Phase.IDLE)


def join(ledger: Ledger, *workloads: Workload) -> None:
    """
    Let workloads ask all that they plan to.
    """
    for each in workloads:
        assert isinstance(each.plan, Plan)
        ledger.join(each, each.plan)


def mark(ledger: Ledger, each: Workload) -> list[tuple[object, bool]]:
    """
    Note whether a workload sleeps.
    """
    assert isinstance(each.plan, Plan)
    return list(ledger.mark(each, each.plan))


@pytest.mark.parametrize(
    ("answers", "held", "news"),
    [
        pytest.param([(ONE, 1)], Observation(Known(ONE, 1)), [True], id="the first"),
        pytest.param([(ONE, 1), (ONE, 2)], Observation(Known(ONE, 2)), [True, False], id="the same again is no news"),
        pytest.param([(ONE, 2), (TWO, 1)], Observation(Known(ONE, 2)), [True], id="an older one is dropped"),
        pytest.param([(ONE, 2), (DOWN, 1)], Observation(Known(ONE, 2)), [True], id="older trouble too"),
        pytest.param([(ONE, 1), (DOWN, 2)], Observation(Known(ONE, 1), Unknown("it is down", 2)), [True, True],
                     id="trouble leaves the last good one"),
        pytest.param([(DOWN, 1), (DOWN, 2)], Observation(None, Unknown("it is down", 1)), [True, False],
                     id="trouble lasts since it began"),
        pytest.param([(DOWN, 1), (SourceError("slow"), 2)], Observation(None, Unknown("slow", 1)), [True, True],
                     id="another cause of the same trouble"),
        pytest.param([(ONE, 1), (DOWN, 2), (ONE, 3)], Observation(Known(ONE, 3)), [True, True, True],
                     id="trouble that ends is news"),
        pytest.param([(ONE, 1), (NO_SERIES, 2)], Observation(Absent(2)), [True, True], id="no series any more"),
        pytest.param([(NO_SERIES, 1), (NO_SERIES, 2)], Observation(Absent(2)), [True, False], id="still no series"),
    ],
)  # fmt: skip
def test_the_newest_answer_stands(answers: list[tuple[Answer, float]], held: Observation, news: list[bool]) -> None:
    """
    A slow read never overwrites a fresh announcement; trouble keeps what was good.
    """
    ledger, ours = Ledger(), workload()
    join(ledger, ours)
    told = [said for answer, at in answers for _, said in ledger.record({jobs(): answer}, at)]
    assert ours.observations == {Signal.QUEUE: held}
    assert told == news


def test_a_question_is_one_however_many_ask() -> None:
    """
    Each asker is told; who comes later is told what is known; it goes with the last of them.
    """
    ledger, first, second = Ledger(), workload("a"), workload("b")
    join(ledger, first, second)
    assert len(ledger) == 1
    assert [each.caller.name for each, _ in ledger.record({jobs(): ONE}, 1.0)] == ["a", "b"]
    list(ledger.record({jobs(): DOWN}, 2.0))
    third = workload("c")
    join(ledger, third)
    assert third.observations == {Signal.QUEUE: Observation(Known(ONE, 1.0), Unknown("it is down", 2.0))}
    assert ledger.leave(first, [jobs()]) == ledger.leave(second, [jobs()]) == ([], [])
    assert ledger.leave(third, [jobs()]) == ([jobs()], [])
    assert jobs() not in ledger
    assert list(ledger.record({jobs(): TWO}, 3.0)) == []


def test_a_question_is_watched_while_any_sleeper_waits_for_it() -> None:
    """
    The first sleeper makes it close, the last one to wake or to go makes it regular; changes alone are told.
    """
    ledger, first, second, awake = Ledger(), workload("a", IDLE), workload("b", IDLE), workload("c")
    join(ledger, first, second, awake)
    assert mark(ledger, awake) == []
    assert mark(ledger, first) == [(jobs(), True)]
    assert mark(ledger, first) == mark(ledger, second) == []
    late = workload("d")
    assert isinstance(late.plan, Plan)
    assert ledger.join(late, late.plan) == [(jobs(), True)]
    first.state = NEVER_SEEN
    assert mark(ledger, first) == []
    assert ledger.leave(second, [jobs()]) == ([], [jobs()])
    assert mark(ledger, awake) == []


def test_only_demand_is_watched_closely() -> None:
    """
    A GPU wakes nobody.
    """
    ledger, sleeper = Ledger(), workload(state=IDLE, policy="whole")
    join(ledger, sleeper)
    assert mark(ledger, sleeper) == [(jobs(), True), (RATE, True)]


def test_each_workload_is_given_its_own_pods() -> None:
    """
    One answer about all GPUs: a use for one, nothing for another, trouble for a third alone.
    """
    ledger = Ledger()
    busy, gone, ill = (workload(name, policy="whole") for name in ("busy", "gone", "ill"))
    join(ledger, busy, gone, ill)
    fleet = Fleet({"ai": (PodUse("busy-0", 50.0), PodUse("ill-0", 1.0))}, {("ai", "ill-1"): "a sentinel value"})
    for at in (1.0, 2.0):
        list(ledger.record({GPUS: fleet, RATE: RequestRate(1.0)}, at))
    assert busy.observations[Signal.GPU] == Observation(Known(GpuUse((PodUse("busy-0", 50.0),)), 2.0))
    assert gone.observations[Signal.GPU] == Observation(Absent(2.0))
    assert ill.observations[Signal.GPU] == Observation(None, Unknown("a sentinel value", 1.0))
    for at, percent in ((3.0, 90.0), (4.0, 80.0)):
        healthy = {} if at == 3.0 else {("ai", "ill-1"): "out of range"}
        list(ledger.record({GPUS: Fleet({"ai": (PodUse("ill-0", percent),)}, healthy)}, at))
    good = Known(GpuUse((PodUse("ill-0", 90.0),)), 3.0)
    assert ill.observations[Signal.GPU] == Observation(good, Unknown("out of range", 4.0))
    assert ill.observations[Signal.REQUESTS] == Observation(Known(RequestRate(1.0), 2.0))


def test_who_are_told_the_same_at_once_hold_the_same() -> None:
    """
    Thousands of queues are equally empty: what is held of them is one value. Another time, or number, is another.
    """
    ledger = Ledger()
    first, second, third = (workload(name, queue=name) for name in ("a", "b", "c"))
    join(ledger, first, second, third)
    list(ledger.record({jobs("a"): QueueDepth(0), jobs("b"): QueueDepth(0), jobs("c"): ONE}, 1.0))
    assert first.observations[Signal.QUEUE] is second.observations[Signal.QUEUE]
    assert third.observations == {Signal.QUEUE: Observation(Known(ONE, 1.0))}
    list(ledger.record({jobs("b"): QueueDepth(0)}, 2.0))
    assert first.observations == {Signal.QUEUE: Observation(Known(QueueDepth(0), 1.0))}
    assert second.observations == {Signal.QUEUE: Observation(Known(QueueDepth(0), 2.0))}


def test_askers_may_go_in_any_order() -> None:
    """
    Whoever came first goes first, and comes back as the last: the others are told all the while.
    """
    ledger, first, second = Ledger(), workload("a", IDLE), workload("b", IDLE)
    join(ledger, first, second)
    assert mark(ledger, first) == [(jobs(), True)]
    assert mark(ledger, second) == []
    assert ledger.leave(first, [jobs()]) == ([], [])
    assert [each.caller.name for each, _ in ledger.record({jobs(): ONE}, 1.0)] == ["b"]
    join(ledger, first)
    assert [each.caller.name for each, _ in ledger.record({jobs(): TWO}, 2.0)] == ["b", "a"]
    assert ledger.leave(second, [jobs()]) == ([], [jobs()])
    assert ledger.leave(first, [jobs()]) == ([jobs()], [])
