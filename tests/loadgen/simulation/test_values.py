"""
The values that go in and come out: what is refused, and how step functions and percentiles are read.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from loadgen.simulation.run import percentile
from loadgen.simulation.scaling import Fixed, Reading, ScaledObject, Stock
from loadgen.simulation.simulate import simulate
from loadgen.simulation.timeline import Recorder, Steps, summed
from loadgen.simulation.workload import Workload
from loadgen.simulation.world import Outage, Place, World
from tests.loadgen.simulation.worlds import EXACT, workload


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Workload("w", (1.0,), (), 2.0), "every arrival needs a service time"),
        (lambda: Workload("w", (2.0, 1.0), (1.0, 1.0), 2.0), "arrivals must be in order"),
        (lambda: Workload("w", (-1.0,), (1.0,), 2.0), "no arrival may be before 0 s, but one is at -1 s"),
        (lambda: Workload("w", (1.0,), (0.0,), 2.0), "every service time must be above 0 s"),
        (lambda: Workload("w", (5.0,), (1.0,), 2.0), "reach to the last arrival"),
        (lambda: Workload("w", (), (), float("inf")), "finite"),
        (lambda: World(grace=-1.0), "grace must be at least 0 and finite, not -1"),
        (lambda: World(concurrency=0), "concurrency must be above 0"),
        (lambda: World(jitter=1.0), "jitter must be below 1"),
        (lambda: Outage(Place.QUEUE, 5.0, 5.0), "end after that"),
        (lambda: ScaledObject(polling_interval=0.0), "polling_interval must be above 0 s"),
        (lambda: ScaledObject(min_replicas=3, max_replicas=2), "0 <= min <= max"),
        (lambda: ScaledObject(replicas=11), "replicas must be 0 to 10 at first, not 11"),
        (lambda: ScaledObject(cooldown_period=-1.0), "cooldown periods must be at least 0 s"),
        (lambda: Reading(interval=0.0), "interval, safety net and rate window must be above 0 s"),
        (lambda: Reading(push=-1.0), "must be at least 0 s"),
        (lambda: Fixed(0), "at least 1, not 0"),
        (lambda: Stock(()), "needs a trigger"),
    ],
)
def test_what_makes_no_sense_is_refused(make: Callable[[], object], words: str) -> None:
    """The error names the field, the rule and the value."""
    with pytest.raises(ValueError, match=words):
        make()


def test_a_workload_without_jobs_costs_its_replicas() -> None:
    """
    An hour of one replica without work is an hour; its waits and percentiles are 0, and so is the bound.
    """
    outcome = simulate(workload(), Fixed(1, warm=True), EXACT, 0).outcome(1.0)
    assert (outcome.gpu_hours, outcome.busy_share, outcome.wait_p99, outcome.wait_mean, outcome.bound) == (
        1,
        0,
        0,
        0,
        0,
    )


def test_step_functions() -> None:
    """
    A number holds until the next; areas and stretches of zero are exact.
    """
    steps = Steps((10.0, 20.0, 30.0), (2, 0, 1))
    assert [steps.at(time) for time in (0, 9.9, 10, 19.9, 20, 30, 99)] == [0, 0, 2, 2, 0, 1, 1]
    assert steps.area(0.0, 40.0) == 2 * 10 + 10
    assert steps.area(15.0, 25.0) == 10
    assert steps.zero(0.0, 40.0) == 20
    assert Steps().zero(0.0, 40.0) == 40


def test_changes_at_one_time_are_one() -> None:
    """
    Only the last counts, and a number that stays is not written again.
    """
    recorder = Recorder()
    for time, value in ((0.0, 0), (1.0, 1), (1.0, 2), (2.0, 2), (3.0, 5), (3.0, 2)):
        recorder.note(time, value)
    assert recorder.steps == Steps((1.0,), (2,))


def test_sums_of_step_functions() -> None:
    """
    The sum changes where any part does.
    """
    assert summed((Steps((1.0, 3.0), (1, 0)), Steps((2.0, 3.0), (1, 2)))) == Steps((1.0, 2.0), (1, 2))


@pytest.mark.parametrize(("percent", "value"), [(50, 2.0), (75, 3.0), (99, 4.0), (100, 4.0), (1, 1.0)])
def test_percentiles_are_values_that_occurred(percent: float, value: float) -> None:
    """So many per cent are at or below it."""
    assert percentile((1.0, 2.0, 3.0, 4.0), percent) == value


def test_a_price_below_zero_is_refused() -> None:
    """
    Waiting is worth nothing at least.
    """
    with pytest.raises(ValueError, match="at least 0, not -1"):
        simulate(workload(), Fixed(1), EXACT, 0).outcome(-1.0)
