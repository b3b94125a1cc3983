"""
Close questions of a source that announces changes: tracked while it does, polled whenever it does not. Virtual time.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable

import pytest

from scaler.domain.readings import QueueDepth
from scaler.engine.cadence import Cadence
from scaler.engine.views import WatchMode
from scaler.sources.base import Answers, SourceError
from scaler.sources.fake import FakeSource
from scaler.sources.questions import Question
from tests.engine.polling import asked, gaps, now, polling, queue, source_with

pytestmark = pytest.mark.looptime

QUESTION = queue()


class StagedWatcher:
    """
    A watcher that a test plays: it says what the test makes it say.

    Attributes:
        told: every set of questions that it was given.
        runs: when it was run.
    """

    def __init__(self) -> None:
        self.told: list[tuple[Question, ...]] = []
        self.runs: list[float] = []
        self._deliver: Callable[[Answers], None] | None = None
        self._end = asyncio.Event()
        self._failure: Exception | None = None

    def set_questions(self, questions: Iterable[Question]) -> None:
        """
        Remember what is watched.
        """
        self.told.append(tuple(questions))

    async def run(self, deliver: Callable[[Answers], None]) -> None:
        """
        Wait for the test's words.
        """
        self.runs.append(now())
        self._deliver = deliver
        self._end.clear()
        await self._end.wait()
        if self._failure is not None:
            raise self._failure

    def say(self, answers: Answers) -> None:
        """
        Announce.
        """
        assert self._deliver is not None
        self._deliver(answers)

    def end(self, failure: Exception | None = None) -> None:
        """
        Let the run end.
        """
        self._failure = failure
        self._end.set()


class StagedSource(FakeSource):
    """
    A source whose watcher a test plays.
    """

    def __init__(self) -> None:
        super().__init__()
        self.played = StagedWatcher()
        self.put(QUESTION, QueueDepth(1))

    def watcher(self) -> StagedWatcher:  # type: ignore[override]  # another watcher than the fake's own
        """
        Return the one that is played.
        """
        return self.played


async def test_what_is_announced_is_polled_at_the_safety_net_only() -> None:
    """
    While the source announces, a job is heard of in the moment it comes, and idle queues are read once a minute.
    """
    source = source_with(QUESTION, announces=True)
    async with polling(source) as (poller, desk):
        poller.ask(QUESTION, Cadence.CLOSE)
        await asyncio.sleep(0.2)
        source.put(QUESTION, QueueDepth(2))
        await asyncio.sleep(0.001)
        at, answer = desk.about(QUESTION)[-1]
        assert (at, answer) == (0.2, QueueDepth(2))
        await asyncio.sleep(600)
        assert len(asked(source, QUESTION)) == 10
        assert gaps(asked(source, QUESTION)) == pytest.approx([60.0] * 9, abs=1e-5)
        assert poller.how(QUESTION) == "tracking"
        status = poller.status()
        assert (status.mode, status.watch, status.close, status.tracked) == (WatchMode.TRACKING, "tracking", 1, 1)


async def test_a_regular_question_is_not_watched() -> None:
    """
    A workload with replicas waits for no announcement: its question is polled, and the watcher is told to let it go.
    """
    source = source_with(QUESTION, announces=True)
    async with polling(source) as (poller, _):
        poller.ask(QUESTION, Cadence.REGULAR)
        await asyncio.sleep(30)
        assert not source.watchers
        poller.ask(QUESTION, Cadence.CLOSE)
        await asyncio.sleep(30)
        [watcher] = source.watchers
        assert list(watcher.questions) == [QUESTION]
        poller.ask(QUESTION, Cadence.REGULAR)
        await asyncio.sleep(30)
        assert not list(watcher.questions)
        assert len(asked(source, QUESTION)) == 12
        assert poller.how(QUESTION) == "polling every 5 s"


async def test_until_a_question_is_covered_it_is_polled_closely() -> None:
    """
    A watcher that takes its time leaves no gap: close polls go on until its first answer to that very question.
    """
    source, other = StagedSource(), queue("other")
    source.put(other, QueueDepth(1))
    async with polling(source) as (poller, _):
        poller.ask(QUESTION, Cadence.CLOSE)
        poller.ask(other, Cadence.CLOSE)
        await asyncio.sleep(5)
        assert poller.how(QUESTION) == "polling every 250 ms"
        source.played.say({QUESTION: QueueDepth(1)})
        assert (poller.how(QUESTION), poller.how(other)) == ("tracking", "polling every 250 ms")
        await asyncio.sleep(5)
        assert len(asked(source, QUESTION, since=5)) <= 1
        assert len(asked(source, other, since=5)) == 20
        source.played.say({other: QueueDepth(1)})
        await asyncio.sleep(5)
        assert len(asked(source, other, since=10)) <= 1


async def test_trouble_covers_nothing() -> None:
    """
    A question that the watcher cannot answer is polled closely, and one that it could answer before, again.
    """
    source = StagedSource()
    async with polling(source) as (poller, desk):
        poller.ask(QUESTION, Cadence.CLOSE)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        source.played.say({QUESTION: QueueDepth(1)})
        assert poller.how(QUESTION) == "tracking"
        await asyncio.sleep(10)
        assert len(asked(source, QUESTION)) <= 1
        trouble = SourceError("the key jobs holds a string, not a list")
        source.played.say({QUESTION: trouble})
        assert desk.newest(QUESTION) is trouble
        assert poller.how(QUESTION) == "polling every 250 ms"
        await asyncio.sleep(10)
        assert len(asked(source, QUESTION, since=10)) == 40


async def test_a_broken_watch_is_polled_for_at_once_and_tried_again(caplog: pytest.LogCaptureFixture) -> None:
    """
    The watch breaks: the question is read in the same moment, then every 250 ms; a second later it is tracked again.
    """
    caplog.set_level(logging.INFO)
    source = StagedSource()
    async with polling(source) as (poller, _):
        poller.ask(QUESTION, Cadence.CLOSE)
        await asyncio.sleep(0.1)
        source.played.say({QUESTION: QueueDepth(1)})
        await asyncio.sleep(30)
        broke = now()
        source.played.end(SourceError("redis:6379 closed the connection"))
        await asyncio.sleep(0.9)
        assert poller.how(QUESTION) == "polling every 250 ms: tracking broken (redis:6379 closed the connection)"
        assert poller.status().watch == poller.how(QUESTION)
        assert poller.status().mode is WatchMode.POLLING
        times = asked(source, QUESTION, since=broke)
        assert times[0] == pytest.approx(broke, abs=0.001)
        assert max(gaps(times)) <= 0.25 + 1e-5
        await asyncio.sleep(0.5)
        assert broke + 1.0 <= source.played.runs[1] <= broke + 1.25 + 1e-5
        source.played.say({QUESTION: QueueDepth(1)})
        assert poller.status().watch == "tracking"
        settled = now()
        await asyncio.sleep(20)
        assert not asked(source, QUESTION, since=settled)
        assert [record.getMessage() for record in caplog.records] == [
            "connection jobs announces changes: what idle workloads wait for is tracked",
            "connection jobs: tracking broken, polling instead: redis:6379 closed the connection",
            "connection jobs announces changes: what idle workloads wait for is tracked",
        ]


async def test_a_watch_that_keeps_breaking_is_tried_less_often() -> None:
    """
    From one second the pauses double to ten; a watch that held for longer than that begins anew.
    """
    source = StagedSource()
    async with polling(source) as (poller, _):
        poller.ask(QUESTION, Cadence.CLOSE)
        await asyncio.sleep(0.1)
        for pause in (1, 2, 4, 8, 10, 10, 10):
            runs = len(source.played.runs)
            source.played.end(SourceError("no"))
            await asyncio.sleep(pause - 0.01)
            assert len(source.played.runs) == runs
            await asyncio.sleep(0.25 * pause + 0.02)
            assert len(source.played.runs) == runs + 1
        source.played.say({QUESTION: QueueDepth(1)})
        await asyncio.sleep(11)
        source.played.end(SourceError("no"))
        await asyncio.sleep(1.3)
        assert len(source.played.runs) == 9


async def test_a_source_that_refuses_is_polled_and_asked_again_after_five_minutes(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """
    A refusal is said once; every five minutes it is tried again, and tracked as soon as it is allowed.
    """
    source = source_with(QUESTION, announces=True)
    async with polling(source) as (poller, _):
        source.announces = False
        poller.ask(QUESTION, Cadence.CLOSE)
        await asyncio.sleep(310)
        assert len(asked(source, QUESTION)) == pytest.approx(1240, abs=1)
        assert poller.how(QUESTION) == "polling every 250 ms: tracking refused (fake:1 announces no changes)"
        assert [record.getMessage() for record in caplog.records] == [
            "connection jobs: tracking refused, polling instead: fake:1 announces no changes"
        ]
        source.announces = True
        await asyncio.sleep(289)
        assert poller.status().mode is WatchMode.POLLING
        await asyncio.sleep(2)
        assert poller.how(QUESTION) == "tracking"
        before = len(source.reads)
        await asyncio.sleep(59)
        assert len(source.reads) <= before + 1


async def test_a_watcher_that_says_nothing_is_given_up() -> None:
    """
    No first answer within five deadlines of a read: the watcher hangs, and is tried again; polls went on all the time.
    """
    source = StagedSource()
    async with polling(source) as (poller, _):
        poller.ask(QUESTION, Cadence.CLOSE)
        await asyncio.sleep(9.9)
        assert len(source.played.runs) == 1
        await asyncio.sleep(0.2)
        assert poller.how(QUESTION).endswith("tracking broken (connection jobs announced nothing when it was watched)")
        await asyncio.sleep(1.3)
        assert len(source.played.runs) == 2
        assert max(gaps(asked(source, QUESTION))) == pytest.approx(0.25, abs=1e-5)


async def test_silence_is_doubted_when_the_system_does_not_answer() -> None:
    """
    A regular read fails: the watch, which might be lost unnoticed, begins anew, and its questions are polled till then.
    """
    source, busy = StagedSource(), queue("busy")
    async with polling(source) as (poller, desk):
        poller.ask(QUESTION, Cadence.CLOSE)
        poller.ask(busy, Cadence.REGULAR)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        source.played.say({QUESTION: QueueDepth(1)})
        await asyncio.sleep(20)
        source.stop()
        await asyncio.sleep(5.5)
        down = "fake:1 cannot be reached: connection refused"
        assert poller.how(QUESTION) == f"polling every 250 ms: tracking broken ({down})"
        source.start()
        source.put(QUESTION, QueueDepth(3))
        await asyncio.sleep(6)
        assert desk.newest(QUESTION) == QueueDepth(3)
        assert len(source.played.runs) > 1


async def test_an_announcement_tells_that_the_system_is_back() -> None:
    """
    What backs off is tried again when something is announced meanwhile.
    """
    source, busy = StagedSource(), queue("busy")
    source.put(busy, QueueDepth(7))
    async with polling(source) as (poller, desk):
        poller.ask(busy, Cadence.REGULAR)
        source.stop()
        await asyncio.sleep(60)
        poller.ask(QUESTION, Cadence.CLOSE)
        source.start()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        source.played.say({QUESTION: QueueDepth(1)})
        assert desk.newest(QUESTION) == QueueDepth(1)
        await asyncio.sleep(1.0)
        assert desk.newest(busy) == QueueDepth(7)
        assert poller.status().failing_since is None


async def test_a_slow_read_is_older_than_what_was_announced_meanwhile() -> None:
    """
    A read that began before an announcement and ends after it carries the earlier time: it cannot overwrite the news.
    """
    source = StagedSource()
    source.delay = 1.0
    async with polling(source) as (poller, desk):
        poller.ask(QUESTION, Cadence.CLOSE)
        poller.look_now([QUESTION])
        await asyncio.sleep(0.5)
        source.played.say({QUESTION: QueueDepth(9)})
        await asyncio.sleep(0.6)
        assert desk.about(QUESTION)[:2] == [(0.5, QueueDepth(9)), (0.0, QueueDepth(1))]
        assert desk.newest(QUESTION) == QueueDepth(9)


async def test_the_watcher_is_told_of_many_changes_at_once() -> None:
    """
    A thousand questions that become close in a second are told in ten lists, not in a thousand; and so they go.
    """
    source = StagedSource()
    questions = [queue(f"q{number}") for number in range(1000)]
    async with polling(source) as (poller, _):
        for question in questions:
            poller.ask(question, Cadence.CLOSE)
            await asyncio.sleep(0.001)
        await asyncio.sleep(0.2)
        assert set(source.played.told[-1]) == set(questions)
        for question in questions:
            poller.drop(question)
        await asyncio.sleep(0.2)
        assert source.played.told[-1] == ()
        assert len(source.played.told) <= 14


async def test_a_question_that_left_for_a_moment_is_still_covered() -> None:
    """
    Regular and close again before the watcher was told: it never let go of the question, so nothing is polled.
    """
    source = source_with(QUESTION, announces=True)
    async with polling(source) as (poller, _):
        poller.ask(QUESTION, Cadence.CLOSE)
        await asyncio.sleep(10)
        before = len(source.reads)
        poller.ask(QUESTION, Cadence.REGULAR)
        poller.ask(QUESTION, Cadence.CLOSE)
        assert poller.how(QUESTION) == "tracking"
        await asyncio.sleep(10)
        assert len(source.reads) == before


async def test_a_watchers_mistake_is_a_broken_watch(caplog: pytest.LogCaptureFixture) -> None:
    """
    A watcher that raises what it may not, or ends by itself, is logged and tried again; polls go on.
    """
    source = StagedSource()
    async with polling(source) as (poller, desk):
        poller.ask(QUESTION, Cadence.CLOSE)
        await asyncio.sleep(1)
        source.played.end(KeyError("hunter2"))
        await asyncio.sleep(0.1)
        assert poller.status().watch.endswith("tracking broken (internal error reading connection jobs; see the log)")
        assert "KeyError" in caplog.text
        assert "hunter2" not in caplog.text
        await asyncio.sleep(2)
        source.played.end()
        await asyncio.sleep(0.1)
        assert poller.status().watch.endswith("tracking broken (the watch on connection jobs ended)")
        assert max(gaps(asked(source, QUESTION))) == pytest.approx(0.25, abs=1e-5)
        assert desk.newest(QUESTION) == QueueDepth(1)
