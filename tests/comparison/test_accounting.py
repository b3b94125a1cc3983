"""
The accounting: from what was seen to the figures of the table.
"""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from tests.comparison.accounting import PodLife, Replay, Step, figures, named, quantile, wakes
from tests.comparison.ledger import Record

_BEGIN, _END = 100.0, 700.0


def _replay(
    jobs: Sequence[Record] = (), pods: Sequence[PodLife] = (), steps: Sequence[Step] = (), woken: Sequence[float] = ()
) -> Replay:
    return Replay(_BEGIN, _END, jobs, pods, steps, woken)


def _done(sent: float, service: float, at: float) -> Record:
    return Record(sent, service, {"token"}, at, 1)


@pytest.mark.parametrize(
    ("pod", "seconds"),
    [
        (PodLife(200.0, 201.0, 251.0), 50.0),
        (PodLife(200.0, 201.0, None), _END - 201.0),
        (PodLife(200.0, 201.0, 900.0), _END - 201.0),
        (PodLife(90.0, 90.0, 130.0), 30.0),
        (PodLife(200.0, None, 300.0), 0.0),
        (PodLife(701.0, 702.0, 705.0), 0.0),
        (PodLife(80.0, 81.0, 99.0), 0.0),
    ],
    ids=["from node to end", "still there", "ends later", "was there before", "no node", "came later", "went before"],
)
def test_a_gpu_is_paid_for_from_the_node_to_the_end(pod: PodLife, seconds: float) -> None:
    """A pod costs its GPU while it has a node, and only within the time that is looked at."""
    assert figures(_replay(pods=[pod]), ())["gpu_seconds"] == seconds


def test_cost_is_gpu_hours_and_hours_waited() -> None:
    """Half an hour of a GPU and two jobs that waited for six minutes in all: 0.5 + price x 0.1."""
    jobs = [_done(200.0, 10.0, 210.0 + 120.0), _done(300.0, 20.0, 320.0 + 240.0)]
    pods = [PodLife(100.0, 100.0, None)] * 3
    found = figures(_replay(jobs, pods), (0.3, 10.0))
    assert found["gpu_seconds"] == 1800.0
    assert found["wait_mean_s"] == 180.0
    assert found["cost_at_0.3"] == pytest.approx(0.53)
    assert found["cost_at_10"] == pytest.approx(1.5)


def test_a_job_that_was_not_done_is_not_cheap() -> None:
    """Left undone it is counted as such, and costs what it waited until the end."""
    found = figures(_replay([Record(_END - 360.0, 5.0)]), (1.0,))
    assert (found["jobs"], found["jobs_undone"], found["jobs_done_once"]) == (1, 1, 0)
    assert found["cost_at_1"] == pytest.approx(0.1)
    assert "wait_p95_s" not in found


def test_jobs_done_again_and_cut_off_are_told() -> None:
    """One job done twice, one cut off twice, and neither hides the other."""
    twice = Record(200.0, 1.0, {"token"}, 210.0, 2)
    cut_off = Record(200.0, 1.0, {"a", "b", "c"}, 230.0, 1)
    found = figures(_replay([twice, cut_off]), ())
    assert (found["jobs_done_again"], found["jobs_done_once"], found["jobs_cut_off"]) == (1, 1, 2)


def test_every_pod_that_got_a_node_was_a_cold_start() -> None:
    """One that never got a node is none, and tells how long it had none."""
    pods = [PodLife(200.0, 200.5, 300.0), PodLife(400.0, None, 440.0), PodLife(500.0, 503.0, None)]
    found = figures(_replay(pods=pods), ())
    assert found["cold_starts"] == 2
    assert found["pending_max_s"] == 40.0


def test_a_wake_is_from_the_first_job_to_the_first_replica() -> None:
    """Two jobs come while nothing runs: it counts from the first; a growth from one to two is no wake."""
    jobs = [_done(200.0, 5.0, 240.0), _done(205.0, 5.0, 245.0), _done(260.0, 5.0, 290.0)]
    steps = [Step(200.5, 1, 0), Step(215.0, 2, 0), Step(228.0, 2, 1), Step(240.0, 2, 2)]
    replay = _replay(jobs, steps=steps)
    assert wakes(replay, lambda step: step.wanted > 0) == [(200.0, 200.5)]
    assert wakes(replay, lambda step: step.ready > 0) == [(200.0, 228.0)]
    found = figures(replay, ())
    assert (found["wakes"], found["trace_wake_p50_ms"], found["ready_max_s"]) == (1, 500.0, 28.0)


def test_it_sleeps_and_wakes_again() -> None:
    """A job that was done before it fell asleep is not what wakes it the second time."""
    jobs = [_done(200.0, 5.0, 240.0), _done(400.0, 5.0, 440.0)]
    steps = [Step(201.0, 1, 0), Step(230.0, 1, 1), Step(300.0, 0, 1), Step(301.0, 0, 0), Step(430.0, 1, 0)]
    assert wakes(_replay(jobs, steps=steps), lambda step: step.wanted > 0) == [(200.0, 201.0), (400.0, 430.0)]


def test_a_job_left_behind_waits_from_the_moment_of_falling_asleep() -> None:
    """A job that a scale-down cut off wakes its agent again, and that wake began when nothing was wanted any more."""
    jobs = [Record(200.0, 50.0, {"a", "b"}, 420.0, 1)]
    steps = [Step(201.0, 1, 0), Step(230.0, 1, 1), Step(250.0, 0, 1), Step(262.0, 0, 0), Step(270.0, 1, 0)]
    assert wakes(_replay(jobs, steps=steps), lambda step: step.wanted > 0) == [(200.0, 201.0), (250.0, 270.0)]


def test_waking_without_a_job_is_no_wake() -> None:
    """Somebody scaled it by hand: there is nothing that it could have been late for."""
    assert wakes(_replay(steps=[Step(200.0, 1, 0)]), lambda step: step.wanted > 0) == []


def test_quantiles_are_values_that_were_seen() -> None:
    """Of thirty values the 99th percentile is the largest, the median the fifteenth; of none there is none."""
    values = [float(number) for number in range(30, 0, -1)]
    assert (quantile(values, 0.5), quantile(values, 0.99), quantile(values, 1.0)) == (15.0, 30.0, 30.0)
    assert quantile([4.0], 0.5) == 4.0
    assert quantile([], 0.5) is None


def test_wakes_of_sleepers_are_told_in_milliseconds() -> None:
    """Half of them in ten milliseconds, the slowest in two seconds."""
    found = figures(_replay(woken=[0.01, 0.01, 2.0]), ())
    assert (found["wake_p50_ms"], found["wake_p99_ms"]) == (10.0, 2000.0)


def test_every_figure_is_named_after_its_policy() -> None:
    """One flat table of names and numbers, as other programs read it."""
    jobs = [_done(200.0, 10.0, 230.0)]
    rows = {name: figures(_replay(jobs, woken=[0.0123456]), (3.0,)) for name in ("ours", "stock")}
    assert named(rows) | {
        "ours_wake_p50_ms": 12.346,
        "ours_wake_p99_ms": 12.346,
        "stock_wake_p50_ms": 12.346,
        "ours_gpu_seconds": 0.0,
        "stock_gpu_seconds": 0.0,
        "ours_wait_p95_s": 20.0,
        "stock_wait_p95_s": 20.0,
        "ours_jobs_cut_off": 0,
        "stock_jobs_cut_off": 0,
        "ours_cost_at_3": 0.017,
    } == named(rows)
