"""
Waiting longer after each failure, and never quite as long as others do.
"""

from __future__ import annotations

from random import Random

_JITTER = 0.25
_MOST_DOUBLINGS = 30  # keeps the number finite; every bound is reached long before


class Backoff:
    """
    Delays that double with each failure in a row, up to a bound, each up to a quarter longer by chance.

    The chance is added, never subtracted: a failing system is not asked more often than a healthy one.

    Attributes:
        failures: how many there were in a row.
    """

    def __init__(self, rng: Random) -> None:
        self.failures = 0
        self._rng = rng

    def delay(self, first: float, bound: float) -> float:
        """
        Count a failure and return the seconds to wait: *first*, then twice that, up to *bound*, and the chance.
        """
        doubled = first * 2.0 ** min(self.failures, _MOST_DOUBLINGS)
        self.failures += 1
        return min(doubled, bound) * (1 + _JITTER * self._rng.random())

    def reset(self) -> None:
        """
        Begin anew.
        """
        self.failures = 0
