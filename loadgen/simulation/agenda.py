"""
Virtual time: what is to happen when, in order.
"""

from __future__ import annotations

from collections.abc import Callable
from heapq import heappop, heappush
from typing import Any


class Agenda:
    """
    Events in order of time; those of one time in the order in which they were put down.

    Attributes:
        now: the time of the event that happens, in seconds.
        end: events after this time do not happen; may be moved while it runs.
    """

    def __init__(self, end: float) -> None:
        self.now = 0.0
        self.end = end
        self._events: list[tuple[float, int, Callable[..., None], tuple[Any, ...]]] = []
        self._count = 0

    def at(self, time: float, act: Callable[..., None], *arguments: Any) -> None:
        """
        Let something happen at a time, now at the earliest.
        """
        self._count += 1
        heappush(self._events, (max(time, self.now), self._count, act, arguments))

    def every(self, first: float, period: float, act: Callable[[], None]) -> None:
        """
        Let something happen again and again, at times that never drift.
        """
        self.at(first, self._again, first, period, 0, act)

    def run(self) -> None:
        """
        Let everything happen, until the end.
        """
        events = self._events
        while events and events[0][0] <= self.end:
            self.now, _, act, arguments = heappop(events)
            act(*arguments)
        self.now = self.end

    def _again(self, first: float, period: float, turn: int, act: Callable[[], None]) -> None:
        self.at(first + (turn + 1) * period, self._again, first, period, turn + 1, act)
        act()
