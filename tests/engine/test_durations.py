"""
Durations: each is in the first bucket whose bound it does not exceed.
"""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from scaler.engine.durations import CALL_BOUNDS, LATENESS_BOUNDS, READ_BOUNDS, WAKE_BOUNDS, Stopwatch


def test_a_bound_belongs_to_its_bucket() -> None:
    """
    As Prometheus means it: `le`.
    """
    stopwatch = Stopwatch((0.1, 1))
    for seconds in (0.1, 0.5, 1.0, 1.5):
        stopwatch.note(seconds)
    assert stopwatch.durations().up_to() == [("0.1", 1), ("1.0", 3), ("+Inf", 4)]
    assert stopwatch.durations().total == 3.1


def test_what_was_read_does_not_change() -> None:
    """
    It is written out in another thread.
    """
    stopwatch = Stopwatch((1.0,))
    read = stopwatch.durations()
    stopwatch.note(0.5)
    assert read.up_to() == [("1.0", 0), ("+Inf", 0)]


@given(st.lists(st.floats(min_value=0, max_value=1e6)))
def test_every_one_is_counted(seconds: list[float]) -> None:
    """
    None is lost, and each bound counts those that do not exceed it.
    """
    for bounds in (CALL_BOUNDS, READ_BOUNDS, LATENESS_BOUNDS, WAKE_BOUNDS):
        stopwatch = Stopwatch(bounds)
        for each in seconds:
            stopwatch.note(each)
        told = dict(stopwatch.durations().up_to())
        assert told["+Inf"] == len(seconds)
        assert all(told[str(bound)] == sum(each <= bound for each in seconds) for bound in bounds)
