"""
When reads fail: deadlines, back-off, recovery, the source's own mistakes, and what is logged. Time is virtual.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

import pytest

from scaler.domain.readings import QueueDepth
from scaler.engine.cadence import Cadence, Timing
from scaler.sources.base import Answers, SourceError
from scaler.sources.fake import FakeSource
from scaler.sources.questions import Question
from tests.engine.polling import SlowFor, asked, gaps, now, polling, queue, source_with

pytestmark = pytest.mark.looptime

DOWN = "fake:1 cannot be reached: connection refused"


class Mistaken(FakeSource):
    """
    A source with a bug: every read raises what no source may raise.
    """

    def __init__(self, mistake: BaseException) -> None:
        super().__init__()
        self.mistake: BaseException | None = mistake

    async def read(self, questions: Sequence[Question]) -> Answers:
        """
        Make the mistake.
        """
        answers = await super().read(questions)
        if self.mistake is not None:
            raise self.mistake
        return answers


class Forgetful(FakeSource):
    """
    A source with a bug: it answers only the first question.
    """

    async def read(self, questions: Sequence[Question]) -> Answers:
        """
        Forget the others.
        """
        return await super().read(questions[:1])


class Deaf(FakeSource):
    """
    A source with a bug: when it is cancelled it fails instead.
    """

    async def read(self, questions: Sequence[Question]) -> Answers:
        """
        Turn a cancellation into trouble.
        """
        try:
            return await super().read(questions)
        except asyncio.CancelledError:
            raise SourceError("interrupted") from None


def lines(caplog: pytest.LogCaptureFixture, level: int) -> list[str]:
    """
    Return the lines that were logged at a level.
    """
    return [record.getMessage() for record in caplog.records if record.levelno == level]


async def test_every_read_has_a_deadline() -> None:
    """
    A system that says nothing is trouble with every question after 2 s, and the time is that of the read's beginning.
    """
    a, b = queue("a"), queue("b")
    source = source_with(a, b)
    source.hang()
    async with polling(source) as (poller, desk):
        poller.ask(a, Cadence.REGULAR)
        poller.ask(b, Cadence.REGULAR)
        poller.look_now([a, b])
        await asyncio.sleep(1.99)
        assert not desk.deliveries
        await asyncio.sleep(0.02)
        [(at, answers)] = desk.deliveries
        assert at == 0
        assert {question: str(answer) for question, answer in answers.items()} == dict.fromkeys(
            (a, b), "no answer within 2 s from connection jobs"
        )


async def test_close_reads_back_off_to_a_second_and_return_to_their_beat() -> None:
    """
    While the system is down the pauses double from 250 ms to a second, a quarter longer at most; then the beat goes on.
    """
    source = source_with(queue())
    source.stop()
    async with polling(source) as (poller, desk):
        poller.ask(queue(), Cadence.CLOSE)
        await asyncio.sleep(120)
        pauses = gaps(asked(source, queue()))
        for number, pause in enumerate(pauses):
            plain = min(1.0, 0.25 * 2**number)
            assert plain <= pause <= 1.25 * plain + 1e-5
        assert len(set(pauses[10:])) > 5
        assert poller.status().errors_in_a_row == len(pauses) + 1
        source.start()
        await asyncio.sleep(10)
        assert desk.newest(queue()) == QueueDepth(1)
        assert gaps(asked(source, queue())[-10:]) == pytest.approx([0.25] * 9, abs=1e-5)
        source.stop()
        back_down = now()
        await asyncio.sleep(1)
        assert gaps(asked(source, queue(), since=back_down))[0] <= 0.3125 + 1e-5


async def test_a_failing_system_is_asked_no_more_often_than_a_healthy_one() -> None:
    """
    An interval above the longest pause stays as it is while reads fail.
    """
    source = source_with(queue())
    source.stop()
    async with polling(source, Timing(interval=20, timeout=2, safety_net=60, watch_interval=1)) as (poller, _):
        poller.ask(queue(), Cadence.REGULAR)
        await asyncio.sleep(600)
    assert all(20 <= pause <= 25 + 1e-5 for pause in gaps(asked(source, queue())))


async def test_what_is_back_is_noticed_by_all_as_soon_as_by_one() -> None:
    """
    After ten minutes the system is up: the close question finds out in a second, the regular one right after it.

    Alone, the regular one would have waited for another minute.
    """
    idle, busy = queue("idle"), queue("busy")
    source = source_with(idle, busy)
    async with polling(source, Timing(interval=60, timeout=2, safety_net=60, watch_interval=0.25)) as (poller, desk):
        poller.ask(idle, Cadence.CLOSE)
        poller.ask(busy, Cadence.REGULAR)
        await asyncio.sleep(100)
        source.stop()
        await asyncio.sleep(600)
        status = poller.status()
        assert status.last_error == DOWN
        assert status.failing_since == pytest.approx(100, abs=0.5)
        assert status.next_try is not None
        assert now() < status.next_try < now() + 1.25
        source.start()
        up = now()
        await asyncio.sleep(2.5)
        seen = {question: asked(source, question, since=up)[0] for question in (idle, busy)}
        assert seen[idle] < up + 1.25
        assert seen[idle] <= seen[busy] < seen[idle] + 1.0
        assert desk.newest(busy) == QueueDepth(1)
        status = poller.status()
        assert (status.failing_since, status.next_try, status.errors_in_a_row) == (None, None, 0)


async def test_first_sights_try_a_failing_system_once_a_second() -> None:
    """
    Fifty workloads a second see a system that is down: the first is tried at once, then all of them once a second.
    """
    source = FakeSource()
    source.stop()
    async with polling(source, Timing(interval=600, timeout=2, safety_net=60, watch_interval=1)) as (poller, desk):
        for number in range(490):
            poller.ask(queue(f"q{number}"), Cadence.REGULAR)
            poller.look_now([queue(f"q{number}")])
            await asyncio.sleep(0.02)
        assert [read.at for read in source.reads] == pytest.approx(range(10), abs=0.001)
        await asyncio.sleep(1.1)
        assert all(len(desk.about(queue(f"q{number}"))) == 1 for number in range(490))


@pytest.mark.parametrize(
    "mistake",
    [ValueError("password=hunter2"), TimeoutError("hunter2"), asyncio.CancelledError("hunter2"), KeyError("hunter2")],
    ids=lambda mistake: type(mistake).__name__,
)
async def test_a_sources_mistake_is_trouble_and_no_more(
    mistake: BaseException, caplog: pytest.LogCaptureFixture
) -> None:
    """
    What a source may not raise is one entry in the log, with its place, without its message; the poller goes on.
    """
    source = Mistaken(mistake)
    source.put(queue(), QueueDepth(1))
    async with polling(source) as (poller, desk):
        poller.ask(queue(), Cadence.CLOSE)
        poller.look_now([queue()])
        await asyncio.sleep(60)
        assert str(desk.newest(queue())) == "internal error reading connection jobs; see the log"
        [line] = lines(caplog, logging.ERROR)
        assert type(mistake).__name__ in line
        assert "raise self.mistake" in line
        assert "hunter2" not in caplog.text
        source.mistake = None
        await asyncio.sleep(7)
        assert desk.newest(queue()) == QueueDepth(1)


async def test_a_forgotten_question_is_trouble_with_that_question() -> None:
    """
    Every question gets an answer, even from a source that gives none.
    """
    a, b = queue("a"), queue("b")
    source = Forgetful()
    source.put(a, QueueDepth(1))
    async with polling(source) as (poller, desk):
        poller.ask(a, Cadence.REGULAR)
        poller.ask(b, Cadence.REGULAR)
        await asyncio.sleep(6)
        assert desk.newest(a) == QueueDepth(1)
        assert str(desk.newest(b)) == "no answer to this question from connection jobs"


async def test_the_poller_ends_though_a_source_swallows_the_cancellation() -> None:
    """
    A source that turns a cancellation into an error does not keep the poller alive; its deadline works all the same.
    """
    source = Deaf()
    source.put(queue(), QueueDepth(1))
    source.hang()
    async with polling(source) as (poller, desk):
        poller.ask(queue(), Cadence.REGULAR)
        poller.look_now([queue()])
        await asyncio.sleep(2.5)
        assert str(desk.newest(queue())) == "interrupted"
        poller.look_now([queue()])
        await asyncio.sleep(1)
        cancelled_at = now()
    assert now() == cancelled_at


async def test_an_outage_is_two_lines_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    """
    However many lanes and reads fail: one warning with the cause, and one line with how long it lasted.
    """
    caplog.set_level(logging.INFO)
    idle, busy = queue("idle"), queue("busy")
    source = source_with(idle, busy)
    async with polling(source) as (poller, _):
        poller.ask(idle, Cadence.CLOSE)
        poller.ask(busy, Cadence.REGULAR)
        await asyncio.sleep(60)
        assert not caplog.records
        source.stop()
        for _ in range(130):
            poller.look_now([idle])
            await asyncio.sleep(1)
        assert [record.getMessage() for record in caplog.records] == [f"reading connection jobs fails: {DOWN}"]
        source.start()
        await asyncio.sleep(60)
        [line] = lines(caplog, logging.INFO)
        assert line.startswith("connection jobs answers again after 2 min 1")
        assert len(caplog.records) == 2


async def test_one_lane_that_fails_is_one_outage(caplog: pytest.LogCaptureFixture) -> None:
    """
    While the regular questions time out and the close ones are answered, the connection fails; it does not flap.
    """
    caplog.set_level(logging.INFO)
    slow, quick = queue("slow"), queue("quick")
    source = SlowFor(slow, 3600)
    source.put(quick, QueueDepth(1))
    async with polling(source) as (poller, desk):
        poller.ask(slow, Cadence.REGULAR)
        poller.ask(quick, Cadence.CLOSE)
        await asyncio.sleep(60)
        assert len(caplog.records) == 1
        assert len(desk.about(quick)) == 240
        assert poller.status().failing_since is not None
        poller.drop(slow)
        await asyncio.sleep(1)
        assert poller.status().failing_since is None
        assert len(caplog.records) == 2


async def test_single_questions_are_logged_when_that_changes(caplog: pytest.LogCaptureFixture) -> None:
    """
    Sixty questions fail: one line that counts them and names some causes, and one when they are answered again.
    """
    caplog.set_level(logging.INFO)
    questions = [queue(f"q{number}") for number in range(100)]
    source = source_with(*questions)
    async with polling(source) as (poller, _):
        for question in questions:
            poller.ask(question, Cadence.CLOSE)
        await asyncio.sleep(30)
        for number, question in enumerate(questions[:60]):
            source.put(question, SourceError(f"no such queue: {number:02d}"))
        await asyncio.sleep(30)
        causes = "no such queue: 00; no such queue: 01; no such queue: 02"
        assert lines(caplog, logging.WARNING) == [f"connection jobs: 60 of its questions fail: {causes}"]
        assert poller.status().unanswered == 60
        for question in questions[:60]:
            source.put(question, QueueDepth(0))
        await asyncio.sleep(30)
        assert lines(caplog, logging.INFO) == ["connection jobs: 60 of its questions are answered again"]
        assert (poller.status().unanswered, len(caplog.records)) == (0, 2)


async def test_questions_that_come_and_go_do_not_flood_the_log(caplog: pytest.LogCaptureFixture) -> None:
    """
    A question whose trouble changes with every read is logged once in ten seconds.
    """
    caplog.set_level(logging.INFO)
    source = source_with(queue())
    async with polling(source) as (poller, _):
        poller.ask(queue(), Cadence.CLOSE)
        for number in range(400):
            source.put(queue(), SourceError(f"trouble {number}") if number % 3 else QueueDepth(1))
            await asyncio.sleep(0.25)
        assert 5 <= len(caplog.records) <= 20
