"""
The contract that every source keeps, as tests to inherit: give `SourceContract` a `world` fixture and it runs.

    class TestRedis(SourceContract):
        @pytest.fixture
        async def world(self, redis_server):
            world = RedisWorld(redis_server)
            yield world
            await world.start()
            ...

A world is the system that the source looks at, with handles for a test to steer it.
"""

from __future__ import annotations

import asyncio
import gc
import os
import stat
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import ClassVar

import pytest

from scaler.domain.pods import Fleet
from scaler.domain.readings import GpuUse, QueueDepth, RequestRate
from scaler.sources.base import Answer, NoSeries, Source, SourceError
from scaler.sources.questions import Question

NAMESPACE = "ai"
WORKLOAD = "agent"
POD = "agent-0"

_PATIENCE = 10.0
_LONGEST_SENTENCE = 500


class SourceWorld(ABC):
    """
    A system that a test can steer, and the sources that look at it.

    Attributes:
        questions: questions that the source answers, about separate things; at least one.
        foreign: a question that such a source cannot answer.
        host: what an error must name when the system is down (a host name or address).
        secrets: what no sentence may ever contain.
        absurd: numbers that `put` can make the system say and that nobody may believe (nan, -1, ...).
        tolerance: how far a number may be off, for rates that are measured.
    """

    questions: Sequence[Question]
    foreign: Question
    host: str
    secrets: Sequence[str] = ()
    absurd: Sequence[float] = ()
    tolerance: float = 0.0

    @abstractmethod
    def source(self) -> Source:
        """
        Return a new source that looks at this world.
        """

    @abstractmethod
    async def put(self, question: Question, number: float) -> None:
        """
        Make the system say *number* in answer to a question from now on.

        GPUs: the one pod `POD` of `NAMESPACE` computes at *number* per cent.
        """

    @abstractmethod
    async def stop(self) -> None:
        """
        Take the system down: connections are refused or closed at once.
        """

    @abstractmethod
    async def start(self) -> None:
        """
        Bring the system back, with what was put before or empty; return when it can be reached. Harmless while up.
        """

    @abstractmethod
    async def hang(self) -> None:
        """
        Let the system take questions and say nothing.
        """

    @abstractmethod
    async def resume(self) -> None:
        """
        End what `hang` began.
        """

    async def spoil(self, question: Question) -> None:
        """
        Make one question alone go wrong (a key of the wrong type, a queue that is gone, a query with a typo).

        Needed where `questions` has more than one.
        """
        raise NotImplementedError(f"spoil {question}")


def number_of(answer: Answer) -> float | None:
    """
    Return the number in an answer; None if it says that there is none, or trouble.
    """
    match answer:
        case QueueDepth():
            return answer.total
        case RequestRate():
            return answer.per_second
        case Fleet():
            use = answer.of(NAMESPACE, WORKLOAD)
            return use.total if isinstance(use, GpuUse) else None
        case NoSeries() | SourceError():
            return None


