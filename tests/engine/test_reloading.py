"""
Another document in the middle of everything: what stands, what is asked anew, and what is said meanwhile.
"""

from __future__ import annotations

import asyncio

import pytest

from scaler.domain.decision import Phase, Reason, Verdict
from scaler.engine.workload import MetadataError, UndecidedError
from scaler.settings.document import Document
from tests.engine.installation import CONFIGURATION, caller, connections, document, installed, jobs, minutes

pytestmark = pytest.mark.looptime


async def test_a_new_target_takes_effect_at_once() -> None:
    """
    The same jobs, another target: another number, in the same moment.
    """
    async with installed() as it:
        it.queue(6, 3)
        assert (await it.engine.decision(caller())).replicas == 3
        it.engine.reconfigure(document(queue={"target": 1}))
        assert (await it.engine.decision(caller())).replicas == 9


async def test_timers_go_on() -> None:
    """
    A reload within the idle window does not begin it anew.
    """
    async with installed() as it:
        it.queue(3, 1)
        await it.engine.decision(caller())
        await asyncio.sleep(10)
        it.queue(0, 0)
        await minutes(1.5)
        it.engine.reconfigure(document(queue={"target": 2}))
        await asyncio.sleep(40)
        assert (await it.engine.decision(caller())).verdict is Verdict.INACTIVE


async def test_a_reload_asks_nothing_anew_that_stays() -> None:
    """
    What is tracked stays tracked; no further read is made for it, and no answer is forgotten.
    """
    async with installed() as it:
        await it.engine.decision(caller())
        await minutes(1)
        (watcher,) = it.sources["jobs"].watchers
        it.sources["jobs"].reads.clear()
        it.engine.reconfigure(document(queue={"target": 2}))
        await asyncio.sleep(5)
        assert it.sources["jobs"].watchers == {watcher}
        assert len(it.sources["jobs"].reads) <= 1
        assert (await it.engine.decision(caller("other"))).verdict is Verdict.INACTIVE


async def test_a_new_address_is_no_blip() -> None:
    """
    A connection that moves is opened anew; the last readings stand until the first new ones.
    """
    async with installed() as it:
        it.queue(6, 3)
        await it.engine.decision(caller())
        old = it.sources["jobs"]
        moved = {**connections(), "jobs": {"type": "redis", "addresses": ["moved.test:6379"]}}
        it.engine.reconfigure(Document.parse({**CONFIGURATION, "connections": moved}))
        assert it.sources["jobs"] is not old
        assert (await it.engine.decision(caller())).replicas == 3
        it.queue(12, 3)
        await asyncio.sleep(6)
        assert (await it.engine.decision(caller())).replicas == 5
        assert old.closed


async def test_a_policy_that_is_gone_is_an_error_until_it_is_back() -> None:
    """
    Its workloads are told, the stream stays, and their state is kept.
    """
    async with installed() as it:
        it.queue(6, 3)
        ours = caller(policy="whole")
        await it.engine.decision(ours)
        it.engine.reconfigure(_default_alone())
        with pytest.raises(MetadataError, match="whole"):
            await it.engine.decision(ours)
        it.engine.reconfigure(Document.parse(CONFIGURATION))
        assert (await it.engine.decision(ours)).replicas == 3


async def test_what_was_decided_before_a_policy_went_is_not_said_when_it_is_back() -> None:
    """
    Idle, then an hour without a policy, and jobs have come: the first answer is not the false of an hour ago.
    """
    async with installed() as it:
        ours = caller(policy="whole")
        assert (await it.engine.decision(ours)).verdict is Verdict.INACTIVE
        it.engine.reconfigure(_default_alone())
        for _ in range(60):
            with pytest.raises(MetadataError):
                await it.engine.decision(ours)
            await minutes(1)
        it.queue(4)
        it.engine.reconfigure(Document.parse(CONFIGURATION))
        assert (await it.engine.decision(ours)).replicas == 2


async def test_no_false_is_said_about_a_queue_that_was_not_read() -> None:
    """
    An idle workload whose policy reads another queue now: its calls wait for that one, as for the first time.
    """
    async with installed() as it:
        ours = caller(policy="whole")
        assert (await it.engine.decision(ours)).verdict is Verdict.INACTIVE
        it.sources["metrics"].hang()
        it.engine.reconfigure(document(requests={"query": "sum(rate(others[1m]))"}, policy="whole"))
        before = asyncio.get_running_loop().time()
        with pytest.raises(UndecidedError, match="requests is unknown"):
            await it.engine.decision(ours)
        assert asyncio.get_running_loop().time() - before == pytest.approx(1.5, abs=0.05)


async def test_an_active_workload_waits_for_nothing() -> None:
    """
    A signal is added that hangs: the decision in force is answered at once, and then held.
    """
    async with installed() as it:
        it.queue(6, 3)
        await it.engine.decision(caller())
        await asyncio.sleep(5)
        it.sources["metrics"].hang()
        it.queue(0, 0)
        await asyncio.sleep(5)
        it.engine.reconfigure(document(gpu={"connection": "metrics"}))
        before = asyncio.get_running_loop().time()
        assert (await it.engine.decision(caller())).replicas == 3
        assert asyncio.get_running_loop().time() == before
        await asyncio.sleep(1.6)
        assert (await it.engine.decision(caller())).reason is Reason.HELD_UNKNOWN


