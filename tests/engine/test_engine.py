"""
The engine over fake sources, in virtual time: callers, first readings, outages, pushes, reconfiguration.
"""

from __future__ import annotations

import asyncio
from itertools import pairwise

import pytest

from scaler.domain.decision import Phase, Reason, Verdict
from scaler.engine.workload import MetadataError, UndecidedError
from scaler.sources.base import SourceError
from tests.engine.installation import caller, collected, installed, jobs, minutes

pytestmark = pytest.mark.looptime


async def test_the_first_call_gets_the_truth() -> None:
    """
    A caller never seen before waits for its first readings, and no longer than they take.
    """
    async with installed() as it:
        it.queue(7, 2)
        it.sources["jobs"].delay = 0.4
        before = asyncio.get_running_loop().time()
        decision = await it.engine.decision(caller())
        assert (decision.verdict, decision.replicas) == (Verdict.ACTIVE, 3)
        assert asyncio.get_running_loop().time() - before == pytest.approx(0.4, abs=0.05)


async def test_the_signals_of_a_policy_decide_together() -> None:
    """
    7 waiting and 2 in flight, 12/s, four pods at 95 %: five replicas.
    """
    async with installed() as it:
        it.queue(7, 2)
        it.rate(12)
        it.gpus(95, 95, 95, 95)
        decision = await it.engine.decision(caller(policy="whole"))
        assert (decision.verdict, decision.replicas) == (Verdict.ACTIVE, 5)


async def test_first_calls_wait_one_and_a_half_seconds_together() -> None:
    """
    While a source is silent the first calls fail after 1.5 s, the next ones at once; then comes the truth.
    """
    async with installed() as it:
        it.sources["jobs"].hang()
        loop = asyncio.get_running_loop()
        before = loop.time()
        for _ in range(3):
            with pytest.raises(UndecidedError, match="queue is unknown"):
                await it.engine.decision(caller())
        assert loop.time() - before == pytest.approx(1.5, abs=0.05)
        it.queue(1)
        it.sources["jobs"].resume()
        await asyncio.sleep(6)
        assert (await it.engine.decision(caller())).verdict is Verdict.ACTIVE


async def test_an_outage_is_held_and_never_false() -> None:
    """
    Redis stops at three replicas: no error within freshness and hold, then errors that name it, then the truth.
    """
    async with installed() as it:
        it.queue(6, 3)
        await it.engine.decision(caller())
        await minutes(1)
        it.sources["jobs"].stop()
        for second in range(600):
            await asyncio.sleep(1)
            if second < 140:
                assert (await it.engine.decision(caller())).replicas == 3
            elif second > 160:
                with pytest.raises(UndecidedError, match=r"jobs\.test:1 cannot be reached"):
                    await it.engine.decision(caller())
        it.sources["jobs"].start()
        it.queue(0, 0)
        await asyncio.sleep(6)
        decision = await it.engine.decision(caller())
        assert (decision.verdict, decision.reason) == (Verdict.ACTIVE, Reason.IDLE_WINDOW)


async def test_a_blip_is_not_seen() -> None:
    """
    20 s without Redis change nothing for KEDA: the same decision, no error, no push.
    """
    async with installed() as it:
        it.queue(6, 3)
        await it.engine.decision(caller())
        await minutes(1)
        it.sources["jobs"].stop()
        for _ in range(20):
            await asyncio.sleep(1)
            assert (await it.engine.decision(caller())).reason is Reason.DEMAND
        it.sources["jobs"].start()
        await minutes(1)
        assert (await it.engine.decision(caller())).phase is Phase.ACTIVE


async def test_a_new_engine_wakes_nobody_and_stops_nobody() -> None:
    """
    After a restart at zero the first answer is false, at work it is true: each on fresh readings.
    """
    for waiting, in_flight, verdict in ((0, 0, Verdict.INACTIVE), (0, 2, Verdict.ACTIVE)):
        async with installed() as it:
            it.queue(waiting, in_flight)
            assert (await it.engine.decision(caller())).verdict is verdict


