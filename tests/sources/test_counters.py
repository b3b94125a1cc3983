"""
Counters: rates from readings, as timelines.
"""

from __future__ import annotations

import pytest

from scaler.sources.counters import SHORTEST, WINDOW, Rate
from scaler.sources.series import Series


def see(rate: Rate, at: float, target: str = "pod-a", **counts: float) -> float | None:
    """
    Read counters by model at a moment; return the rate after it.
    """
    rate.see(target, [Series("requests_total", {"model": model}, count) for model, count in counts.items()], at, at)
    return rate.per_second()


def test_a_rate_takes_two_readings() -> None:
    """
    One reading says how many requests there ever were, and nothing of how many there are.
    """
    rate = Rate()
    assert rate.per_second() is None
    assert see(rate, 100, a=5000) is None
    assert see(rate, 110, a=5030) == 3


def test_all_series_are_summed() -> None:
    """
    Each series grows by itself.
    """
    rate = Rate()
    see(rate, 0, a=10, b=100)
    assert see(rate, 10, a=20, b=120) == 3


def test_the_first_request_shows_at_once_and_small_numbers_do_not_spike() -> None:
    """
    One request between two readings a second apart makes the rate positive, far below one a second, for 15 s.
    """
    rate = Rate()
    for second in range(16):
        assert not see(rate, second, a=7)
    assert see(rate, 16, a=8) == pytest.approx(1 / WINDOW)
    assert see(rate, 17, a=8) == pytest.approx(1 / WINDOW)
    for second in range(18, 30):
        assert see(rate, second, a=8)
    assert see(rate, 31, a=8) == 0


def test_readings_far_apart_use_the_one_before() -> None:
    """
    At an interval longer than the window the rate is the average since the last reading.
    """
    rate = Rate()
    see(rate, 0, a=0)
    assert see(rate, 60, a=60) == 1
    assert see(rate, 120, a=240) == 3


def test_readings_very_close_together_do_not_spike() -> None:
    """
    One request between two readings that are a millisecond apart is not a thousand a second.
    """
    rate = Rate()
    see(rate, 0, a=0)
    assert see(rate, 0.001, a=1) == 1 / SHORTEST


def test_a_counter_that_falls_was_reset() -> None:
    """
    A process that was restarted counts from zero: what it shows is what it has grown by.
    """
    rate = Rate()
    see(rate, 0, a=1000)
    see(rate, 5, a=1010)
    assert see(rate, 10, a=5) == 1.5


def test_a_series_that_appears_has_grown_from_zero() -> None:
    """
    A labelled counter is not on the page before its first request; the first one must wake.
    """
    rate = Rate()
    see(rate, 0)
    assert see(rate, 10, a=2) == 0.2


def test_a_series_that_vanished_and_came_back_was_reset() -> None:
    """
    A restart may take a labelled counter off the page for a while.
    """
    rate = Rate()
    see(rate, 0, a=500)
    see(rate, 5)
    assert see(rate, 10, a=3) == 0.3


def test_a_new_target_counts_from_its_first_sight() -> None:
    """
    A pod that was scraped by nobody yet brings no burst with it.
    """
    rate = Rate()
    see(rate, 0, a=0)
    see(rate, 10, a=10)
    assert see(rate, 10, "pod-b", a=5000) == 1
    see(rate, 20, a=20)
    assert see(rate, 20, "pod-b", a=5020) == 3


def test_a_target_that_is_gone_takes_its_rate_with_it() -> None:
    """
    And should it come back, it is new.
    """
    rate = Rate()
    for at in (0, 10):
        see(rate, at, a=at)
        see(rate, at, "pod-b", a=2 * at)
    assert rate.per_second() == 3
    rate.keep({"pod-a"})
    assert rate.per_second() == 1
    assert see(rate, 20, "pod-b", a=9000) == 1


def test_readings_that_overlap_count_once() -> None:
    """
    Of two readings under way at once nobody knows which is the older; a reset must not be seen where there was none.
    """
    rate = Rate()
    see(rate, 0, a=100)
    see(rate, 10, a=110)
    rate.see("pod-a", [Series("requests_total", {"model": "a"}, 105)], 9.5, 10.5)
    assert rate.per_second() == 1


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -1.0])
def test_what_is_no_counter_is_refused_and_leaves_no_trace(value: float) -> None:
    """
    The reading is trouble; the next good one goes on from the last good one.
    """
    rate = Rate()
    see(rate, 0, a=0)
    with pytest.raises(ValueError, match="which no counter can be"):
        see(rate, 5, a=value)
    assert see(rate, 10, a=20) == 2
