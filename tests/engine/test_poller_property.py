"""
The poller under random demands on it and random trouble with its source. Time is virtual.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import looptime
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from scaler.domain.readings import QueueDepth
from scaler.engine.cadence import Cadence, Timing
from scaler.engine.poller import Poller
from scaler.sources.base import Answer, Answers, SourceError
from scaler.sources.fake import FakeSource
from scaler.sources.questions import Question
from tests.engine.polling import chance, queue

QUESTIONS = [queue(name) for name in "abcd"]
TIMING = Timing(interval=5.0, timeout=2.0, safety_net=20.0, watch_interval=0.5)
LONGEST_PAUSE = TIMING.interval * 1.25
LANES = 4

some_question = st.sampled_from(QUESTIONS)


class WatchedSource(FakeSource):
    """
    A source that knows how many reads are in flight, and whose answers are as old as a read can make them.
    """

    def __init__(self, *, announces: bool) -> None:
        super().__init__(announces=announces)
        self.in_flight: list[tuple[float, tuple[Question, ...]]] = []

    async def read(self, questions: Sequence[Question]) -> Answers:
        """
        Look when the read begins, and answer after the delay.
        """
        answers = {question: self.answer(question) for question in questions}
        read = (asyncio.get_running_loop().time(), tuple(questions))
        self.in_flight.append(read)
        try:
            await super().read(questions)
        finally:
            self.in_flight.remove(read)
        return answers


class PollerMachine(RuleBasedStateMachine):
    """
    Whatever happens: one read a lane at most, every question asked in time, and the truth once the trouble is over.
    """

    def __init__(self) -> None:
        super().__init__()
        self.loop = looptime.new_event_loop()
        self.held: dict[Question, tuple[float, Answer]] = {}
        self.wanted: dict[Question, tuple[Cadence, float]] = {}

    @initialize(announces=st.booleans())
    def begin(self, *, announces: bool) -> None:
        """
        Run a poller.
        """
        self.source = WatchedSource(announces=announces)
        self.can_announce = announces
        self.task = self.loop.create_task(self._run())
        self._let_pass(0.001)

    @rule(question=some_question, cadence=st.sampled_from(Cadence))
    def ask(self, question: Question, cadence: Cadence) -> None:
        """
        Want a question, or change how.
        """
        if self.wanted.get(question, (None, 0))[0] is not cadence:
            self.wanted[question] = (cadence, self.loop.time())
        self._tell(self.poller.ask, question, cadence)

    @rule(question=some_question)
    def drop(self, question: Question) -> None:
        """
        Want it no more.
        """
        self.wanted.pop(question, None)
        self._tell(self.poller.drop, question)
        self.held.pop(question, None)

    @rule(questions=st.sets(some_question))
    def look_now(self, questions: set[Question]) -> None:
        """
        See some workloads for the first time.
        """
        self._tell(self.poller.look_now, questions)

    @rule(question=some_question, number=st.integers(0, 3), trouble=st.booleans())
    def put(self, question: Question, number: int, *, trouble: bool) -> None:
        """
        Change the world.
        """
        self._tell(self.source.put, question, SourceError(f"trouble {number}") if trouble else QueueDepth(number))

    @rule(delay=st.sampled_from([0.0, 0.1, 0.6, 1.9, 3.0, 7.0]))
    def slow_down(self, delay: float) -> None:
        """
        Let reads take longer, or as long as before.
        """
        self.source.delay = delay

    @rule(failure=st.sampled_from([None, ValueError("a mistake")]))
    def stop(self, failure: Exception | None) -> None:
        """
        Take the system down, or break the source.
        """
        self.source.stop(failure)

    @rule()
    def start(self) -> None:
        """
        Bring the system back.
        """
        self.source.start()

    @precondition(lambda self: self.can_announce)
    @rule(announces=st.booleans())
    def allow(self, *, announces: bool) -> None:
        """
        Let the system refuse to announce from its next watch on, or allow it again.
        """
        self.source.announces = announces

    @rule(seconds=st.floats(0.01, 15))
    def wait(self, seconds: float) -> None:
        """
        Let time pass.
        """
        self._let_pass(seconds)

    @rule()
    def end_the_trouble(self) -> None:
        """
        Once all is well for a while, what is held of every wanted question is the truth.
        """
        self.source.start()
        self.source.delay = 0.0
        self._let_pass(TIMING.timeout + LONGEST_PAUSE + TIMING.interval + 1)
        truth = {question: self.source.answer(question) for question in self.wanted}
        assert {question: str(self.held[question][1]) for question in self.wanted} == {
            question: str(answer) for question, answer in truth.items()
        }
        assert self.poller.status().failing_since is None

    @invariant()
    def no_lane_overlaps_itself(self) -> None:
        """
        There is one read a lane at most; so a question that stays in its lane is in two at most, its first sight's too.
        """
        assert len(self.source.in_flight) <= LANES
        for question, (_, since) in self.wanted.items():
            if not self.can_announce:
                assert sum(begun > since and question in asked for begun, asked in self.source.in_flight) <= 2

    @invariant()
    def every_question_is_asked_in_time(self) -> None:
        """
        However it goes, a question is asked within its interval, a deadline and the longest pause.
        """
        for question, (cadence, since) in self.wanted.items():
            asked = max((read.at for read in self.source.reads if question in read.questions), default=0.0)
            interval = TIMING.interval if cadence is Cadence.REGULAR else TIMING.watch_interval
            if cadence is Cadence.CLOSE and self.can_announce:
                interval = TIMING.safety_net * 1.25
            bound = interval + TIMING.timeout + LONGEST_PAUSE + 0.01
            assert self.loop.time() - max(asked, since) <= bound

    def teardown(self) -> None:
        """
        End the poller; nothing may be left running.
        """
        for question in list(self.wanted):
            self.drop(question)
        self._let_pass(20)
        status = self.poller.status()
        assert (status.questions, status.close, status.tracked, status.unanswered) == (0, 0, 0, 0)
        assert not self.source.in_flight
        self.task.cancel()
        self.loop.run_until_complete(asyncio.wait([self.task]))
        assert self.task.cancelled()
        assert not asyncio.all_tasks(self.loop)
        self.loop.close()

    async def _run(self) -> None:
        self.poller = Poller("jobs", self.source, TIMING, self._deliver, chance())
        await self.poller.run()

    def _deliver(self, answers: Answers, at: float) -> None:
        assert answers.keys() <= self.wanted.keys()
        for question, answer in answers.items():
            if at > self.held.get(question, (-1.0, None))[0]:
                self.held[question] = (at, answer)

    def _tell(self, action: Callable[..., object], *arguments: object) -> None:
        self.loop.call_soon(action, *arguments)
        self._let_pass(0.001)

    def _let_pass(self, seconds: float) -> None:
        self.loop.run_until_complete(asyncio.sleep(seconds))
        if self.task.done():
            self.task.result()


TestPoller = PollerMachine.TestCase
TestPoller.settings = settings(max_examples=25, stateful_step_count=30, deadline=None)
