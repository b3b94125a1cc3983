"""
The grid never drifts; times that would never come are refused.
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scaler.engine.cadence import Grid, Timing

PHASES = st.floats(0, 1, exclude_max=True)
INTERVALS = st.floats(0.01, 3600)


@given(phase=PHASES, interval=INTERVALS, now=st.floats(0, 1e7))
def test_the_next_point_is_ahead_and_at_most_an_interval_away(phase: float, interval: float, now: float) -> None:
    """
    The next point is never now, and the one after next is never taken (but for a thousandth of an interval).
    """
    wait = Grid(phase).after(now, interval) - now
    assert 0 < wait <= 1.0011 * interval


@given(phase=PHASES, interval=INTERVALS, ticks=st.integers(1, 50))
def test_points_are_an_interval_apart_whenever_they_are_asked_for(phase: float, interval: float, ticks: int) -> None:
    """
    From point to point, and from anywhere between two points, the steps are one interval: nothing adds up.
    """
    grid = Grid(phase)
    first = point = grid.after(1000.0, interval)
    for _ in range(ticks):
        assert grid.after(point + 0.9 * interval, interval) == pytest.approx(point + interval)
        point = grid.after(point, interval)
    assert point == pytest.approx(first + ticks * interval)


def test_a_timer_that_fires_a_little_early_does_not_hit_the_same_point_twice() -> None:
    """
    At a microsecond before a point, the point counts as reached.
    """
    assert Grid(0.0).after(9.999999, 5.0) == 15.0


@pytest.mark.parametrize("field", ["interval", "timeout", "safety_net", "watch_interval"])
def test_times_that_never_come_are_refused(field: str) -> None:
    """
    No interval and no deadline is zero.
    """
    times = {"interval": 5.0, "timeout": 2.0, "safety_net": 60.0, "watch_interval": 0.25, field: 0.0}
    with pytest.raises(ValueError, match=f"every time must be above 0 s: .*{field}=0.0"):
        Timing(**times)
