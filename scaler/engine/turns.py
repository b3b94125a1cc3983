"""
Turns: many who wait to be decided about, a few of them at a time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from scaler.engine.moment import Moment
from scaler.engine.roster import Workload

_TURN = 0.002
"""Seconds for which decisions are made in one go."""


class Turns:
    """
    Has decisions made about workloads, who came last first, and lets calls be answered in between.
    """

    def __init__(self, decide: Callable[[Workload, Moment], None]) -> None:
        self._decide = decide
        self._undecided: dict[Workload, None] = {}
        self._next: asyncio.Handle | None = None

    def add(self, workload: Workload) -> None:
        """
        Have a workload wait for its turn.
        """
        self._undecided[workload] = None

    def forget(self, workload: Workload) -> None:
        """
        Have a workload wait no more.
        """
        self._undecided.pop(workload, None)

    def take(self) -> None:
        """
        Begin, unless a turn is coming already.
        """
        if self._next is None:
            self._turn()

    def take_soon(self) -> None:
        """
        Begin as soon as the caller is done, unless a turn is coming already.
        """
        if self._next is None and self._undecided:
            self._next = asyncio.get_running_loop().call_soon(self._turn)

    def _turn(self) -> None:
        loop = asyncio.get_running_loop()
        moment = Moment(loop.time())
        self._next = None
        while self._undecided and loop.time() < moment.now + _TURN:
            self._decide(self._undecided.popitem()[0], moment)
        if self._undecided:
            self._next = loop.call_soon(self._turn)
