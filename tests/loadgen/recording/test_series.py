"""
What series of samples tell: growth of counters, arrivals, service times.
"""

from __future__ import annotations

from math import inf
from statistics import fmean

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from loadgen.recording.series import Series, area, came, drawn, growth, moments, total

_ON_A_BUSY_MACHINE = settings(deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])


def series(*samples: tuple[float, float]) -> Series:
    """
    Return a series without labels.
    """
    return Series({}, samples)


def test_a_counter_that_was_there_counts_from_what_it_had() -> None:
    """
    100 at the start, 103 and 110 later: three, then seven.
    """
    assert growth([series((0, 100), (15, 103), (30, 110))], 0.0, 15.0) == {15: 3, 30: 7}


def test_a_replica_that_comes_later_counted_from_zero() -> None:
    """
    Its first sample already says four: these four came.
    """
    assert growth([series((30, 4), (45, 5))], 0.0, 15.0) == {30: 4, 45: 1}


def test_a_counter_that_starts_anew_loses_nothing() -> None:
    """
    From 9 to 2: it was set to zero, and two came since.
    """
    assert growth([series((0, 5), (15, 9), (30, 2))], 0.0, 15.0) == {15: 4, 30: 2}


def test_arrivals_are_what_was_done_and_what_is_there_now() -> None:
    """
    Three come (two wait, one is done), nothing, two of them are done, one comes and is still there.
    """
    done = {15.0: 1.0, 45.0: 2.0}
    present = {0.0: 0.0, 15.0: 2.0, 30.0: 2.0, 45.0: 0.0, 60.0: 1.0}
    assert came(done, present) == {15.0: 3.0, 60.0: 1.0}


@_ON_A_BUSY_MACHINE
@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=1, max_size=30))
def test_no_arrival_is_lost_however_late_it_is_seen(steps: list[tuple[int, int]]) -> None:
    """
    Jobs come and are done at random: once all are done, as many were found as came.
    """
    present, now, arrived = {0.0: 0.0}, 0, 0
    done: dict[float, float] = {}
    for number, (come, finish) in enumerate(steps, 1):
        arrived += come
        finished = min(finish, now + come)
        now += come - finished
        done[float(number)], present[float(number)] = finished, now
    last = float(len(steps) + 1)
    done[last], present[last] = now, 0.0
    assert sum(came(done, present).values()) == arrived


@_ON_A_BUSY_MACHINE
@given(st.dictionaries(st.integers(1, 100), st.floats(0, 20), max_size=20))
def test_every_job_has_a_moment_in_its_step(counts: dict[int, float]) -> None:
    """
    Rounded as a whole and not each for itself; each within the 15 s before it was counted.
    """
    times = {number * 15.0: count for number, count in counts.items()}
    found = moments(times, 15.0, "x")
    assert len(found) == pytest.approx(sum(counts.values()), abs=0.51)
    assert all(any(at - 15.0 <= moment <= at for at in times) for moment in found)
    assert found == sorted(found)


def test_the_sum_over_time_holds_each_sample_until_the_next() -> None:
    """
    Two for ten seconds, three for five.
    """
    assert area(total([series((0, 1), (10, 3), (15, 9)), series((0, 1))])) == 2 * 10 + 3 * 5


def test_drawn_times_have_the_histograms_mean_and_shape() -> None:
    """
    Half below 1 s, half between 10 and 20 s, and a mean of 9 s: the halves stay, the mean is met.
    """
    times = drawn({1.0: 50, 10.0: 50, 20.0: 100, inf: 100}, 9.0, 10_000, "x")
    assert fmean(times) == pytest.approx(9.0)
    assert sum(time < 2.0 for time in times) / len(times) == pytest.approx(0.5, abs=0.02)
    assert drawn({1.0: 0, inf: 0}, 1.0, 5, "x") == []