async def test_a_timer_of_before_does_not_swallow_the_one_of_the_first_readings() -> None:
    """
    An old timer goes off while new readings are awaited: what is overdue is still noticed after 1.5 s.
    """
    async with installed({**CONFIGURATION, "defaults": {"freshness": "21s"}}, announces=False) as it:
        it.queue(6, 3)
        await it.engine.decision(caller())
        it.sources["jobs"].hang()
        it.sources["metrics"].hang()
        await asyncio.sleep(20)  # the reading goes stale in about a second
        it.engine.reconfigure(
            Document.parse(
                {
                    **CONFIGURATION,
                    "defaults": {"freshness": "21s"},
                    "policies": {"default": {**_default(), "gpu": {"connection": "metrics"}}},
                }
            )
        )
        await asyncio.sleep(1.7)
        assert (await it.engine.decision(caller())).reason is Reason.HELD_UNKNOWN


async def test_a_refused_trigger_is_told_in_one_line(caplog: pytest.LogCaptureFixture) -> None:
    """
    Once, with what to change.
    """
    async with installed() as it:
        await it.engine.decision(caller(policy="whole"))
        for _ in range(2):
            it.engine.reconfigure(_default_alone())
        lines = [record.getMessage() for record in caplog.records if "refused" in record.getMessage()]
        assert lines == ["ai/agent: its trigger's metadata is refused: policy: there is no policy 'whole'"]


async def test_a_refusal_is_the_same_error_however_often() -> None:
    """
    An error that is raised again and again grows no tail of the calls that met it.
    """
    async with installed() as it:
        await it.engine.decision(caller(policy="whole"))
        it.engine.reconfigure(_default_alone())
        depths = set()
        for _ in range(5):
            with pytest.raises(MetadataError) as caught:
                it.engine.accept(caller(policy="whole"))
            depths.add(len(caught.traceback))
        assert len(depths) == 1


async def test_a_refused_trigger_pushes_nothing() -> None:
    """
    A true that was repeated while it woke is no longer; when its policy is back it is told anew.
    """
    async with installed() as it:
        pushes = it.engine.pushes(caller(policy="whole"))
        assert await anext(pushes) is False
        it.queue(3)
        assert await anext(pushes) is True
        it.engine.reconfigure(_default_alone())
        silent = asyncio.ensure_future(anext(pushes))
        await minutes(2)
        assert not silent.done()
        it.engine.reconfigure(Document.parse(CONFIGURATION))
        await asyncio.sleep(1.5)
        assert (await it.engine.decision(caller(policy="whole"))).phase is Phase.WAKING
        assert await silent is True
        await pushes.aclose()


async def test_a_connection_that_goes_takes_its_triggers_along() -> None:
    """
    A trigger that names it is refused with the connection's name; nothing else is disturbed, then or later.
    """
    spare = {**connections(), "spare": {"type": "redis", "addresses": ["spare.test:6379"]}}
    async with installed({**CONFIGURATION, "connections": spare}) as it:
        it.sources["spare"].stop()
        ours = caller("ours", queueConnection="spare")
        with pytest.raises(UndecidedError):
            await it.engine.decision(ours)
        await it.engine.decision(caller())
        it.engine.reconfigure(Document.parse(CONFIGURATION))
        with pytest.raises(MetadataError, match="spare"):
            await it.engine.decision(ours)
        assert (await it.engine.decision(caller())).verdict is Verdict.INACTIVE
        await minutes(13)
        assert len(it.engine.roster) == 0
        assert len(it.engine.ledger) == 0


async def test_fewer_workloads_may_be_allowed() -> None:
    """
    Those that are there stay; one more is refused.
    """
    async with installed() as it:
        it.engine.accept(caller("a"))
        it.engine.accept(caller("b"))
        it.engine.reconfigure(Document.parse({**CONFIGURATION, "limits": {"workloads": 1}}))
        assert (await it.engine.decision(caller("b"))).verdict is Verdict.INACTIVE
        with pytest.raises(Exception, match=r"limits\.workloads"):
            it.engine.accept(caller("c"))


async def test_what_nobody_asks_any_more_is_asked_no_more() -> None:
    """
    A policy loses a signal: its question goes, with its answers.
    """
    async with installed() as it:
        await it.engine.decision(caller(policy="whole"))
        assert len(it.engine.ledger) == 3
        it.engine.reconfigure(Document.parse({**CONFIGURATION, "policies": {"whole": _default()}}))
        assert len(it.engine.ledger) == 1
        assert jobs() in it.engine.ledger
        await asyncio.sleep(2)
        it.sources["metrics"].reads.clear()
        await minutes(1)
        assert it.sources["metrics"].reads == []


def _default_alone() -> Document:
    return Document.parse({**CONFIGURATION, "policies": {"default": _default()}})


def _default() -> dict[str, object]:
    policies = CONFIGURATION["policies"]
    assert isinstance(policies, dict)
    return dict(policies["default"])
