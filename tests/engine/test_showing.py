"""
What is shown of an engine, in odd states too.
"""

from __future__ import annotations

import asyncio

import pytest

from scaler.domain.decision import Phase, Reason, Verdict
from scaler.domain.readings import Known, Signal, Unknown
from scaler.engine.showing import Showing
from scaler.engine.views import ConfigurationView, SignalView, WatchMode, WorkloadView
from scaler.engine.workload import UndecidedError
from scaler.server import views
from scaler.settings.document import Document
from tests.engine.installation import CONFIGURATION, Installation, caller, installed, minutes

pytestmark = pytest.mark.looptime


def show(it: Installation) -> list[WorkloadView]:
    """
    Return every view, after writing each as JSON, which must always be possible.
    """
    showing = Showing(it.engine, ConfigurationView(loaded_at=0.0, generation=1))
    shown = list(showing.workloads())
    for view in shown:
        assert views.workload(view, showing.now(), 1e9)["since_seconds_ago"] >= 0
    return shown


async def test_before_the_first_reading() -> None:
    """
    Unknown since it was first seen, with what it asks and how.
    """
    async with installed(announces=False) as it:
        await asyncio.sleep(100)
        it.engine.accept(caller())
        (view,) = show(it)
        assert (view.decision.verdict, view.decision.phase) == (Verdict.UNKNOWN, None)
        assert view.decision.since == asyncio.get_running_loop().time()
        assert view.decision.sentence == "nothing can be decided: queue is unknown (not read yet)"
        assert view.signals == (SignalView(Signal.QUEUE, "jobs", "list jobs", "polling every 5 s"),)


async def test_the_readings_are_those_of_now() -> None:
    """
    The decision is the one in force; its readings and its sentence are as old as they are when somebody looks.
    """
    async with installed() as it:
        it.queue(3, 1)
        await it.engine.decision(caller())
        await asyncio.sleep(5)
        it.queue(0, 0)
        await minutes(1)
        it.sources["jobs"].stop()
        await asyncio.sleep(12)
        (view,) = show(it)
        assert view.decision.reason is Reason.IDLE_WINDOW
        (want,) = view.decision.wants
        assert isinstance(want.reading, Known)
        assert asyncio.get_running_loop().time() - want.reading.at > 10
        seconds = view.decision.sentence.removeprefix(
            "keeping 2 replicas: there is no work, and it goes idle in "
        ).removesuffix(" s unless that changes")
        await asyncio.sleep(1)
        assert f"in {int(seconds) - 1} s" in show(it)[0].decision.sentence


async def test_an_outage_is_shown_with_its_cause_and_since_when() -> None:
    """
    Unknown, where it stood, and the reading that is missing.
    """
    async with installed() as it:
        it.queue(3, 1)
        await it.engine.decision(caller())
        it.sources["jobs"].stop()
        await minutes(10)
        (view,) = show(it)
        assert (view.decision.verdict, view.decision.phase) == (Verdict.UNKNOWN, Phase.HOLDING)
        assert isinstance(view.decision.wants[0].reading, Unknown)
        showing = Showing(it.engine, ConfigurationView(loaded_at=0.0, generation=1))
        jobs, metrics = showing.sources()
        assert (jobs.connection, jobs.up, metrics.connection, metrics.up) == ("jobs", False, "metrics", True)
        assert jobs.last_error == "jobs.test:1 cannot be reached: connection refused"
        assert (metrics.reads_total, metrics.last_good_seconds_ago) == (0, None)


async def test_what_sleeps_is_shown_as_it_would_answer_now() -> None:
    """
    Nobody decides about a sleeper until somebody calls; whoever looks is not told that it is idle on stale readings.
    """
    async with installed() as it:
        await it.engine.decision(caller())
        it.sources["jobs"].stop()
        await minutes(2)
        (view,) = show(it)
        assert (view.decision.verdict, view.decision.phase) == (Verdict.UNKNOWN, Phase.IDLE)
        it.sources["jobs"].start()
        await asyncio.sleep(11)
        assert show(it)[0].decision.verdict is Verdict.INACTIVE


async def test_a_refused_trigger_is_shown_with_what_is_wrong() -> None:
    """
    Without signals, without a policy; never seen or seen before.
    """
    async with installed() as it:
        it.sources["jobs"].hang()
        await asyncio.sleep(50)
        it.engine.accept(caller("new", policy="whole"))
        it.sources["jobs"].resume()
        await it.engine.decision(caller("old", policy="whole"))
        it.engine.reconfigure(Document.parse({**CONFIGURATION, "policies": {}}))
        for view in show(it):
            assert (view.policy, view.signals, view.decision.wants) == ("", (), ())
            assert view.decision.verdict is Verdict.UNKNOWN
            assert view.decision.sentence.startswith("its trigger's metadata is refused: policy: ")


async def test_a_connection_that_is_gone_is_not_shown() -> None:
    """
    With it goes what it answered; a new one is shown from its beginning.
    """
    async with installed() as it:
        showing = Showing(it.engine, ConfigurationView(loaded_at=0.0, generation=1))
        await it.engine.decision(caller())
        await asyncio.sleep(1)
        renamed = {"jobs": CONFIGURATION["connections"]["jobs"]}  # type: ignore[index] # a mapping
        policies = {"default": CONFIGURATION["policies"]["default"]}  # type: ignore[index] # a mapping
        it.engine.reconfigure(Document.parse({"connections": renamed, "policies": policies}))
        (source,) = showing.sources()
        assert (source.connection, source.type, source.mode) == ("jobs", "redis", WatchMode.TRACKING)
        assert len(show(it)) == 1


async def test_triggers_of_one_object_stand_together_in_order() -> None:
    """
    By namespace and name, then as they were first seen.
    """
    async with installed() as it:
        for who in (caller("b"), caller("a", queue="second"), caller("a", queue="first"), caller("z", namespace="aa")):
            it.engine.accept(who)
        assert [(view.namespace, view.name, view.signals[0].asks) for view in show(it)] == [
            ("aa", "z", "list jobs"),
            ("ai", "a", "list second"),
            ("ai", "a", "list first"),
            ("ai", "b", "list jobs"),
        ]
        showing = Showing(it.engine, ConfigurationView(loaded_at=0.0, generation=1))
        assert len(showing.workload("ai", "a")) == 2
        assert showing.workload("ai", "nobody") == []


async def test_an_unknown_answer_is_shown_as_it_was_told() -> None:
    """
    The sentence of the error and of the page are the same.
    """
    async with installed() as it:
        it.sources["jobs"].stop()
        with pytest.raises(UndecidedError) as caught:
            await it.engine.decision(caller())
        assert show(it)[0].decision.sentence == str(caught.value)