class TestPushes:
    """
    Push streams.
    """

    async def test_the_present_state_comes_first_then_every_change(self) -> None:
        """
        False on open; true as soon as a job is announced; false when it is idle again.
        """
        async with installed() as it:
            pushes = it.engine.pushes(caller())
            assert await anext(pushes) is False
            it.queue(1, 0)
            before = asyncio.get_running_loop().time()
            assert await anext(pushes) is True
            assert asyncio.get_running_loop().time() - before < 0.01
            it.queue(0, 1)
            await asyncio.sleep(6)
            it.queue(0, 0)
            assert await anext(pushes) is False

    async def test_true_is_repeated_while_waking_only(self) -> None:
        """
        1 s, 2 s, 4 s … 15 s apart until a sign of work is seen; then silence.
        """
        async with installed() as it:
            times = []
            pushes = it.engine.pushes(caller())
            assert await anext(pushes) is False
            it.queue(1, 0)
            for _ in range(7):
                assert await anext(pushes) is True
                times.append(asyncio.get_running_loop().time())
            assert [round(later - sooner) for sooner, later in pairwise(times)] == [
                1,
                2,
                4,
                8,
                15,
                15,
            ]
            it.queue(0, 1)
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(600):
                    await anext(pushes)

    async def test_nothing_is_pushed_while_nothing_is_known(self) -> None:
        """
        A stream opened in an outage is silent; the truth comes when it is known.
        """
        async with installed() as it:
            it.sources["jobs"].stop()
            pushes = it.engine.pushes(caller())
            first = asyncio.ensure_future(anext(pushes))
            await minutes(10)
            assert not first.done()
            it.sources["jobs"].start()
            assert await first is False

    async def test_streams_end_when_the_engine_closes(self) -> None:
        """
        They end by themselves, without an error.
        """
        async with installed() as it:
            ended = asyncio.create_task(collected(it.engine.pushes(caller())))
            await asyncio.sleep(3)
            it.engine.close()
            assert await ended == [False]

    async def test_a_stream_is_refused_for_wrong_metadata(self) -> None:
        """
        The first item raises, with the key's name.
        """
        async with installed() as it:
            with pytest.raises(MetadataError, match="queueTraget"):
                await anext(it.engine.pushes(caller(queueTraget="3")))


class TestClosely:
    """
    The close watch of workloads at zero.
    """

    async def test_idle_queues_are_polled_no_faster_than_the_safety_net(self) -> None:
        """
        With tracking, a thousand idle queues cost one read every ten seconds.
        """
        async with installed() as it:
            for index in range(1000):
                it.queue(0, key=f"jobs-{index}")
                it.engine.accept(caller(f"agent-{index}", queue=f"jobs-{index}"))
            await minutes(1)
            it.sources["jobs"].reads.clear()
            await minutes(5)
            assert 29 <= len(it.sources["jobs"].reads) <= 31
            assert {len(read.questions) for read in it.sources["jobs"].reads} == {1000}

    async def test_without_tracking_they_are_polled_four_times_a_second(self) -> None:
        """
        Where nothing is announced, a workload at zero is looked at every 250 ms, an awake one every 5 s.
        """
        async with installed(announces=False) as it:
            await it.engine.decision(caller())
            await minutes(1)
            it.sources["jobs"].reads.clear()
            await asyncio.sleep(10)
            assert 39 <= len(it.sources["jobs"].reads) <= 41
            it.queue(1, 0)
            await minutes(1)
            it.sources["jobs"].reads.clear()
            await asyncio.sleep(50)
            assert 9 <= len(it.sources["jobs"].reads) <= 11


async def test_a_first_call_is_answered_at_once_where_others_ask_the_same() -> None:
    """
    What is known and fresh is known to everybody, even while the source is silent.
    """
    async with installed() as it:
        it.queue(2)
        await it.engine.decision(caller("first"))
        it.sources["jobs"].hang()
        before = asyncio.get_running_loop().time()
        assert (await it.engine.decision(caller("second"))).replicas == 1
        assert asyncio.get_running_loop().time() == before


async def test_a_slow_source_makes_no_half_decision() -> None:
    """
    The queue alone would want one of the five replicas that work: an error, then the truth.
    """
    async with installed() as it:
        it.queue(1, 1)
        it.gpus(80, 80, 80, 80, 80)
        it.sources["metrics"].delay = 1.9
        with pytest.raises(UndecidedError, match=r"requests is unknown .*; gpu is unknown"):
            await it.engine.decision(caller(policy="whole"))
        await asyncio.sleep(0.5)
        assert (await it.engine.decision(caller(policy="whole"))).replicas == 5


async def test_trouble_with_one_queue_leaves_the_others() -> None:
    """
    A key of the wrong type is unknown for its workload alone.
    """
    async with installed() as it:
        it.queue(1, key="good")
        it.sources["jobs"].put(jobs("bad"), SourceError("key 'bad' holds a hash, not a list"))
        assert (await it.engine.decision(caller("good", queue="good"))).verdict is Verdict.ACTIVE
        with pytest.raises(UndecidedError, match="holds a hash"):
            await it.engine.decision(caller("bad", queue="bad"))


async def test_a_silent_source_is_unknown_when_its_readings_are_stale() -> None:
    """
    A source that hangs without an error is noticed by the age of its readings, idle workloads included.
    """
    async with installed() as it:
        await it.engine.decision(caller())
        it.sources["jobs"].hang()
        await minutes(1)
        with pytest.raises(UndecidedError):
            await it.engine.decision(caller())
        it.sources["jobs"].resume()
        await asyncio.sleep(6)
        assert (await it.engine.decision(caller())).verdict is Verdict.INACTIVE
