"""
From the API's times, which are on the wall's clock, to the engine's, which never jumps.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime

_JUMP = 2.0
"""Seconds by which the clocks must drift apart before times are translated anew: equal stamps stay equal until then."""


class Clock:
    """
    Translates times.

    Args:
        now: the engine's clock, in seconds.
        wall: the wall's, in seconds since 1970.
    """

    def __init__(self, now: Callable[[], float], wall: Callable[[], float] = time.time) -> None:
        self._now = now
        self._wall = wall
        self._ahead = wall() - now()

    def translate(self, stamp: str | None) -> float:
        """
        Return when a time of the API's was, now at the latest: the clocks of two machines may differ.

        What is no time is now.
        """
        now = self._now()
        ahead = self._wall() - now
        if abs(ahead - self._ahead) > _JUMP:
            self._ahead = ahead
        try:
            at = datetime.fromisoformat(stamp or "").timestamp() - self._ahead
        except ValueError:
            return now
        return min(at, now)
