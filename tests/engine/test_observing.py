"""
The engine and who observes the cluster: what is seen decides, and what is decided is told.
"""

from __future__ import annotations

import asyncio

import pytest

from scaler.domain.decision import Phase, Reason, Verdict
from scaler.domain.observed import Sighting
from scaler.engine.showing import Showing
from scaler.engine.views import ConfigurationView
from scaler.engine.workload import MetadataError
from scaler.settings.document import Document
from scaler.sources.fake import FakeSource
from tests.engine.installation import Installation, caller, connections, minutes
from tests.engine.observers import Staged, installed

pytestmark = pytest.mark.looptime


async def test_what_is_seen_decides_at_once() -> None:
    """
    Waking; a pod turns ready and it is active without another reading; the ScaledObject's maximum is lowered, too.
    """
    observer, sources = Staged(), dict[str, FakeSource]()
    async with installed(observer, sources) as engine:
        it = Installation(engine, sources)
        it.queue(0)
        assert (await engine.decision(caller())).verdict is Verdict.INACTIVE
        it.queue(20)
        await asyncio.sleep(0.1)
        assert (await engine.decision(caller())).phase is Phase.WAKING
        reads = len(sources["jobs"].reads)
        observer.see(True)
        await asyncio.sleep(0.01)
        decision = await engine.decision(caller())
        assert (decision.phase, decision.replicas) == (Phase.ACTIVE, 7)
        observer.see(True, maximum=2)
        await asyncio.sleep(0.01)
        assert (await engine.decision(caller())).replicas == 2
        assert len(sources["jobs"].reads) == reads


async def test_what_is_decided_is_told() -> None:
    """
    Every change of reason, once.
    """
    observer, sources = Staged(), dict[str, FakeSource]()
    async with installed(observer, sources) as engine:
        it = Installation(engine, sources)
        it.queue(0)
        await engine.decision(caller())
        it.queue(1)
        await asyncio.sleep(1)
        observer.see(True)
        it.queue(0)
        await minutes(6)
        assert observer.reasons == [
            Reason.QUIET,
            Reason.DEMAND,
            Reason.IDLE_WINDOW,
            Reason.QUIET,
        ]


async def test_metadata_that_is_refused_is_told() -> None:
    """
    At a call, and once when a new document makes it mean nothing; the caller gets its error as ever.
    """
    observer, sources = Staged(), dict[str, FakeSource]()
    async with installed(observer, sources) as engine:
        Installation(engine, sources).queue(0)
        with pytest.raises(MetadataError):
            engine.accept(caller(polcy="default"))
        assert len(observer.refusals) == 1
        assert observer.refusals[0].startswith("ai/agent: ")
        engine.accept(caller(policy="whole"))
        policies = {"default": {"queue": {"connection": "jobs", "type": "list", "target": 3}}}
        for _ in range(2):
            engine.reconfigure(Document.parse({"connections": connections(), "policies": policies}))
        assert observer.refusals[1:] == ["ai/agent: policy: there is no policy 'whole'"]


async def test_it_is_shown() -> None:
    """
    The view has what is seen and the settings that hurt, of workloads that are refused, too.
    """
    observer, sources = Staged(), dict[str, FakeSource]()
    async with installed(observer, sources) as engine:
        Installation(engine, sources).queue(0)
        observer.see(True, False)
        await engine.decision(caller())
        (view,) = Showing(engine, ConfigurationView(0.0, 1)).workload("ai", "agent")
        assert view.sighting == Sighting(observer.seen, "", ("a setting hurts",))
