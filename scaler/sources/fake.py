"""
A source without a system behind it: what it answers, and when it fails, is set by whoever holds it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from scaler.sources.base import ALL_TOGETHER, Answer, Answers, SourceError, WatchRefusedError
from scaler.sources.questions import Question


@dataclass(frozen=True, slots=True)
class Read:
    """
    One read that was asked of a fake source, on the event loop's clock.
    """

    at: float
    questions: tuple[Question, ...]


class FakeSource:
    """
    A source whose world is a table of answers.

    Attributes:
        reads: every read that was begun, in order.
        portion: how many questions one read should have at most.
        delay: seconds that each read takes.
        watchers: the watchers that are running.
        closed: whether `aclose()` was called.
    """

    def __init__(self, host: str = "fake:1", *, close_interval: float = 0.25, announces: bool = False) -> None:
        self.host = host
        self.portion = ALL_TOGETHER
        self.close_interval = close_interval
        self.announces = announces
        self.reads: list[Read] = []
        self.delay = 0.0
        self.watchers: set[FakeWatcher] = set()
        self.closed = False
        self._answers: dict[Question, Answer] = {}
        self._failure: Exception | None = None
        self._running = asyncio.Event()
        self._running.set()

    def put(self, question: Question, answer: Answer) -> None:
        """
        Set the answer to a question from now on (a SourceError is trouble with this question alone); announce it.
        """
        changed = self._answers.get(question) != answer
        self._answers[question] = answer
        if changed:
            self._announce(question)

    def stop(self, failure: Exception | None = None) -> None:
        """
        Make every read and every running watcher fail; by default as a system does that is down.
        """
        self._failure = failure or SourceError(f"{self.host} cannot be reached: connection refused")
        self._announce()

    def start(self) -> None:
        """
        End what `stop()` began.
        """
        self._failure = None

    def hang(self) -> None:
        """
        Let reads wait until `resume()`.
        """
        self._running.clear()

    def resume(self) -> None:
        """
        End what `hang()` began.
        """
        self._running.set()

    async def read(self, questions: Sequence[Question]) -> Answers:
        """
        Answer from the table, after the delay.
        """
        self.reads.append(Read(asyncio.get_running_loop().time(), tuple(questions)))
        await self._reach()
        return {question: self.answer(question) for question in questions}

    def watcher(self) -> FakeWatcher | None:
        """
        Return a new watcher if the source was made to announce changes.
        """
        return FakeWatcher(self) if self.announces else None

    async def probe(self) -> str:
        """
        Say that this is a fake.
        """
        await self._reach()
        return f"a fake source with {len(self._answers)} answers"

    async def aclose(self) -> None:
        """
        Note that the source was closed.
        """
        self.closed = True

    def answer(self, question: Question) -> Answer:
        """
        Return what the table says, or the trouble that it says nothing.
        """
        missing = SourceError(f"{self.host} was given no answer to {type(question).__name__}")
        return self._answers.get(question, missing)

    def check(self) -> None:
        """
        Raise what the source fails with now, if anything.
        """
        if self._failure is not None:
            raise self._failure

    async def _reach(self) -> None:
        await asyncio.sleep(self.delay)
        await self._running.wait()
        self.check()

    def _announce(self, question: Question | None = None) -> None:
        for watcher in self.watchers:
            watcher.notice(question)


class FakeWatcher:
    """
    Announces what is put into a fake source.

    Attributes:
        questions: what is watched now.
    """

    def __init__(self, source: FakeSource) -> None:
        self.questions: tuple[Question, ...] = ()
        self._source = source
        self._changed: set[Question] = set()
        self._wake = asyncio.Event()

    def set_questions(self, questions: Iterable[Question]) -> None:
        """
        Replace what is watched; the answers to new questions are delivered at once.
        """
        before, self.questions = self.questions, tuple(questions)
        self._changed.update(set(self.questions) - set(before))
        self._wake.set()

    def notice(self, question: Question | None) -> None:
        """
        Take note that a question's answer changed, or (None) that the source itself did.
        """
        if question is not None:
            self._changed.add(question)
        self._wake.set()

    async def run(self, deliver: Callable[[Answers], None]) -> None:
        """
        Deliver the present answers, then each one that is put.

        Raises:
            WatchRefusedError: the source no longer announces.
            SourceError: the source was stopped.
        """
        if not self._source.announces:
            raise WatchRefusedError(f"{self._source.host} announces no changes")
        self._changed = set(self.questions)
        self._source.watchers.add(self)
        try:
            while True:
                self._source.check()
                answers = {q: self._source.answer(q) for q in self.questions if q in self._changed}
                self._changed.clear()
                self._wake.clear()
                if answers:
                    deliver(answers)
                await self._wake.wait()
        finally:
            self._source.watchers.discard(self)
