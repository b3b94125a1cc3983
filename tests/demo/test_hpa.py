"""
The HPA's arithmetic: proportional, tolerant, quick to rise, slow to fall.
"""

from __future__ import annotations

import pytest

from scaler.demo.hpa import Behaviour, Hpa

DEFAULTS = Behaviour()


def hpa(behaviour: Behaviour = DEFAULTS, *, minimum: int = 0, maximum: int = 100) -> Hpa:
    """
    Return a fresh one.
    """
    return Hpa(minimum, maximum, behaviour)


@pytest.mark.parametrize(
    ("current", "value", "target", "wanted"),
    [
        pytest.param(1, 3.0, 1.0, 3, id="as many as the value says"),
        pytest.param(1, 2.2, 1.0, 3, id="rounded up"),
        pytest.param(2, 250.0, 80.0, 4, id="divided by the target"),
        pytest.param(4, 4.0, 1.0, 4, id="what there is stays"),
        pytest.param(10, 11.0, 1.0, 10, id="ten per cent more is tolerated"),
        pytest.param(10, 11.1, 1.0, 12, id="more than that is not"),
        pytest.param(1, 0.0, 1.0, 1, id="never to zero by itself"),
        pytest.param(1, 300.0, 1.0, 5, id="four more in one period"),
        pytest.param(8, 300.0, 1.0, 16, id="twice as many in one period"),
    ],
)
def test_one_round(current: int, value: float, target: float, wanted: int) -> None:
    """
    What the first round makes of a value.
    """
    assert hpa().replicas(current, value, target, now=0.0) == wanted


def test_it_keeps_within_its_bounds() -> None:
    """
    Never more than the maximum, never fewer than the minimum.
    """
    bounded = hpa(Behaviour(down_window=0.0), minimum=2, maximum=4)
    assert bounded.replicas(2, 9.0, 1.0, now=0.0) == 4
    assert bounded.replicas(4, 0.0, 1.0, now=15.0) == 2


def test_rising_is_limited_within_each_period() -> None:
    """
    From 1: 5 at once, no more for the rest of the period, 10 in the next one.
    """
    rising = hpa(Behaviour(up_period=15.0))
    assert rising.replicas(1, 50.0, 1.0, now=0.0) == 5
    assert rising.replicas(5, 50.0, 1.0, now=14.0) == 5
    assert rising.replicas(5, 50.0, 1.0, now=15.0) == 10


def test_falling_follows_the_most_that_was_recommended_in_the_window() -> None:
    """
    Four were recommended; four minutes and 59 seconds later they are still there, one second later they go.
    """
    falling = hpa(Behaviour(down_window=300.0))
    assert falling.replicas(4, 4.0, 1.0, now=0.0) == 4
    assert falling.replicas(4, 1.0, 1.0, now=299.0) == 4
    assert falling.replicas(4, 1.0, 1.0, now=300.0) == 1


def test_falling_goes_down_in_steps_when_the_recommendations_did() -> None:
    """
    The largest recommendation within the window decides, not the first nor the last.
    """
    falling = hpa(Behaviour(down_window=10.0))
    assert falling.replicas(4, 4.0, 1.0, now=0.0) == 4
    assert falling.replicas(4, 3.0, 1.0, now=5.0) == 4
    assert falling.replicas(4, 1.0, 1.0, now=11.0) == 3
    assert falling.replicas(3, 1.0, 1.0, now=16.0) == 1