class SourceContract:
    """
    What holds for every source, whatever it looks at.
    """

    read_timeout: ClassVar[float] = 5.0

    @pytest.fixture
    async def source(self, world: SourceWorld) -> AsyncIterator[Source]:
        """
        Make a source that looks at the world; close it after the test.
        """
        source = world.source()
        yield source
        await source.aclose()

    async def ask(self, source: Source, *questions: Question) -> dict[Question, Answer]:
        """
        Read within the time that a read may take.
        """
        async with asyncio.timeout(self.read_timeout):
            return dict(await source.read(questions))

    async def expect(self, world: SourceWorld, source: Source, question: Question, number: float) -> None:
        """
        Assert that one read answers a question with a number.
        """
        answer = (await self.ask(source, question))[question]
        assert number_of(answer) == pytest.approx(number, abs=world.tolerance), answer

    def check_sentence(self, world: SourceWorld, text: str) -> None:
        """
        Assert that a text is one sentence for an operator that gives no secret away.
        """
        assert 0 < len(text) < _LONGEST_SENTENCE
        assert "\n" not in text
        assert "Traceback" not in text
        assert not [secret for secret in world.secrets if secret in text]

    async def test_a_number_is_answered_and_so_is_the_next(self, world: SourceWorld, source: Source) -> None:
        """
        What the system says is what the source answers, and a change is seen by the next read.
        """
        question = world.questions[0]
        for number in (3, 5, 0):
            await world.put(question, number)
            await self.expect(world, source, question, number)

    async def test_every_question_gets_its_own_answer(self, world: SourceWorld, source: Source) -> None:
        """
        Questions asked together are answered together, each with its own number.
        """
        for number, question in enumerate(world.questions, start=2):
            await world.put(question, number)
        answers = await self.ask(source, *world.questions)
        assert set(answers) == set(world.questions)
        for number, question in enumerate(world.questions, start=2):
            assert number_of(answers[question]) == pytest.approx(number, abs=world.tolerance), answers[question]

    async def test_equal_questions_are_one(self, world: SourceWorld, source: Source) -> None:
        """
        A question asked twice in one read has one answer.
        """
        question = world.questions[0]
        await world.put(question, 4)
        answers = await self.ask(source, question, question)
        assert list(answers) == [question]
        assert number_of(answers[question]) == pytest.approx(4, abs=world.tolerance)

    async def test_no_question_has_no_answer(self, source: Source) -> None:
        """
        A read of nothing returns nothing.
        """
        assert await self.ask(source) == {}

    async def test_a_foreign_question_is_refused_and_leaves_the_others(
        self, world: SourceWorld, source: Source
    ) -> None:
        """
        A question that belongs to another kind of source is answered with trouble; its neighbour is answered.
        """
        question = world.questions[0]
        await world.put(question, 2)
        answers = await self.ask(source, world.foreign, question)
        refusal = answers[world.foreign]
        assert isinstance(refusal, SourceError)
        self.check_sentence(world, str(refusal))
        assert number_of(answers[question]) == pytest.approx(2, abs=world.tolerance)

    async def test_trouble_with_one_question_leaves_the_others(self, world: SourceWorld, source: Source) -> None:
        """
        One question's trouble is its own answer; the others get theirs.
        """
        if len(world.questions) == 1:
            return  # a source of one question has no neighbour to leave alone
        spoilt, *others = world.questions
        for question in others:
            await world.put(question, 3)
        await world.spoil(spoilt)
        answers = await self.ask(source, *world.questions)
        trouble = answers[spoilt]
        assert isinstance(trouble, SourceError)
        self.check_sentence(world, str(trouble))
        for question in others:
            assert number_of(answers[question]) == pytest.approx(3, abs=world.tolerance), answers[question]

    async def test_no_absurd_number_is_believed(self, world: SourceWorld, source: Source) -> None:
        """
        NaN, infinities and numbers out of range are trouble, not values; a good number after them is believed.
        """
        question = world.questions[0]
        for number in world.absurd:
            await world.put(question, number)
            answer = (await self.ask(source, question))[question]
            if isinstance(answer, Fleet):
                trouble = answer.of(NAMESPACE, WORKLOAD)
                assert isinstance(trouble, str), f"{number} became {trouble}"
            else:
                assert isinstance(answer, SourceError), f"{number} became {answer}"
                trouble = str(answer)
            self.check_sentence(world, trouble)
        await world.put(question, 6)
        await self.expect(world, source, question, 6)

    async def test_down_is_an_error_and_up_again_is_an_answer(self, world: SourceWorld, source: Source) -> None:
        """
        A system that is down makes reads fail with a sentence naming it; the first read after its return is right.
        """
        question = world.questions[0]
        await world.put(question, 1)
        await self.expect(world, source, question, 1)
        await world.stop()
        for _ in range(2):
            with pytest.raises(SourceError) as trouble:
                await self.ask(source, question)
            self.check_sentence(world, str(trouble.value))
            assert world.host in str(trouble.value)
        await world.start()
        await world.put(question, 7)
        await self.expect(world, source, question, 7)

    async def test_a_source_may_be_older_than_its_system(self, world: SourceWorld, source: Source) -> None:
        """
        A source whose first read found nobody works as soon as somebody is there.
        """
        question = world.questions[0]
        await world.stop()
        with pytest.raises(SourceError):
            await self.ask(source, question)
        await world.start()
        await world.put(question, 2)
        await self.expect(world, source, question, 2)

    async def test_a_read_that_hung_does_not_poison_the_next(self, world: SourceWorld, source: Source) -> None:
        """
        Reads given up while the system says nothing leave nothing behind: later answers are theirs and right.
        """
        question = world.questions[0]
        await world.put(question, 1)
        await self.expect(world, source, question, 1)
        await world.hang()
        for _ in range(2):
            with suppress(SourceError, TimeoutError):
                async with asyncio.timeout(0.3):
                    await source.read([question])
                pytest.fail("the system said nothing, and the source answered")
        await world.resume()
        for number in (8, 9):
            await world.put(question, number)
            await self.expect(world, source, question, number)

    async def test_a_read_may_be_cancelled_at_any_moment(self, world: SourceWorld, source: Source) -> None:
        """
        A read cancelled after any number of its steps leaves the source working, with each answer to its question.
        """
        for number, question in enumerate(world.questions, start=2):
            await world.put(question, number)
        for steps in range(12):
            read = asyncio.create_task(self._read(source, world.questions))
            for _ in range(steps):
                await asyncio.sleep(0)
            read.cancel()
            await asyncio.gather(read, return_exceptions=True)
        answers = await self.ask(source, *world.questions)
        for number, question in enumerate(world.questions, start=2):
            assert number_of(answers[question]) == pytest.approx(number, abs=world.tolerance), answers[question]

    async def test_two_reads_at_once_are_both_right(self, world: SourceWorld, source: Source) -> None:
        """
        Reads may overlap (a close watch beside the slow poll, a probe): each gets its own answers.
        """
        for number, question in enumerate(world.questions, start=2):
            await world.put(question, number)
        reads = [self.ask(source, question) for question in world.questions] * 2
        merged = await asyncio.gather(*reads)
        for answers in merged:
            for question, answer in answers.items():
                number = world.questions.index(question) + 2
                assert number_of(answer) == pytest.approx(number, abs=world.tolerance), answer

    async def test_probe_says_a_sentence(self, world: SourceWorld, source: Source) -> None:
        """
        A probe says what was found; of a system that is down it says so, naming it.
        """
        async with asyncio.timeout(self.read_timeout):
            self.check_sentence(world, await source.probe())
        await world.stop()
        with pytest.raises(SourceError) as trouble:
            async with asyncio.timeout(self.read_timeout):
                await source.probe()
        self.check_sentence(world, str(trouble.value))
        assert world.host in str(trouble.value)

    async def test_closing_leaves_nothing_behind(self, world: SourceWorld) -> None:
        """
        `aclose()` may be called twice, and before any read; no task, socket or thread outlives it.
        """
        unused = world.source()
        await unused.aclose()
        await unused.aclose()
        await world.put(world.questions[0], 1)
        before = _possessions()
        source = world.source()
        await self.ask(source, world.questions[0])
        await source.probe()
        await source.aclose()
        await source.aclose()
        await eventually(lambda: _possessions() <= before)

    async def _read(self, source: Source, questions: Sequence[Question]) -> None:
        await source.read(questions)


async def eventually(met: Callable[[], bool], patience: float = _PATIENCE) -> None:
    """
    Wait until a condition is met, for a bounded time of the real clock.
    """
    deadline = time.monotonic() + patience
    while not met():
        assert time.monotonic() < deadline, "waited in vain"
        await asyncio.sleep(0.01)


def _possessions() -> set[str]:
    # What a source may own: tasks, threads of its own (the loop's pool of threads is nobody's) and sockets.
    gc.collect()
    tasks = {f"task {task.get_name()}" for task in asyncio.all_tasks()}
    threads = {f"thread {t.ident}" for t in threading.enumerate() if not t.name.startswith("asyncio_")}
    return tasks | threads | _sockets()


def _sockets() -> set[str]:
    sockets = set()
    for descriptor in Path("/dev/fd").iterdir():
        with suppress(OSError):
            status = os.fstat(int(descriptor.name))
            if stat.S_ISSOCK(status.st_mode):
                sockets.add(f"socket {status.st_ino}")
    return sockets
