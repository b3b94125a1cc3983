"""
Gauges: the numbers of all workloads, the same as those that are shown one by one, at a fraction of the cost.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from scaler.domain.decision import Reason
from scaler.domain.readings import Known, Unknown
from scaler.engine.showing import Showing
from scaler.engine.views import ConfigurationView, WorkloadView
from scaler.settings.document import Document
from tests.engine.installation import CONFIGURATION, Installation, caller, installed, minutes

pytestmark = pytest.mark.looptime


def numbers(view: WorkloadView) -> WorkloadView:
    """
    Return a view without its words.
    """
    decision = replace(view.decision, sentence="", at=0.0, recheck_at=None)
    return replace(view, decision=decision, signals=())


async def both(it: Installation) -> list[WorkloadView]:
    """
    Return what is gauged, after finding that it is what is shown.
    """
    showing = Showing(it.engine, ConfigurationView(loaded_at=0.0, generation=1))
    gauged = await showing.gauges()
    shown = showing.workloads()
    assert list(map(numbers, gauged)) == list(map(numbers, shown))
    return list(gauged)


async def test_they_are_what_is_shown_through_a_life() -> None:
    """
    Before the first reading, asleep, woken, at work, held by a GPU, in an outage and after it.
    """
    async with installed() as it:
        for name in ("agent", "writer"):
            it.engine.accept(caller(name, policy="whole"))
        await both(it)
        await minutes(1)
        await both(it)
        it.queue(7)
        await asyncio.sleep(1)
        await both(it)
        it.gpus(90, 90)
        it.rate(3)
        await minutes(2)
        await both(it)
        it.queue(0)
        it.rate(0)
        await minutes(3)
        held, _ = await both(it)
        assert held.decision.reason is Reason.GPU_BUSY
        it.sources["jobs"].stop()
        await minutes(1)
        gauged, _ = await both(it)
        assert isinstance(gauged.decision.wants[0].reading, Unknown)
        await minutes(5)
        await both(it)
        it.sources["jobs"].start()
        await minutes(1)
        await both(it)


async def test_a_sleepers_readings_are_as_fresh_as_they_are() -> None:
    """
    It hears the same again and again, and is not decided about anew: its reading is younger than its decision.
    """
    async with installed(announces=False) as it:
        await it.engine.decision(caller())
        decided_at = asyncio.get_running_loop().time()
        await asyncio.sleep(10)
        (view,) = await both(it)
        (want,) = view.decision.wants
        assert view.decision.at == pytest.approx(decided_at, abs=1)
        assert isinstance(want.reading, Known)
        assert asyncio.get_running_loop().time() - want.reading.at < 1


async def test_a_sleeper_that_nobody_calls_for_is_not_taken_for_quiet() -> None:
    """
    Its source is gone for longer than its readings are good: unknown, although nothing was decided since.
    """
    async with installed() as it:
        await it.engine.decision(caller())
        it.sources["jobs"].stop()
        await minutes(2)
        (view,) = await both(it)
        assert view.decision.reason is Reason.UNKNOWN


async def test_under_another_configuration() -> None:
    """
    A policy that has lost a signal, and metadata that is refused.
    """
    async with installed() as it:
        it.queue(3)
        it.engine.accept(caller(policy="whole"))
        await minutes(1)
        policies = CONFIGURATION["policies"]
        assert isinstance(policies, dict)
        less = {key: value for key, value in policies["whole"].items() if key != "gpu"}
        it.engine.reconfigure(Document.parse({**CONFIGURATION, "policies": {**policies, "whole": less}}))
        await both(it)
        it.engine.reconfigure(Document.parse({**CONFIGURATION, "policies": {"default": policies["default"]}}))
        (view,) = await both(it)
        assert "refused" in view.decision.sentence


async def test_calls_are_answered_in_between() -> None:
    """
    Of a thousand workloads none has to be gauged before somebody else's turn comes.
    """
    async with installed() as it:
        for number in range(1000):
            it.engine.accept(caller(f"agent-{number:04}"))
        await minutes(1)
        turns = 0

        async def others() -> None:
            nonlocal turns
            while True:
                turns += 1
                await asyncio.sleep(0)

        busy = asyncio.create_task(others())
        gauged = await both(it)
        busy.cancel()
        assert turns >= 10
        assert [view.name for view in gauged] == [f"agent-{number:04}" for number in range(1000)]
