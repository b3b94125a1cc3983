"""
Many at once, on a real clock: decisions are made in turns, and nobody is left out.
"""

from __future__ import annotations

import asyncio
from contextlib import aclosing

import pytest

from tests.engine.installation import Installation, caller, installed

CROWD = 600


async def crowd(it: Installation) -> None:
    """
    Let many workloads share one queue, tracked.
    """
    async with asyncio.timeout(60):
        for index in range(CROWD):
            await it.engine.decision(caller(f"agent-{index}"))
        while not it.sources["jobs"].watchers:  # noqa: ASYNC110 - it says nothing when it begins
            await asyncio.sleep(0.01)


async def test_others_have_their_turn_between_decisions_about_many() -> None:
    """
    One job on the queue of six hundred: each is decided about, and the loop is not held up for all of them.
    """
    async with installed() as it:
        await crowd(it)
        turns = 0

        async def others() -> None:
            nonlocal turns
            while True:
                await asyncio.sleep(0)
                turns += 1

        async with asyncio.timeout(60), aclosing(it.engine.pushes(caller("agent-0"))) as pushes:
            assert await anext(pushes) is False
            it.queue(1)
            counting = asyncio.create_task(others())
            assert await anext(pushes) is True
            counting.cancel()
        assert turns >= 3
        await asyncio.sleep(0.1)
        assert not any(workload.at_zero for workload in it.engine.roster)


async def test_who_goes_before_his_turn_is_decided_about_no_more(caplog: pytest.LogCaptureFixture) -> None:
    """
    The engine ends in the middle of it, without a word.
    """
    async with installed() as it:
        await crowd(it)
        first, *_, last = it.engine.roster
        it.queue(1)
        async with asyncio.timeout(60):
            while last.at_zero and first.at_zero:  # noqa: ASYNC110 - this test looks between two turns
                await asyncio.sleep(0)
        assert any(workload.at_zero for workload in it.engine.roster)
    await asyncio.sleep(0.1)
    assert [record.getMessage() for record in caplog.records if record.name == "asyncio"] == []
