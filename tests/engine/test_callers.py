"""
Who calls: admitted, remembered, refused, and forgotten.
"""

from __future__ import annotations

import asyncio

import pytest

from scaler.domain.decision import Reason, Verdict
from scaler.engine.workload import MetadataError, OverloadedError
from tests.engine.installation import CONFIGURATION, caller, collected, installed, jobs, minutes

pytestmark = pytest.mark.looptime


async def test_who_calls_no_more_is_forgotten() -> None:
    """
    After ten minutes without a call nothing is asked for it any more; an open stream is a call.
    """
    async with installed() as it:
        await it.engine.decision(caller("silent"))
        streaming = asyncio.create_task(collected(it.engine.pushes(caller("streaming", queue="other"))))
        it.queue(0, key="other")
        await minutes(13)
        assert [workload.caller.name for workload in it.engine.roster] == ["streaming"]
        assert jobs() not in it.engine.ledger
        streaming.cancel()


async def test_the_end_of_a_stream_is_a_call() -> None:
    """
    A stream of an hour ends, as they do; KEDA has ten minutes to call again.
    """
    async with installed() as it:
        streaming = asyncio.create_task(collected(it.engine.pushes(caller())))
        await minutes(60)
        streaming.cancel()
        await minutes(9)
        assert len(it.engine.roster) == 1
        await minutes(4)
        assert len(it.engine.roster) == 0


async def test_what_is_forgotten_is_seen_for_the_first_time_again() -> None:
    """
    Forgotten while idle, it comes back with work: the first call gets the truth.
    """
    async with installed() as it:
        assert (await it.engine.decision(caller())).verdict is Verdict.INACTIVE
        await minutes(13)
        assert (len(it.engine.roster), len(it.engine.ledger)) == (0, 0)
        it.queue(4, 1)
        assert (await it.engine.decision(caller())).replicas == 2


async def test_nobody_watches_closely_for_who_is_gone() -> None:
    """
    An idle workload is forgotten; the queue that an awake one shares with it is read at the regular pace again.
    """
    async with installed(announces=False) as it:
        it.queue(2)
        sleeper, awake = caller("sleeper", queueActivation="5"), caller("awake")
        assert (await it.engine.decision(sleeper)).verdict is Verdict.INACTIVE
        for _ in range(13):
            await minutes(1)
            assert (await it.engine.decision(awake)).verdict is Verdict.ACTIVE
        assert len(it.engine.roster) == 1
        it.sources["jobs"].reads.clear()
        await asyncio.sleep(50)
        assert 9 <= len(it.sources["jobs"].reads) <= 11


async def test_the_roster_is_bounded() -> None:
    """
    One more than limits.workloads is refused with the limit's name; the others go on.
    """
    async with installed({**CONFIGURATION, "limits": {"workloads": 2}}) as it:
        it.engine.accept(caller("a"))
        it.engine.accept(caller("b"))
        with pytest.raises(OverloadedError, match=r"limits\.workloads"):
            it.engine.accept(caller("c"))
        assert (await it.engine.decision(caller("a"))).verdict is Verdict.INACTIVE


async def test_an_edited_trigger_keeps_its_timers() -> None:
    """
    Edited within the idle window, the window goes on.
    """
    async with installed() as it:
        it.queue(3, 1)
        await it.engine.decision(caller())
        await asyncio.sleep(10)
        it.queue(0, 0)
        await minutes(1.5)
        edited = caller(queueTarget="2")
        assert (await it.engine.decision(edited)).reason is Reason.IDLE_WINDOW
        await asyncio.sleep(40)
        assert (await it.engine.decision(edited)).verdict is Verdict.INACTIVE


async def test_an_idle_trigger_says_nothing_for_its_neighbour() -> None:
    """
    Restarted, with two triggers: the first sees no GPU and is idle; the second sees a busy one and holds.
    """
    async with installed() as it:
        it.gpus(70)
        assert (await it.engine.decision(caller())).verdict is Verdict.INACTIVE
        it.queue(0, key="others")
        beside = await it.engine.decision(caller(policy="whole", queue="others"))
        assert (beside.verdict, beside.reason) == (Verdict.ACTIVE, Reason.GPU_BUSY)


async def test_wrong_metadata_disturbs_nobody() -> None:
    """
    It is refused by name, and keeps no place.
    """
    async with installed() as it:
        for wrong in (
            {"queueTarget": "-1"},
            {"nonsense": "1"},
            {"idleWindow": "0s"},
            {"queueConnection": "redis://x"},
        ):
            with pytest.raises(MetadataError, match=next(iter(wrong))):
                it.engine.accept(caller(**wrong))
        assert len(it.engine.roster) == 0
        assert (await it.engine.decision(caller())).verdict is Verdict.INACTIVE


async def test_wrong_metadata_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    """
    However often KEDA calls with it; another mistake, and another ScaledObject's, has a line of its own.
    """
    async with installed() as it:
        for wrong in (
            *[caller(queu="jobs")] * 3,
            caller(queueTarget="none"),
            caller("other", queu="jobs"),
            caller("a\nb" * 1000),
            caller(queu="jobs"),
        ):
            with pytest.raises(MetadataError):
                it.engine.accept(wrong)
    first, second, third, strange = (line for line in caplog.messages if "refused" in line)
    assert first == "ai/agent: its trigger's metadata is refused: unknown key 'queu'; did you mean 'queue'?"
    assert [line.partition(":")[0] for line in (second, third)] == ["ai/agent", "ai/other"]
    assert "\n" not in strange
    assert len(strange) < 1000


async def test_what_was_logged_is_kept_in_mind_within_bounds(caplog: pytest.LogCaptureFixture) -> None:
    """
    For as many as there may be workloads, here two: the third one makes room, and the first is told again.
    """
    async with installed({**CONFIGURATION, "limits": {"workloads": 2}}) as it:
        for name in ("a", "b", "a", "c", "b", "a"):
            with pytest.raises(MetadataError):
                it.engine.accept(caller(name, queu="jobs"))
    lines = [line.partition(":")[0] for line in caplog.messages if "refused" in line]
    assert lines == ["ai/a", "ai/b", "ai/c", "ai/a"]
