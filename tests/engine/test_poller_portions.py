"""
A poller with more questions than its source wants to be asked at a time, in virtual time.
"""

from __future__ import annotations

import asyncio

import pytest

from scaler.domain.readings import QueueDepth
from scaler.engine.cadence import Cadence, Timing
from scaler.sources.base import SourceError
from scaler.sources.fake import FakeSource
from tests.engine.polling import polling, queue, source_with

pytestmark = pytest.mark.looptime

QUESTIONS = [queue(f"q{number}") for number in range(25)]
TIMING = Timing(interval=5.0, timeout=2.0, safety_net=60.0, watch_interval=0.25)


def portioned(seconds: float) -> FakeSource:
    """
    Return a source that wants ten questions a read, each of which takes so long.
    """
    source = source_with(*QUESTIONS)
    source.portion, source.delay = 10, seconds
    return source


async def test_every_question_is_asked_once_a_tick_in_portions() -> None:
    """
    Twenty-five questions, ten at a time: three reads a tick, with rests as long as the reads between them.
    """
    source = portioned(0.1)
    async with polling(source) as (poller, desk):
        for question in QUESTIONS:
            poller.ask(question, Cadence.REGULAR)
        await asyncio.sleep(60)
        assert [len(read.questions) for read in source.reads[:6]] == [10, 10, 5] * 2
        begun = [read.at for read in source.reads[:6]]
        assert [at - begun[0] for at in begun] == pytest.approx([0, 0.2, 0.4, 5, 5.2, 5.4], abs=1e-3)
        assert poller.status().reads == len(source.reads)
        assert all(len(desk.about(question)) in (11, 12) for question in QUESTIONS)


async def test_each_portion_has_the_deadline_to_itself() -> None:
    """
    Three reads of 1.5 s each are late, not failed, with a deadline of 2 s; what they found is delivered piece by piece.
    """
    source = portioned(1.5)
    async with polling(source) as (poller, desk):
        for question in QUESTIONS:
            poller.ask(question, Cadence.REGULAR)
        await asyncio.sleep(60)
        assert poller.status().errors == 0
        first, last = desk.about(QUESTIONS[0])[0], desk.about(QUESTIONS[-1])[0]
        assert last[0] - first[0] == pytest.approx(6, abs=1e-3)


async def test_first_sights_do_not_rest() -> None:
    """
    Calls wait for them: the portions follow one another at once.
    """
    source = portioned(0.1)
    async with polling(source) as (poller, desk):
        for question in QUESTIONS:
            poller.ask(question, Cadence.REGULAR)
        poller.look_now(QUESTIONS)
        await asyncio.sleep(0.31)
        assert all(desk.newest(question) == QueueDepth(1) for question in QUESTIONS)


async def test_a_failure_is_everybodys_and_ends_the_tick() -> None:
    """
    The system does not answer: no further portion is tried, and each question is told why.
    """
    source = portioned(0.1)
    async with polling(source) as (poller, desk):
        for question in QUESTIONS:
            poller.ask(question, Cadence.REGULAR)
        await asyncio.sleep(10)
        source.stop()
        source.reads.clear()
        await asyncio.sleep(5)
        assert len(source.reads) == 1
        assert all(isinstance(desk.newest(question), SourceError) for question in QUESTIONS)


async def test_what_is_dropped_between_two_portions_is_not_delivered() -> None:
    """
    The last question is dropped while the first portion is read.
    """
    source = portioned(0.1)
    async with polling(source) as (poller, desk):
        for question in QUESTIONS:
            poller.ask(question, Cadence.REGULAR)
        poller.look_now(QUESTIONS)
        await asyncio.sleep(0.05)
        poller.drop(QUESTIONS[-1])
        await asyncio.sleep(10)
        assert desk.about(QUESTIONS[-1]) == []
        assert len(desk.about(QUESTIONS[-2])) > 1
