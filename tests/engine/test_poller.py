"""
When the poller looks: cadences, first sights, deadlines, no drift and no overlap. Time is virtual.
"""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import Callable

import pytest

from scaler.domain.readings import QueueDepth
from scaler.engine.cadence import Cadence, Timing
from scaler.engine.poller import Poller
from scaler.engine.views import WatchMode
from scaler.sources.base import Answer, Answers, SourceError
from scaler.sources.fake import FakeSource
from scaler.sources.questions import Question, RedisQueue, RedisShape
from tests.engine.polling import TIMING, Desk, SlowFor, asked, chance, gaps, now, polling, queue, source_with

pytestmark = pytest.mark.looptime


class Halved(FakeSource):
    """
    A source that keeps no table: it answers every other question.
    """

    def answer(self, question: Question) -> Answer:
        """
        Answer by the question's name.
        """
        assert isinstance(question, RedisQueue)
        return QueueDepth(1) if question.key.endswith(("0", "2", "4", "6", "8")) else SourceError("no such queue")


class Mortal(RedisQueue):
    """
    A question whose death can be seen.
    """

    __slots__ = ("__weakref__",)


class Changing(Desk):
    """
    A desk where every delivery makes something change.
    """

    def __init__(self, change: Callable[[Answers], None]) -> None:
        super().__init__()
        self._change = change

    def deliver(self, answers: Answers, at: float) -> None:
        """
        Keep it, and change something.
        """
        super().deliver(answers, at)
        self._change(answers)


async def test_regular_reads_do_not_drift_in_two_hours() -> None:
    """
    Each read takes 1.9 s; yet after two hours the reads still begin on the beat, every one of them.
    """
    source = source_with(queue())
    source.delay = 1.9
    async with polling(source) as (poller, _):
        poller.ask(queue(), Cadence.REGULAR)
        await asyncio.sleep(7200)
    times = asked(source, queue())
    assert len(times) == 1440
    assert times[-1] == pytest.approx(times[0] + 1439 * 5, abs=1e-5)
    assert gaps(times) == pytest.approx([5.0] * 1439, abs=1e-5)


async def test_close_reads_are_as_close_as_the_source_bears() -> None:
    """
    What a workload at zero waits for is asked every 250 ms; every second, if the source asks for that much air.
    """
    source = source_with(queue())
    async with polling(source) as (poller, _):
        poller.ask(queue(), Cadence.CLOSE)
        await asyncio.sleep(60)
        assert gaps(asked(source, queue())) == pytest.approx([0.25] * 239, abs=1e-5)
        source.close_interval = 1.0
        await asyncio.sleep(60)
        assert gaps(asked(source, queue(), since=62)) == pytest.approx([1.0] * 57, abs=1e-5)


async def test_questions_travel_together() -> None:
    """
    A thousand questions that came at different moments are one read a tick, each answered with its own number.
    """
    questions = [queue(f"q{number}") for number in range(1000)]
    source = FakeSource()
    async with polling(source) as (poller, desk):
        for number, question in enumerate(questions):
            source.put(question, QueueDepth(number))
            poller.ask(question, Cadence.REGULAR)
            await asyncio.sleep(0.001)
        await asyncio.sleep(60)
        assert 12 <= len(source.reads) <= 13
        assert {len(read.questions) for read in source.reads[1:]} == {1000}
        assert all(desk.newest(question) == QueueDepth(n) for n, question in enumerate(questions))


async def test_an_answer_is_as_old_as_its_read() -> None:
    """
    A sample's time is when its read began: it is never taken for younger than it is.
    """
    source = source_with(queue())
    source.delay = 1.0
    async with polling(source) as (poller, desk):
        poller.ask(queue(), Cadence.REGULAR)
        await asyncio.sleep(20)
        assert [at for at, _ in desk.about(queue())] == asked(source, queue())


async def test_a_read_that_takes_too_long_for_the_beat_skips_beats_and_catches_up_with_none() -> None:
    """
    Reads of 12 s on a beat of 5 s: one at a time, each on the beat, every third beat, and the others are counted.
    """
    source = source_with(queue())
    source.delay = 12.0
    async with polling(source, Timing(interval=5, timeout=20, safety_net=60, watch_interval=1)) as (poller, _):
        poller.ask(queue(), Cadence.REGULAR)
        await asyncio.sleep(100)
        assert gaps(asked(source, queue())) == pytest.approx([15.0] * 6, abs=1e-5)
        source.delay = 0.0
        await asyncio.sleep(30)
        assert gaps(asked(source, queue(), since=110)) == pytest.approx([5.0] * 3, abs=1e-5)
        assert poller.status().skipped == 14


