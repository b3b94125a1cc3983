"""
Patterns of arrivals: pure, within their length, at the rates that they state, and independent where composed.
"""

from __future__ import annotations

from itertools import pairwise
from random import Random
from statistics import fmean, pstdev

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from loadgen.arrivals.patterns import Bursts, Constant, Diurnal, InTurn, OnOff, Pattern, Poisson, Ramp, Together
from loadgen.arrivals.services import Exponential, Fixed, Lognormal, Service

_ON_A_BUSY_MACHINE = settings(deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])

HOUR = 3600.0
EVERY = {
    "constant": Constant(0.1),
    "poisson": Poisson(0.1),
    "bursts": Bursts(0.01, 10, 20.0),
    "on and off": OnOff(0.2, 300.0, 300.0),
    "diurnal": Diurnal(0.0, 0.2),
    "ramp": Ramp(0.0, 0.2),
    "together": Together((Poisson(0.05), Constant(0.05))),
    "in turn": InTurn(((Poisson(0.2), 600.0), (Constant(0.0001), 600.0))),
}


@pytest.mark.parametrize("pattern", EVERY.values(), ids=EVERY)
@_ON_A_BUSY_MACHINE
@given(seed=st.text(max_size=5), length=st.floats(1.0, 20_000.0))
def test_arrivals_are_in_order_within_the_length_and_the_same_again(pattern: Pattern, seed: str, length: float) -> None:
    """
    Whatever the seed and the length: rising times in [0, length), equal for equal arguments.
    """
    times = pattern.times(length, seed)
    assert all(earlier <= later for earlier, later in pairwise(times))
    assert all(0 <= at < length for at in times)
    assert pattern.times(length, seed) == times


@pytest.mark.parametrize("pattern", EVERY.values(), ids=EVERY)
def test_the_rate_is_the_one_stated(pattern: Pattern) -> None:
    """
    Every pattern here means 0.1 jobs a second on average: over 40 days, within 5 %.
    """
    length = 40 * 24 * HOUR
    assert len(pattern.times(length, "rate")) / length == pytest.approx(0.1, rel=0.05)


def test_constant_arrivals_do_not_drift() -> None:
    """
    The millionth job comes exactly when a million intervals have passed.
    """
    assert Constant(3.0).times(333_334.0, "")[999_999] == 1_000_000 / 3.0


def test_another_seed_gives_other_arrivals() -> None:
    """
    Two seeds share no moment.
    """
    pattern = Poisson(1.0)
    assert set(pattern.times(HOUR, "a")) & set(pattern.times(HOUR, "b")) == set()


def test_intervals_of_independent_arrivals_vary_as_much_as_they_last() -> None:
    """
    Exponential intervals: standard deviation and mean are equal.
    """
    intervals = [later - earlier for earlier, later in pairwise(Poisson(1.0).times(50_000.0, "x"))]
    assert pstdev(intervals) == pytest.approx(fmean(intervals), rel=0.02)


def test_a_burst_comes_together() -> None:
    """
    Bursts of ten within a second, an hour apart on average: after each tenth job there is a long gap.
    """
    times = Bursts(1 / HOUR, 10, 1.0).times(1000 * HOUR, "x")
    gaps = [later - earlier for earlier, later in pairwise(times)]
    assert sum(gap <= 1.0 for gap in gaps) / len(gaps) == pytest.approx(0.9, abs=0.01)


def test_nothing_comes_while_off() -> None:
    """
    Half the time nothing comes: gaps of minutes beside gaps of a second.
    """
    times = OnOff(1.0, 300.0, 300.0).times(100 * HOUR, "x")
    gaps = [later - earlier for earlier, later in pairwise(times)]
    assert sum(gap for gap in gaps if gap > 20.0) == pytest.approx(50 * HOUR, rel=0.15)


def test_the_day_has_a_peak_and_the_night_has_none() -> None:
    """
    The two hours around the peak have the high rate, those half a day away nearly nothing.
    """
    times = Diurnal(0.0, 1.0, peak=15 * HOUR).times(24 * HOUR, "x")
    by_day = sum(14 * HOUR <= at < 16 * HOUR for at in times)
    by_night = sum(2 * HOUR <= at < 4 * HOUR for at in times)
    assert by_day == pytest.approx(7200, rel=0.05)
    assert by_night < 100


def test_a_ramp_rises_evenly() -> None:
    """
    From nothing to one a second: a quarter of the jobs come in the first half.
    """
    times = Ramp(0.0, 1.0).times(100_000.0, "x")
    assert sum(at < 50_000.0 for at in times) / len(times) == pytest.approx(0.25, abs=0.01)


def test_one_part_does_not_disturb_another() -> None:
    """
    Changing the second of two patterns leaves the arrivals of the first as they were.
    """
    alone = set(Together((Poisson(0.1), Constant(0.001))).times(HOUR, "x")) - {1000.0, 2000.0, 3000.0}
    assert len(alone) > 300
    assert alone <= set(Together((Poisson(0.1), Poisson(5.0))).times(HOUR, "x"))


def test_turns_repeat_until_the_end() -> None:
    """
    A minute with a job each ten seconds, a minute with one each thirty, and again; the last turn is cut off.
    """
    times = InTurn(((Constant(0.1), 60.0), (Constant(1 / 30), 60.0))).times(200.0, "x")
    assert times == pytest.approx([10, 20, 30, 40, 50, 90, 130, 140, 150, 160, 170])


@pytest.mark.parametrize(
    ("make", "rule"),
    [
        (lambda: Poisson(0.0), "rate must be above 0"),
        (lambda: Bursts(1.0, 0), "size must be above 0"),
        (lambda: OnOff(1.0, 5.0, float("inf")), "off must be above 0 and finite"),
        (lambda: Diurnal(2.0, 1.0), "low must be at most high"),
        (lambda: Ramp(0.0, 0.0), "the higher rate must be above 0"),
        (lambda: Fixed(-1.0), "mean must be above 0"),
        (lambda: Lognormal(1.0, 0.0), "cv must be above 0"),
    ],
)
def test_what_means_nothing_is_refused(make: object, rule: str) -> None:
    """
    An error names the number and the rule.
    """
    assert callable(make)
    with pytest.raises(ValueError, match=rule):
        make()


@pytest.mark.parametrize(("service", "cv"), [(Fixed(40.0), 0.0), (Exponential(40.0), 1.0), (Lognormal(40.0, 0.5), 0.5)])
def test_service_times_have_the_stated_mean_and_spread(service: Service, cv: float) -> None:
    """
    Over 50,000 draws, within 2 % of the mean.
    """
    draws = Random("x")
    times = [service.draw(draws) for _ in range(50_000)]
    assert fmean(times) == pytest.approx(40.0, rel=0.02)
    assert pstdev(times) / fmean(times) == pytest.approx(cv, abs=0.03)
    assert min(times) > 0
