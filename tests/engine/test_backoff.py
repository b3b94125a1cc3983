"""
Back-off doubles, is bounded, and begins anew.
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scaler.engine.backoff import Backoff
from tests.engine.polling import chance


@given(first=st.floats(0.05, 5), bound=st.floats(5, 60), failures=st.integers(1, 2000), seed=st.integers())
def test_delays_double_up_to_the_bound(first: float, bound: float, failures: int, seed: int) -> None:
    """
    Every delay is the first one doubled so often, at most the bound, and up to a quarter longer: never shorter.
    """
    backoff = Backoff(chance(seed))
    for failure in range(failures):
        plain = min(bound, first * 2 ** min(failure, 30))
        assert plain <= backoff.delay(first, bound) <= 1.25 * plain


def test_a_success_begins_anew() -> None:
    """
    After a reset the first delay is the first again.
    """
    backoff = Backoff(chance(1))
    for _ in range(6):
        backoff.delay(1.0, 60.0)
    assert backoff.failures == 6
    backoff.reset()
    assert backoff.failures == 0
    assert backoff.delay(1.0, 60.0) <= 1.25


def test_no_two_wait_alike() -> None:
    """
    Those who failed together do not come back together.
    """
    delays = {Backoff(chance(seed)).delay(10.0, 10.0) for seed in range(100)}
    assert len(delays) == 100
    assert max(delays) - min(delays) == pytest.approx(2.5, abs=0.3)
