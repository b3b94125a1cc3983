"""
What is learned of a workload stays its own, whoever else it shares a ScaledObject with.
"""

from __future__ import annotations

import asyncio
import json

import pytest

from scaler.domain.economic.kind import ECONOMIC
from scaler.domain.economic.state import EconomicState
from scaler.domain.readings import QueueDepth
from scaler.engine.learned import Learned
from scaler.engine.memory import Memory, key_of
from scaler.engine.workload import Caller
from scaler.settings.document import Document
from scaler.sources.questions import RedisQueue, RedisShape
from tests.engine.installation import CONFIGURATION, Installation, caller, installed, minutes
from tests.engine.shelf import Shelf

pytestmark = pytest.mark.looptime

QUEUE = {"connection": "jobs", "type": "list", "processing": "$queue:taken"}
ECONOMIC_ALONE: dict[str, object] = {**CONFIGURATION, "policies": {"default": {"queue": QUEUE}}}
WITHOUT = {"requests": {"connection": "metrics", "query": "sum(rate(requests[1m]))", "target": 5}}
ONE, OTHER = caller(queue="one"), caller(queue="other")


def with_jobs(it: Installation, key: str, waiting: int, in_flight: int) -> None:
    """
    From now on so many jobs are on a queue that tells those in flight.
    """
    question = RedisQueue("jobs", RedisShape.LIST, key, f"{key}:taken")
    it.sources["jobs"].put(question, QueueDepth(waiting, in_flight))


def known(cold_start: float) -> Learned:
    """
    Return what was learned of a workload whose replicas take so long to start.
    """
    return Learned("economic", json.dumps(ECONOMIC.save(EconomicState(cold_start=cold_start, starts=9))))


def remembered(it: Installation, who: Caller) -> EconomicState:
    """
    Return what is remembered of a trigger.
    """
    workload = it.engine.roster.find(who)
    assert workload is not None
    assert isinstance(workload.state.kind, EconomicState)
    return workload.state.kind


@pytest.mark.parametrize("at_once", [False, True])
@pytest.mark.parametrize("in_flight", [0, 2])
async def test_after_a_restart_each_trigger_goes_on_with_its_own(in_flight: int, *, at_once: bool) -> None:
    """
    Two of one ScaledObject, one awake or not, one after the other or both at once: neither takes the other's.
    """
    shelf = Shelf({key_of(ONE): known(30.0), key_of(OTHER): known(300.0)})
    async with installed(ECONOMIC_ALONE, memory=Memory(shelf, shelf.read())) as it:
        with_jobs(it, "one", 0, in_flight)
        with_jobs(it, "other", 0, 0)
        if at_once:
            await asyncio.gather(it.engine.decision(ONE), it.engine.decision(OTHER))
        else:
            await it.engine.decision(ONE)
            await it.engine.decision(OTHER)
        assert (remembered(it, ONE).cold_start, remembered(it, OTHER).cold_start) == (30.0, 300.0)
    assert [json.loads(shelf.held[key_of(who)].data)["coldStart"] for who in (ONE, OTHER)] == [30.0, 300.0]


async def test_another_queue_is_no_change_of_the_first() -> None:
    """
    A trigger with 50 jobs is edited to name another queue, with one: 49 jobs did not end in that moment.
    """
    async with installed(ECONOMIC_ALONE) as it:
        with_jobs(it, "one", 48, 2)
        with_jobs(it, "other", 0, 1)
        await it.engine.decision(ONE)
        await asyncio.sleep(60)
        await it.engine.decision(OTHER)
        assert (remembered(it, OTHER).jobs, remembered(it, OTHER).finished) == (1, 0)


async def test_another_queue_by_a_reload_is_no_change_of_the_first() -> None:
    """
    The same where the operator names another processing list: what was in flight there did not end.
    """
    async with installed(ECONOMIC_ALONE) as it:
        with_jobs(it, "one", 0, 50)
        it.sources["jobs"].put(RedisQueue("jobs", RedisShape.LIST, "one", "taken"), QueueDepth(0, 1))
        await it.engine.decision(ONE)
        await asyncio.sleep(60)
        policy = {"queue": {**QUEUE, "processing": "taken"}}
        it.engine.reconfigure(Document.parse({**CONFIGURATION, "policies": {"default": policy}}))
        await asyncio.sleep(2)
        assert (remembered(it, ONE).jobs, remembered(it, ONE).finished) == (1, 0)


async def test_what_ended_while_a_trigger_was_refused_is_not_known() -> None:
    """
    Its policy was gone for a minute: what is on the queue now is no change of what was there before.
    """
    async with installed(ECONOMIC_ALONE) as it:
        with_jobs(it, "one", 0, 50)
        await it.engine.decision(ONE)
        it.engine.reconfigure(
            Document.parse({**CONFIGURATION, "defaults": {"policy": "x"}, "policies": {"x": WITHOUT}})
        )
        with_jobs(it, "one", 0, 1)
        await asyncio.sleep(60)
        it.engine.reconfigure(Document.parse(ECONOMIC_ALONE))
        await asyncio.sleep(2)
        assert (remembered(it, ONE).jobs, remembered(it, ONE).finished) == (1, 0)


async def test_no_more_is_kept_than_the_operator_lets_be_watched() -> None:
    """
    At the start, and after a reload.
    """
    shelf = Shelf({key_of(caller(f"agent-{number}")): known(30.0) for number in range(9)})
    memory = Memory(shelf, shelf.read())
    async with installed({**ECONOMIC_ALONE, "limits": {"workloads": 7}}, memory=memory) as it:
        await minutes(1.5)
        assert len(shelf.held) == 7
        it.engine.reconfigure(Document.parse({**ECONOMIC_ALONE, "limits": {"workloads": 3}}))
        await minutes(61)
        assert len(shelf.held) == 3
