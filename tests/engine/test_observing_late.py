"""
The engine while its observer has not seen the cluster yet, as after a restart of both.
"""

from __future__ import annotations

import asyncio

import pytest

from scaler.domain.decision import Phase, Reason, Verdict
from scaler.engine.showing import Showing
from scaler.engine.views import ConfigurationView
from scaler.engine.workload import UndecidedError
from scaler.sources.fake import FakeSource
from tests.engine.installation import Installation, caller, collected, minutes
from tests.engine.observers import Staged, installed

pytestmark = pytest.mark.looptime

WHY = "its pods were not listed yet"
SENTENCE = f"it is not known yet whether pods are there ({WHY})"


async def test_pods_that_load_are_kept_over_a_restart() -> None:
    """
    The queue is read at once, two loading pods are seen half a second later: the call waits, and finds them loading.
    """
    observer, sources = Staged(), dict[str, FakeSource]()
    observer.look(WHY)
    async with installed(observer, sources) as engine:
        Installation(engine, sources).queue(0)
        loop = asyncio.get_running_loop()
        loop.call_at(0.5, observer.see, False, False)
        decision = await engine.decision(caller())
        assert (decision.verdict, decision.reason, decision.replicas) == (Verdict.ACTIVE, Reason.LOADING, 2)
        assert loop.time() == pytest.approx(0.5, abs=0.05)
        assert observer.reasons == [Reason.LOADING]


async def test_without_pods_it_is_idle_as_soon_as_that_is_seen() -> None:
    """
    None are there: idle, and no later.
    """
    observer, sources = Staged(), dict[str, FakeSource]()
    observer.look(WHY)
    async with installed(observer, sources) as engine:
        Installation(engine, sources).queue(0)
        loop = asyncio.get_running_loop()
        loop.call_at(0.5, observer.see)
        assert (await engine.decision(caller())).verdict is Verdict.INACTIVE
        assert loop.time() == pytest.approx(0.5, abs=0.05)


async def test_the_first_call_waits_no_longer_than_for_a_source() -> None:
    """
    After 1.5 s the answer is an error that says why, and the view says the same; then two pods are seen: they load.
    """
    observer, sources = Staged(), dict[str, FakeSource]()
    observer.look(WHY)
    async with installed(observer, sources) as engine:
        Installation(engine, sources).queue(0)
        with pytest.raises(UndecidedError, match="pods are there") as raised:
            await engine.decision(caller())
        assert asyncio.get_running_loop().time() == pytest.approx(1.5, abs=0.05)
        assert SENTENCE in str(raised.value)
        (view,) = Showing(engine, ConfigurationView(0.0, 1)).workload("ai", "agent")
        assert SENTENCE in view.decision.sentence
        assert view.forecast is not None
        assert view.forecast.sentence(1.5).startswith("goes idle in 2 min unless")
        await minutes(1)
        observer.see(False, False)
        await asyncio.sleep(0.05)
        assert (await engine.decision(caller())).reason is Reason.LOADING
        assert observer.reasons == [Reason.UNKNOWN, Reason.LOADING]


async def test_it_is_waited_for_no_longer_than_for_what_is_unknown() -> None:
    """
    The cluster is never seen: after two minutes more the readings decide alone, as where nobody may look.
    """
    observer, sources = Staged(), dict[str, FakeSource]()
    observer.look(WHY)
    async with installed(observer, sources) as engine:
        Installation(engine, sources).queue(0)
        engine.accept(caller())
        await asyncio.sleep(121)
        with pytest.raises(UndecidedError):
            await engine.decision(caller())
        await asyncio.sleep(1)
        assert (await engine.decision(caller())).verdict is Verdict.INACTIVE


async def test_jobs_that_are_there_wake_at_once() -> None:
    """
    Whatever is not seen yet: their call is answered without a wait.
    """
    observer, sources = Staged(), dict[str, FakeSource]()
    observer.look(WHY)
    async with installed(observer, sources) as engine:
        Installation(engine, sources).queue(5)
        decision = await engine.decision(caller())
        assert (decision.phase, decision.replicas) == (Phase.WAKING, 2)
        assert asyncio.get_running_loop().time() < 0.1


async def test_a_job_that_comes_ends_the_wait() -> None:
    """
    Nothing is pushed while an empty queue waits for what is seen; then a job comes, and that is pushed at once.
    """
    observer, sources = Staged(), dict[str, FakeSource]()
    observer.look(WHY)
    async with installed(observer, sources) as engine:
        it = Installation(engine, sources)
        it.queue(0)
        stream = asyncio.create_task(collected(engine.pushes(caller())))
        await asyncio.sleep(0.3)
        it.queue(1)
        await asyncio.sleep(0.1)
        engine.close()
        assert await stream == [True]
