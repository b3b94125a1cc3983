"""
The HPA's arithmetic, row by row as Kubernetes does it.
"""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loadgen.simulation.hpa import Hpa, Metric
from loadgen.simulation.scaling import Behaviour, Direction, Select, Step, Unit
from scaler.demo import hpa as stand_in

DEFAULT = Behaviour()
NO_WINDOW = Behaviour(down=replace(DEFAULT.down, window=0.0))
PODS_DOWN = Behaviour(down=Direction((Step(Unit.PODS, 2, 60.0), Step(Unit.PERCENT, 50, 60.0)), window=0.0))


@pytest.mark.parametrize(
    ("current", "metrics", "wanted"),
    [
        pytest.param(4, [(4.4, 1.0)], 4, id="10 % more is within tolerance"),
        pytest.param(4, [(4.41, 1.0)], 5, id="a little more is not"),
        pytest.param(10, [(11.0, 1.0)], 10, id="so from ten on, one more is ignored"),
        pytest.param(4, [(3.6, 1.0)], 4, id="10 % less is within tolerance"),
        pytest.param(4, [(3.0, 1.0)], 3, id="less without a window comes at once"),
        pytest.param(2, [(95.0, 80.0)], 2, id="a sum over a target is rounded up"),
        pytest.param(2, [(1.0, 1.0), (3.0, 1.0)], 3, id="the most of several metrics counts"),
        pytest.param(1, [(50.0, 1.0)], 5, id="four more pods at once"),
        pytest.param(8, [(50.0, 1.0)], 16, id="or twice as many"),
        pytest.param(12, [(50.0, 1.0)], 20, id="but never more than the maximum"),
        pytest.param(3, [(0.0, 1.0)], 1, id="and never less than one"),
    ],
)
def test_one_round(current: int, metrics: list[Metric], wanted: int) -> None:
    """A single round from a number of replicas."""
    assert Hpa(0, 20, NO_WINDOW).replicas(current, metrics, 0.0) == wanted


def test_going_down_waits_for_the_window() -> None:
    """
    Five replicas were wanted at 0 s. Until just before 300 s they stay; then what was wanted since decides.
    """
    hpa = Hpa(0, 20, DEFAULT)
    assert hpa.replicas(5, [(5.0, 1.0)], 0.0) == 5
    assert hpa.replicas(5, [(3.0, 1.0)], 15.0) == 5
    assert hpa.replicas(5, [(1.0, 1.0)], 299.0) == 5
    assert hpa.replicas(5, [(1.0, 1.0)], 301.0) == 3
    assert hpa.replicas(3, [(1.0, 1.0)], 316.0) == 1


def test_going_up_waits_for_its_window() -> None:
    """
    With a window of 60 s for the way up, a peak of 45 s changes nothing.
    """
    hpa = Hpa(0, 20, Behaviour(up=replace(DEFAULT.up, window=60.0)))
    assert [hpa.replicas(2, [(4.0, 1.0)], at) for at in (0.0, 15.0, 30.0, 45.0)] == [2, 2, 2, 2]
    assert hpa.replicas(2, [(4.0, 1.0)], 61.0) == 4


def test_what_was_added_lately_counts_against_the_limit() -> None:
    """
    Four more pods in 15 s: those of 10 s ago are among them; of 16 s ago, no longer.
    """
    hpa = Hpa(0, 100, Behaviour(up=Direction((Step(Unit.PODS, 4),), window=0.0)))
    assert hpa.replicas(1, [(50.0, 1.0)], 0.0) == 5
    assert hpa.replicas(5, [(50.0, 1.0)], 10.0) == 5
    assert hpa.replicas(5, [(50.0, 1.0)], 16.0) == 9


@pytest.mark.parametrize(("select", "wanted"), [(Select.MAX, 5), (Select.MIN, 8), (Select.DISABLED, 10)], ids=str)
def test_policies_on_the_way_down(select: Select, wanted: int) -> None:
    """Two pods or half of them a minute, of ten: the most, the least, or nothing."""
    hpa = Hpa(0, 100, Behaviour(down=replace(PODS_DOWN.down, select=select)))
    assert hpa.replicas(10, [(1.0, 1.0)], 0.0) == wanted


def test_no_tolerance_follows_every_step() -> None:
    """
    With tolerance 0 both ways, 10 to 11 is followed, and 11 to 10.
    """
    sharp = Behaviour(replace(DEFAULT.up, tolerance=0.0), replace(DEFAULT.down, tolerance=0.0, window=0.0))
    hpa = Hpa(0, 20, sharp)
    assert hpa.replicas(10, [(11.0, 1.0)], 0.0) == 11
    assert hpa.replicas(11, [(10.0, 1.0)], 15.0) == 10


def test_behaviour_that_kubernetes_would_not_take_is_refused() -> None:
    """The error names the rule."""
    with pytest.raises(ValueError, match="at least one scaling policy"):
        Direction((), window=0.0)
    with pytest.raises(ValueError, match="tolerance must be at least 0"):
        Direction((Step(Unit.PODS, 1),), window=0.0, tolerance=-0.1)


@settings(deadline=None, derandomize=True)
@given(
    st.lists(st.tuples(st.sampled_from((1.0, 14.0, 15.0, 60.0)), st.integers(0, 30)), min_size=1, max_size=40),
    st.sampled_from((0.0, 60.0, 300.0)),
)
def test_it_agrees_with_the_stand_in(rounds: list[tuple[float, int]], window: float) -> None:
    """
    The HPA of the demo, written apart from this one, wants the same replicas round by round.
    """
    ours = Hpa(0, 20, Behaviour(down=replace(DEFAULT.down, window=window)))
    theirs = stand_in.Hpa(0, 20, stand_in.Behaviour(down_window=window))
    now, current = 0.0, 1
    for pause, value in rounds:
        now += pause
        wanted = ours.replicas(current, [(float(value), 1.0)], now)
        assert wanted == theirs.replicas(current, float(value), 1.0, now)
        current = wanted
