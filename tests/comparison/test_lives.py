"""
Lives of pods, from what was told of them.
"""

from __future__ import annotations

from tests.comparison.accounting import PodLife
from tests.comparison.lives import lives
from tests.e2e.history import Standing


def test_a_life_is_put_together_from_what_was_told() -> None:
    """Made at 1, on a node at 2, told to go at 50, gone at 60: the GPU is its own from 2 to 60."""
    told = [
        Standing(1.0, "agents/a", ready=False, going=False),
        Standing(2.0, "agents/a", ready=False, going=False, bound=True),
        Standing(30.0, "agents/a", ready=True, going=False, bound=True),
        Standing(50.0, "agents/a", ready=True, going=True, bound=True),
        Standing(60.0, "agents/a", ready=False, going=True, gone=True, bound=True),
    ]
    assert lives(told) == [PodLife(created=1.0, bound=2.0, gone=60.0)]


def test_pods_are_told_apart() -> None:
    """What is told of one says nothing of another, in whatever order it comes."""
    told = [
        Standing(1.0, "agents/a", ready=False, going=False),
        Standing(1.5, "agents/b", ready=False, going=False, bound=True),
        Standing(9.0, "agents/a", ready=False, going=True, gone=True),
    ]
    assert lives(told) == [PodLife(1.0, None, 9.0), PodLife(1.5, 1.5, None)]
