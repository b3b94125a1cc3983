"""
Waiting longer after each failure in a row.
"""

from __future__ import annotations

from random import Random

_JITTER = 0.25


class Backoff:
    """
    Delays in seconds that double from *first* up to *bound*, each up to a quarter shorter by chance.

    Never longer than the bound: leases are renewed in time because it is.
    """

    def __init__(self, first: float, bound: float, rng: Random) -> None:
        self._first = first
        self._bound = bound
        self._rng = rng
        self._next = first

    def delay(self) -> float:
        """
        Count a failure and return how long to wait.
        """
        delay = min(self._next, self._bound)
        self._next = min(delay * 2, self._bound)
        return delay * (1 - _JITTER * self._rng.random())

    def reset(self) -> None:
        """
        Begin anew.
        """
        self._next = self._first