async def test_a_free_event_loop_begins_in_time() -> None:
    """
    How late the last read began is measured: there is none before the first, and no lateness while the loop is free.
    """
    source = source_with(queue())
    async with polling(source) as (poller, _):
        poller.ask(queue(), Cadence.REGULAR)
        assert poller.status().lateness is None
        await asyncio.sleep(20)
        assert poller.status().lateness == pytest.approx(0.0, abs=0.001)


async def test_connections_beat_at_different_moments() -> None:
    """
    Twenty connections of one interval are spread over it, not asked all at once.
    """
    sources = [source_with(queue()) for _ in range(20)]
    async with asyncio.TaskGroup() as tasks:
        pollers = [Poller("jobs", s, TIMING, Desk().deliver, chance(n)) for n, s in enumerate(sources)]
        running = [tasks.create_task(poller.run()) for poller in pollers]
        for poller in pollers:
            poller.ask(queue(), Cadence.REGULAR)
        await asyncio.sleep(6)
        for task in running:
            task.cancel()
    firsts = sorted(asked(source, queue())[0] for source in sources)
    assert firsts[-1] - firsts[0] > 3
    assert len({round(first, 1) for first in firsts}) > 12


async def test_first_sight_waits_for_no_beat() -> None:
    """
    Questions that are looked at in one moment are one read, at that moment; the beat goes on beside it.
    """
    a, b, c = queue("a"), queue("b"), queue("c")
    source = source_with(a, b, c)
    async with polling(source) as (poller, desk):
        poller.ask(a, Cadence.REGULAR)
        poller.ask(b, Cadence.REGULAR)
        await asyncio.sleep(7.3)
        before = len(source.reads)
        poller.ask(c, Cadence.CLOSE)
        poller.look_now([b])
        poller.look_now([b, c])
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert [read.questions for read in source.reads[before:]] == [(b, c)]
        await asyncio.sleep(0.001)
        assert [at for at, _ in desk.about(c)] == [pytest.approx(7.3)]


async def test_first_sights_gather_while_one_is_read() -> None:
    """
    While a first sight is being read, the next ones gather, and for 20 ms more; then they are read together.
    """
    questions = [queue(f"q{number}") for number in range(50)]
    source = source_with(*questions)
    source.delay = 1.0
    async with polling(source, Timing(interval=500, timeout=2, safety_net=60, watch_interval=1)) as (poller, _):
        for question in questions:
            poller.ask(question, Cadence.REGULAR)
            poller.look_now([question])
            await asyncio.sleep(0.01)
        await asyncio.sleep(3)
        assert [(read.at, len(read.questions)) for read in source.reads] == [(0, 1), (pytest.approx(1.02), 49)]


async def test_a_slow_regular_read_delays_neither_close_reads_nor_first_sights() -> None:
    """
    While the regular question takes 4 s, the close one is read every 250 ms, and a new one at once.
    """
    slow, waited_for, new = queue("slow"), queue("waited for"), queue("new")
    source = SlowFor(slow, 4.0)
    for question in (slow, waited_for, new):
        source.put(question, QueueDepth(1))
    async with polling(source, Timing(interval=5, timeout=5, safety_net=60, watch_interval=0.25)) as (poller, desk):
        poller.ask(slow, Cadence.REGULAR)
        poller.ask(waited_for, Cadence.CLOSE)
        await asyncio.sleep(20)
        assert gaps(at for at, _ in desk.about(waited_for)) == pytest.approx([0.25] * 79, abs=1e-5)
        poller.ask(new, Cadence.REGULAR)
        poller.look_now([new])
        await asyncio.sleep(0.001)
        assert len(desk.about(new)) == 1


async def test_the_cadence_changes_with_the_workload() -> None:
    """
    Regular while it works, close while it is at zero, regular again: each from its next beat on.
    """
    source = source_with(queue())
    async with polling(source) as (poller, _):
        poller.ask(queue(), Cadence.REGULAR)
        await asyncio.sleep(30)
        poller.ask(queue(), Cadence.CLOSE)
        await asyncio.sleep(30)
        poller.ask(queue(), Cadence.REGULAR)
        await asyncio.sleep(30)
    assert [len([at for at in asked(source, queue()) if start < at < start + 30]) for start in (0, 30, 60)] == [
        6,
        120,
        6,
    ]


