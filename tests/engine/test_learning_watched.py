"""
What a policy learns while it is only watched is its own, lasts, and is there once it acts.
"""

from __future__ import annotations

import asyncio
import json

import pytest

from scaler.domain.economic.state import EconomicState
from scaler.domain.readings import QueueDepth
from scaler.engine.memory import Memory, key_of
from scaler.engine.roster import Workload
from scaler.settings.document import Document
from scaler.sources.questions import RedisQueue, RedisShape
from tests.engine.installation import CONFIGURATION, Installation, caller, installed, minutes
from tests.engine.shelf import Shelf

pytestmark = pytest.mark.looptime

QUEUE = {"connection": "jobs", "type": "list", "processing": "taken"}
WHO = caller(policy="new")


def configuration(shadow: dict[str, str] | None = None, **old: object) -> dict[str, object]:
    """
    Return a configuration with a policy of the kind economic, watched or not, and an old one of the kind target.
    """
    new = {"queue": QUEUE} | ({} if shadow is None else {"shadow": shadow})
    replaced = {"queue": {"connection": "jobs", "type": "list", "target": 1, **old}}
    return {**CONFIGURATION, "policies": {"default": replaced, "new": new, "old": replaced}}


ACTS, BESIDE_OLD, ALONE = (configuration(each) for each in (None, {"policy": "old"}, {"answer": "unavailable"}))
BESIDE_ECONOMIC: dict[str, object] = {
    **CONFIGURATION,
    "policies": {
        "new": {"queue": QUEUE, "shadow": {"policy": "default"}},
        "default": {"queue": {**QUEUE, "processing": "others"}},
    },
}


async def with_a_job_done(it: Installation, taken: str = "taken") -> None:
    """
    Let a job come and be done.
    """
    for in_flight in (0, 1, 0):
        it.sources["jobs"].put(RedisQueue("jobs", RedisShape.LIST, "jobs", taken), QueueDepth(0, in_flight))
        it.engine.accept(WHO)
        await asyncio.sleep(20)


def of(it: Installation) -> Workload:
    """
    Return the workload.
    """
    workload = it.engine.roster.find(WHO)
    assert workload is not None
    return workload


def finished(workload: Workload | None) -> float | None:
    """
    Return the jobs that the kind economic has seen end; None where another kind decides.
    """
    assert workload is not None
    return workload.state.kind.finished if isinstance(workload.state.kind, EconomicState) else None


async def test_it_acts_with_what_it_learned_as_it_was_watched_and_back() -> None:
    """
    Without any file: the account goes with the policy, closed, and the other policy begins at its own beginning.
    """
    async with installed(BESIDE_OLD) as it:
        await with_a_job_done(it)
        assert (finished(of(it)), finished(of(it).shadow)) == (None, 1)
        it.engine.reconfigure(Document.parse(ACTS))
        await asyncio.sleep(5)
        assert (finished(of(it)), of(it).shadow) == (1, None)
        await with_a_job_done(it)
        it.engine.reconfigure(Document.parse(BESIDE_OLD))
        await asyncio.sleep(5)
        assert (finished(of(it)), finished(of(it).shadow)) == (None, 2)


def stored(shelf: Shelf, *, acts: bool) -> float:
    """
    Return the jobs that were seen to end, as they are kept.
    """
    return float(json.loads(shelf.held[key_of(WHO, acts=acts)].data)["finished"])


@pytest.mark.parametrize("after", [ACTS, BESIDE_OLD, ALONE], ids=["it acts", "watched still", "nothing is answered"])
@pytest.mark.parametrize("before", [ACTS, BESIDE_OLD, ALONE], ids=["it acted", "watched", "nothing was answered"])
async def test_it_lasts_over_a_restart(before: dict[str, object], after: dict[str, object]) -> None:
    """
    Whatever it may do before and after.
    """
    shelf = Shelf()
    async with installed(before, memory=Memory(shelf)) as it:
        await with_a_job_done(it)
    async with installed(after, memory=Memory(shelf, shelf.read())) as it:
        it.engine.accept(WHO)
        await asyncio.sleep(5)
        assert finished(of(it).shadow or of(it)) == 1


async def test_two_that_learn_beside_each_other_keep_their_own() -> None:
    """
    One sees two jobs end, the other none: neither is written over the other, at a checkpoint or as they are forgotten.
    """
    shelf = Shelf()
    memory = Memory(shelf)
    async with installed(BESIDE_ECONOMIC, memory=memory) as it:
        await with_a_job_done(it)
        await with_a_job_done(it, "others")
        await with_a_job_done(it, "others")
        await minutes(1)
        assert [stored(shelf, acts=acts) for acts in (True, False)] == [2, 1]
        await minutes(15)
        assert len(it.engine.roster) == 0
        assert [stored(shelf, acts=acts) for acts in (True, False)] == [2, 1]
        it.engine.accept(WHO)
        await asyncio.sleep(5)
        assert (finished(of(it)), finished(of(it).shadow)) == (2, 1)


async def test_what_a_refused_trigger_was_watched_for_comes_back_with_it() -> None:
    """
    Its policy is gone for a while, and there again.
    """
    async with installed(BESIDE_OLD, memory=Memory(Shelf())) as it:
        await with_a_job_done(it)
        it.engine.reconfigure(Document.parse({**CONFIGURATION, "policies": {"default": {"queue": QUEUE}}}))
        it.engine.reconfigure(Document.parse(BESIDE_OLD))
        await asyncio.sleep(5)
        assert finished(of(it).shadow) == 1
