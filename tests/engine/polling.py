"""
What the tests of the poller share: a poller at work, and what it delivers.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from random import Random

from scaler.domain.readings import QueueDepth
from scaler.engine.cadence import Timing
from scaler.engine.poller import Poller
from scaler.sources.base import Answer, Answers, Source
from scaler.sources.fake import FakeSource
from scaler.sources.questions import Question, RedisQueue, RedisShape

TIMING = Timing(interval=5.0, timeout=2.0, safety_net=60.0, watch_interval=0.25)


def chance(seed: int = 4) -> Random:
    """
    Return chance that repeats itself.
    """
    return Random(seed)  # noqa: S311 - spreading reads over time is no secret


def queue(name: str = "a") -> RedisQueue:
    """
    Ask for the length of a list.
    """
    return RedisQueue("jobs", RedisShape.LIST, name)


@dataclass
class Desk:
    """
    Where answers are delivered.
    """

    deliveries: list[tuple[float, Answers]] = field(default_factory=list)

    def deliver(self, answers: Answers, at: float) -> None:
        """
        Keep everything.
        """
        self.deliveries.append((at, answers))

    def about(self, question: Question) -> list[tuple[float, Answer]]:
        """
        Return what was delivered about one question, and for which times.
        """
        return [(at, answers[question]) for at, answers in self.deliveries if question in answers]

    def newest(self, question: Question) -> Answer:
        """
        Return the answer that a receiver holds who ignores what is older than what it has.
        """
        return max(self.about(question), key=lambda delivery: delivery[0])[1]


class SlowFor(FakeSource):
    """
    A source that takes long for one question, and so for every read that has it.
    """

    def __init__(self, question: Question, seconds: float) -> None:
        super().__init__()
        self._slow = question
        self._seconds = seconds

    async def read(self, questions: Sequence[Question]) -> Answers:
        """
        Take the time that the slowest question takes.
        """
        await asyncio.sleep(self._seconds if self._slow in questions else 0)
        return await super().read(questions)


@asynccontextmanager
async def polling(
    source: Source, timing: Timing = TIMING, desk: Desk | None = None
) -> AsyncIterator[tuple[Poller, Desk]]:
    """
    Run a poller of the connection `jobs` for as long as the context lasts.
    """
    desk = desk or Desk()
    poller = Poller("jobs", source, timing, desk.deliver, chance())
    task = asyncio.create_task(poller.run())
    try:
        yield poller, desk
    finally:
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()


def source_with(*questions: Question, announces: bool = False) -> FakeSource:
    """
    Make a source with one job waiting for every question.
    """
    source = FakeSource(announces=announces)
    for question in questions:
        source.put(question, QueueDepth(1))
    return source


def asked(source: FakeSource, question: Question, since: float = 0.0) -> list[float]:
    """
    Return the times at which a question was asked.
    """
    return [read.at for read in source.reads if question in read.questions and read.at >= since]


def gaps(times: Iterable[float]) -> list[float]:
    """
    Return the times between the times.
    """
    return [after - before for before, after in pairwise(times)]


def now() -> float:
    """
    Return the loop's time.
    """
    return asyncio.get_running_loop().time()