async def test_asking_again_changes_nothing() -> None:
    """
    A question asked by many is one question, and asking it again does not move its beat.
    """
    source = source_with(queue())
    async with polling(source) as (poller, _):
        for _ in range(200):
            poller.ask(queue(), Cadence.REGULAR)
            await asyncio.sleep(0.1)
        assert gaps(asked(source, queue())) == pytest.approx([5.0] * 3, abs=1e-5)
        assert poller.status().questions == 1


async def test_a_question_that_is_dropped_is_asked_no_more() -> None:
    """
    Neither on the beat nor at once; an answer on its way is not delivered, and the others go on.
    """
    a, b = queue("a"), queue("b")
    source = source_with(a, b)
    source.delay = 1.0
    async with polling(source) as (poller, desk):
        poller.ask(a, Cadence.CLOSE)
        poller.ask(b, Cadence.CLOSE)
        poller.look_now([a, b])
        await asyncio.sleep(0.5)
        poller.drop(a)
        poller.drop(a)
        poller.look_now([a])
        await asyncio.sleep(5)
        assert not asked(source, a, since=0.5)
        assert not desk.about(a)
        assert len(desk.about(b)) >= 5


async def test_nothing_to_ask_is_not_asked() -> None:
    """
    A connection that nobody asks about is left alone.
    """
    source = source_with(queue())
    async with polling(source) as (poller, desk):
        await asyncio.sleep(100)
        poller.ask(queue(), Cadence.CLOSE)
        await asyncio.sleep(10)
        poller.drop(queue())
        seen = len(source.reads)
        await asyncio.sleep(100)
        assert len(source.reads) == len(desk.deliveries) == seen == 40


async def test_answers_may_change_what_is_asked() -> None:
    """
    Whoever takes the answers may drop, ask and look at once while taking them.
    """
    first, second = queue("first"), queue("second")
    source = source_with(first, second)

    def change(answers: Answers) -> None:
        if first in answers:
            poller.drop(first)
            poller.ask(second, Cadence.CLOSE)
            poller.look_now([second])

    async with polling(source, desk=Changing(change)) as (poller, desk):
        poller.ask(first, Cadence.REGULAR)
        await asyncio.sleep(10)
        [(at, _)] = desk.about(first)
        assert desk.about(second)[0][0] == at
        assert len(desk.about(second)) > 20


async def test_status_counts_and_says_how() -> None:
    """
    The status tells what is asked, how often that was done, how long it took, and when it went well last.
    """
    busy, idle = queue("busy"), queue("idle")
    source = source_with(busy)
    source.delay = 0.1
    async with polling(source) as (poller, desk):
        poller.ask(busy, Cadence.REGULAR)
        poller.ask(idle, Cadence.CLOSE)
        assert poller.how(busy) == "polling every 5 s"
        assert poller.how(idle) == "polling every 250 ms"
        await asyncio.sleep(10)
        status = poller.status()
        assert (status.connection, status.mode, status.watch) == ("jobs", WatchMode.POLLING, "polling every 250 ms")
        assert (status.questions, status.close, status.tracked, status.unanswered) == (2, 1, 0, 1)
        assert status.reads == len(desk.deliveries)
        assert (status.errors, status.errors_in_a_row, status.last_error, status.failing_since) == (0, 0, None, None)
        assert status.latency == pytest.approx(0.1)
        assert status.last_good == pytest.approx(now(), abs=0.5)


async def test_nothing_is_kept_of_what_was_dropped() -> None:
    """
    After thousands of questions came, were tracked, looked at, failed and were dropped, none of them is in memory.
    """
    source = Halved(announces=True)
    alive = weakref.WeakSet[Mortal]()
    async with polling(source) as (poller, desk):
        for generation in range(20):
            questions = [Mortal("jobs", RedisShape.LIST, f"{generation}-{number}") for number in range(200)]
            alive.update(questions)
            for cadence in (Cadence.REGULAR, Cadence.CLOSE):
                for question in questions:
                    poller.ask(question, cadence)
                poller.look_now(questions)
                await asyncio.sleep(0.3)
            assert (poller.status().tracked, poller.status().unanswered) == (100, 100)
            poller.look_now(questions)
            for question in questions:
                poller.drop(question)
        assert len(alive) > 200
        await asyncio.sleep(10)
        desk.deliveries.clear()
        source.reads.clear()
        del questions, question
        gc.collect()
        assert len(alive) == 0
        status = poller.status()
        assert (status.questions, status.close, status.tracked, status.unanswered) == (0, 0, 0, 0)
