"""
The fake source keeps the contract of all sources, and does what its holder says.
"""

from __future__ import annotations

import asyncio

import pytest

from scaler.domain.pods import Fleet
from scaler.domain.readings import PodUse, QueueDepth, RequestRate
from scaler.sources.base import Answer, Answers, Source, SourceError, Watcher, WatchRefusedError
from scaler.sources.fake import FakeSource
from scaler.sources.questions import GpuFleet, PromRate, Question, RabbitQueue
from tests.sources.contract import NAMESPACE, POD, SourceContract, SourceWorld, number_of

QUEUE = RabbitQueue("rabbit", "jobs")
RATE = PromRate("prom", "sum(rate(requests_total[1m]))")
GPUS = GpuFleet("prom")


class FakeWorld(SourceWorld):
    """
    A table of answers, shared by every source that is made of it.
    """

    questions = (QUEUE, RATE, GPUS)
    foreign = RabbitQueue("rabbit", "nobody")
    host = "fake:1"

    def __init__(self) -> None:
        self.fake = FakeSource(self.host)

    def source(self) -> Source:
        """
        Return the one fake: its answers are set on it.
        """
        return self.fake

    async def put(self, question: Question, number: float) -> None:
        """
        Write the answer down.
        """
        self.fake.put(question, _answer(question, number))

    async def spoil(self, question: Question) -> None:
        """
        Write trouble down.
        """
        self.fake.put(question, SourceError("no such queue"))

    async def stop(self) -> None:
        """
        Fail from now on.
        """
        self.fake.stop()

    async def start(self) -> None:
        """
        Answer again.
        """
        self.fake.start()

    async def hang(self) -> None:
        """
        Say nothing.
        """
        self.fake.hang()

    async def resume(self) -> None:
        """
        Speak again.
        """
        self.fake.resume()


def _answer(question: Question, number: float) -> Answer:
    if isinstance(question, GpuFleet):
        return Fleet({NAMESPACE: (PodUse(POD, number),)})
    return RequestRate(number) if isinstance(question, PromRate) else QueueDepth(int(number))


class TestFakeSource(SourceContract):
    """
    The fake is a source like any other.
    """

    @pytest.fixture
    async def world(self) -> FakeWorld:
        """
        Begin with an empty table.
        """
        return FakeWorld()


@pytest.mark.looptime
async def test_reads_are_recorded_with_their_times(looptime: object) -> None:
    """
    A read is on record from its beginning, and takes as long as it was told.
    """
    fake = FakeSource()
    fake.delay = 3
    fake.put(QUEUE, QueueDepth(1))
    await fake.read([QUEUE])
    await fake.read([QUEUE, RATE])
    assert [(read.at, read.questions) for read in fake.reads] == [(0, (QUEUE,)), (3, (QUEUE, RATE))]
    assert looptime == 6


async def test_a_watcher_delivers_the_present_and_every_change() -> None:
    """
    First what is there, then what is put; a question watched later is delivered at once; others never.
    """
    fake = FakeSource(announces=True)
    fake.put(QUEUE, QueueDepth(1))
    fake.put(RATE, RequestRate(1))
    watcher = _watcher(fake)
    watcher.set_questions([QUEUE])
    seen: list[Answers] = []
    running = asyncio.create_task(watcher.run(seen.append))
    await _settle()
    assert seen == [{QUEUE: QueueDepth(1)}]
    fake.put(QUEUE, QueueDepth(2))
    fake.put(RATE, RequestRate(2))
    await _settle()
    assert seen[1:] == [{QUEUE: QueueDepth(2)}]
    watcher.set_questions([QUEUE, RATE])
    await _settle()
    assert seen[2:] == [{RATE: RequestRate(2)}]
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert not fake.watchers


async def test_a_watcher_fails_with_its_source_and_runs_again_after() -> None:
    """
    A source that is stopped ends the watch with its error; run again after its return, the watch goes on.
    """
    fake = FakeSource(announces=True)
    fake.put(QUEUE, QueueDepth(1))
    watcher = _watcher(fake)
    watcher.set_questions([QUEUE])
    seen: list[Answers] = []
    running = asyncio.create_task(watcher.run(seen.append))
    await _settle()
    fake.stop()
    with pytest.raises(SourceError, match="fake:1 cannot be reached"):
        await running
    fake.start()
    running = asyncio.create_task(watcher.run(seen.append))
    await _settle()
    assert [number_of(answers[QUEUE]) for answers in seen] == [1, 1]
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_watching_can_be_refused() -> None:
    """
    A fake that announces nothing has no watcher; one that stops announcing refuses the watch.
    """
    assert FakeSource().watcher() is None
    fake = FakeSource(announces=True)
    watcher = _watcher(fake)
    fake.announces = False
    with pytest.raises(WatchRefusedError):
        await watcher.run(lambda _: None)


def _watcher(fake: FakeSource) -> Watcher:
    watcher = fake.watcher()
    assert watcher is not None
    return watcher


async def _settle() -> None:
    for _ in range(3):
        await asyncio.sleep(0)
