"""
Lanes: the rhythms in which one connection's questions are asked. Each has one read in flight at most.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from random import Random

from scaler.engine.backoff import Backoff
from scaler.engine.cadence import Grid
from scaler.sources.questions import Question

# Seconds between two tries of a system that goes on failing, however many reasons there are to try it, unless it is
# asked less often anyway. While a workload waits, a system that is back must be noticed soon.
PAUSE = 1.0

# Between two reads of first sights in a rush of them: a read of one costs as much as one of a dozen.
GATHERING = 0.02


class Lane:
    """
    Questions that are asked together, every interval on a grid of its own.

    The interval is asked for each time, because a source may change it. While reads fail the lane leaves the grid
    and backs off; the first success brings it back.

    Attributes:
        questions: in the order in which they came.
        due: when the next read begins; None while there is nothing to ask, or a read is in flight.
        lateness: seconds between the time when the last read was due and its beginning, None before the first.
        skipped: reads that were left out, because the one before took longer than the interval.
    """

    def __init__(self, interval: Callable[[], float], rng: Random) -> None:
        self.questions: dict[Question, None] = {}
        self.due: float | None = None
        self.lateness: float | None = None
        self.skipped = 0
        self._interval = interval
        self._grid = Grid(rng.random())
        self._backoff = Backoff(rng)
        self._moved = asyncio.Event()
        self._begun = 0.0
        self._ended = 0.0

    @property
    def failing(self) -> bool:
        """
        Whether the last read failed.
        """
        return self._backoff.failures > 0

    def add(self, question: Question) -> None:
        """
        Ask a question from the next point of the grid on.
        """
        if not self.questions:
            self._move(self._grid.after(_now(), self._interval()))
        self.questions[question] = None

    def discard(self, question: Question) -> None:
        """
        Ask a question no more. A lane without questions has nothing to fail.
        """
        self.questions.pop(question, None)
        if not self.questions:
            self._backoff.reset()
            self.due = None

    def hurry(self) -> None:
        """
        Read at once, or right after the read in flight; a lane that is failing keeps its distance.
        """
        due = max(_now(), self._ended + PAUSE) if self.failing else _now()
        if self.questions and (self.due is None or due < self.due):
            self._move(due)

    async def next(self) -> tuple[Question, ...]:
        """
        Return the questions when they are due.
        """
        while self.due is None or self.due > _now():
            self._moved.clear()
            try:
                async with asyncio.timeout_at(self.due):
                    await self._moved.wait()
            except TimeoutError:
                if self.due is not None:
                    break  # even if the clock stands a shade before its time
        self._begun = _now()
        self.lateness = self._begun - self.due
        self.due = None
        return tuple(self.questions)

    def done(self, *, failed: bool) -> None:
        """
        Set the time of the next read after one has ended.
        """
        self._ended, interval = _now(), self._interval()
        if not self.questions:
            return
        if failed:
            self.due = self._ended + self._backoff.delay(interval, max(interval, PAUSE))
            return
        self._backoff.reset()
        self.skipped += int((self._ended - self._begun) / interval)
        if self.due is None:
            self.due = self._grid.after(self._ended, interval)

    def _move(self, due: float) -> None:
        self.due = due
        self._moved.set()


class AtOnce:
    """
    Questions that are asked once and now: the first sight of a workload waits for no grid and for no slow read.

    All that come in the same moment are one read, and so are all that come while one is in flight, and shortly after.
    After a failure the next try keeps its distance.

    Attributes:
        questions: what was not asked yet.
        failing: whether the last read failed.
    """

    def __init__(self) -> None:
        self.questions: dict[Question, None] = {}
        self.failing = False
        self._asked = asyncio.Event()
        self._ended = -PAUSE

    def add(self, questions: Iterable[Question]) -> None:
        """
        Ask questions in the next read.
        """
        self.questions.update(dict.fromkeys(questions))
        if self.questions:
            self._asked.set()

    def discard(self, question: Question) -> None:
        """
        Ask a question no more.
        """
        self.questions.pop(question, None)

    async def next(self) -> tuple[Question, ...]:
        """
        Return the questions as soon as there are any.
        """
        taken: tuple[Question, ...] = ()
        while not taken:
            await self._asked.wait()
            pause = PAUSE if self.failing else GATHERING
            if (rest := self._ended + pause - _now()) > 0:
                await asyncio.sleep(rest)
            taken = tuple(self.questions)
            self.questions.clear()
            self._asked.clear()
        return taken

    def done(self, *, failed: bool) -> None:
        """
        Remember how a read ended.
        """
        self.failing = failed
        self._ended = _now()


def _now() -> float:
    return asyncio.get_running_loop().time()
