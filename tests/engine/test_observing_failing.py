"""
The engine and an observer that fails: what it fails at is not seen, and nothing else is lost.
"""

from __future__ import annotations

import asyncio

import pytest

from scaler.domain.decision import Verdict
from scaler.domain.observed import Sighting
from scaler.engine.showing import Showing
from scaler.engine.views import ConfigurationView
from scaler.engine.workload import MetadataError
from scaler.sources.fake import FakeSource
from tests.engine.installation import Installation, caller, collected, minutes
from tests.engine.observers import Failing, installed

pytestmark = pytest.mark.looptime

NAMES = ("one", "two")


def failures(caplog: pytest.LogCaptureFixture) -> list[str]:
    """
    Return what was logged of failures: at what, and of which kind.
    """
    told = [record for record in caplog.records if record.name == "scaler.engine.observing"]
    return [f"{record.getMessage().split('`')[1]}: {caplog.handler.format(record).splitlines()[-1]}" for record in told]


async def test_a_job_wakes_although_the_observer_fails() -> None:
    """
    Two sleep; then the observer fails at everything, and a job comes for each: both wake at once, and nothing ends.
    """
    observer, sources = Failing(), dict[str, FakeSource]()
    async with installed(observer, sources) as engine:
        it = Installation(engine, sources)
        for name in NAMES:
            it.queue(0, key=name)
        streams = [asyncio.create_task(collected(engine.pushes(caller(name, queue=name)))) for name in NAMES]
        await asyncio.sleep(1)
        observer.error = KeyError(("Deployment", "ai", "agent"))
        for name in NAMES:
            it.queue(1, key=name)
        await minutes(5)
        for name in NAMES:
            assert (await engine.decision(caller(name, queue=name))).verdict is Verdict.ACTIVE
        engine.close()
        for stream in streams:
            assert (await stream)[:2] == [False, True]


async def test_what_it_fails_at_is_not_seen_and_that_is_shown() -> None:
    """
    Its maximum of three holds until it fails; then the policy decides alone, the view says why, and it is seen again.
    """
    observer, sources = Failing(), dict[str, FakeSource]()
    async with installed(observer, sources) as engine:
        Installation(engine, sources).queue(20)
        showing = Showing(engine, ConfigurationView(0.0, 1))
        assert (await engine.decision(caller())).replicas == 3
        observer.error = RuntimeError("broken")
        await minutes(1)
        assert (await engine.decision(caller())).replicas == 7
        (view,) = showing.workload("ai", "agent")
        assert view.sighting == Sighting(missing="internal error; see the log")
        observer.error = None
        await minutes(10)
        assert (await engine.decision(caller())).replicas == 3


async def test_each_kind_of_failure_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    """
    Dozens of calls fail, at different deeds and with different errors: one line for each deed and kind of error.
    """
    observer, sources = Failing(KeyError("ai")), dict[str, FakeSource]()
    async with installed(observer, sources) as engine:
        Installation(engine, sources).queue(1)
        await engine.decision(caller())
        for _ in range(2):
            with pytest.raises(MetadataError):
                engine.accept(caller(polcy="default"))
        await minutes(3)
        observer.error = RuntimeError("broken")
        await minutes(3)
    assert observer.asked > 50
    assert sorted(failures(caplog)) == [
        "decided: KeyError: 'ai'",
        "decided: RuntimeError: broken",
        "listen: KeyError: 'ai'",
        "observed: KeyError: 'ai'",
        "observed: RuntimeError: broken",
        "pending: KeyError: 'ai'",
        "refused: KeyError: 'ai'",
    ]
