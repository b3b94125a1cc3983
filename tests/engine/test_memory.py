"""
What was learned outlasts a restart, and nobody waits for the file.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from scaler.domain.kinds import Kind
from scaler.domain.outlook import Outlook, Proposal
from scaler.domain.target import TARGET, TargetParams
from scaler.engine.learned import Key, Learned
from scaler.engine.memory import Memory, key_of
from scaler.engine.plan import Plan
from scaler.engine.roster import Workload
from scaler.engine.store import Store
from tests.engine.installation import caller, minutes
from tests.engine.shelf import Shelf
from tests.engine.workloads import workload


class Counting:
    """
    A kind that learns a number.
    """

    name = "counting"

    def propose(self, params: Any, outlook: Outlook, state: Any, now: float) -> Proposal:
        """
        Propose what `target` does.
        """
        return replace(TARGET.propose(params, outlook, None, now), state=state)

    def interrupted(self, state: Any) -> Any:
        """
        Learn on.
        """
        return state

    def save(self, state: Any) -> Mapping[str, Any]:
        """
        Save the number.
        """
        return {"number": state[0]}

    def restore(self, data: Mapping[str, Any]) -> Any:
        """
        Return the number.

        Raises:
            ValueError: it is none.
        """
        if not isinstance(data.get("number"), int):
            raise ValueError("number: must be a number")  # noqa: TRY004 - as a kind is to say it
        return (data["number"],)


KINDS: Mapping[type, Kind] = {TargetParams: Counting()}


def knowing(number: int, name: str = "agent") -> Workload:
    """
    Return a workload of which a number was learned.
    """
    it = workload(name)
    it.state = replace(it.state, kind=(number,))
    return it


def recalled(memory: Memory, name: str = "agent") -> object:
    """
    Return what is recalled of a caller.
    """
    it = workload(name)
    assert isinstance(it.plan, Plan)
    return memory.recall(it.caller, it.plan)


async def test_after_a_restart_it_goes_on(tmp_path: Path) -> None:
    """
    Two workloads, each with what was learned of it; a third begins at the beginning.
    """
    path = tmp_path / "state.sqlite"
    store = Store(path)
    before = Memory(store, store.read(), KINDS)
    await before.checkpoint([knowing(3), knowing(5, "other")])
    before.close()
    after = Memory(store, Store(path).read(), KINDS)
    assert (recalled(after), recalled(after, "other"), recalled(after, "third")) == ((3,), (5,), None)
    after.close()


async def test_only_what_has_changed_is_written() -> None:
    """
    The state is a value: who has the very same one has learned nothing.
    """
    shelf = Shelf()
    memory = Memory(shelf, None, KINDS)
    one, other = knowing(1), knowing(2, "other")
    await memory.checkpoint([one, other])
    await memory.checkpoint([one, other])
    other.state = replace(other.state, kind=(3,))
    await memory.checkpoint([one, other])
    assert shelf.writes == [{"agent", "other"}, {"other"}]
    memory.close()


async def test_a_checkpoint_comes_every_minute() -> None:
    """
    And one that fails is said once; what it had is written by the next.
    """
    shelf = Shelf(broken=True)
    memory = Memory(shelf, None, KINDS)
    for _ in range(3):
        await memory.checkpoint([knowing(1)])
    shelf.broken = False
    await memory.checkpoint([knowing(1)])
    assert shelf.held == {key_of(caller()): Learned("counting", '{"number":1}')}
    memory.close()


async def test_a_failure_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    """
    Not every minute.
    """
    caplog.set_level(logging.WARNING)
    memory = Memory(Shelf(broken=True), None, KINDS)
    for _ in range(3):
        await memory.checkpoint([knowing(1)])
    assert [record.getMessage() for record in caplog.records] == ["what is learned is not kept: the shelf is broken"]
    memory.close()


async def test_who_is_forgotten_may_call_again() -> None:
    """
    At once, or after a restart.
    """
    shelf = Shelf()
    memory = Memory(shelf, None, KINDS)
    memory.forget(knowing(4))
    await memory.checkpoint([])
    assert shelf.held == {key_of(caller()): Learned("counting", '{"number":4}')}
    assert recalled(memory) == (4,)
    memory.close()


@pytest.mark.looptime
async def test_no_more_is_kept_than_may_be_watched() -> None:
    """
    Names change all the time, and what was learned of each is put by: of the roster and the last ones only.
    """
    shelf = Shelf()
    memory = Memory(shelf, None, KINDS)
    memory.capacity = 5
    here = [knowing(1, "here"), knowing(2, "here-too")]
    for number in range(12):
        memory.forget(knowing(number, f"run-{number}"))
        if number % 4 == 3:
            await memory.checkpoint(here)
            await minutes(60)
    assert [recalled(memory, f"run-{number}") for number in range(12)] == [None] * 9 + [(9,), (10,), (11,)]
    assert {key.name for key in shelf.held} == {"here", "here-too", "run-9", "run-10", "run-11"}
    memory.close()


async def test_no_more_is_kept_than_may_be_watched_where_nothing_can_be_written() -> None:
    """
    What waits to be written is bounded as well.
    """
    shelf = Shelf(broken=True)
    memory = Memory(shelf, None, KINDS)
    memory.capacity = 2
    for number in range(5):
        memory.forget(knowing(number, f"run-{number}"))
        await memory.checkpoint([])
    shelf.broken = False
    await memory.checkpoint([])
    assert shelf.writes == [{"run-3", "run-4"}]
    memory.close()


async def test_a_restart_loses_nobody_who_has_not_called_yet() -> None:
    """
    As many as there is room for are all there, whoever calls first.
    """
    shelf = Shelf({key_of(caller(f"agent-{number}")): Learned("counting", '{"number":7}') for number in range(5)})
    memory = Memory(shelf, shelf.read(), KINDS)
    memory.capacity = 5
    present: list[Workload] = []
    for number in range(5):
        assert recalled(memory, f"agent-{number}") == (7,)
        present.append(knowing(7, f"agent-{number}"))
        await memory.checkpoint(present)
    assert len(shelf.held) == 5
    memory.close()


@pytest.mark.looptime
async def test_who_has_gone_from_the_store_is_not_recalled() -> None:
    """
    The store knows how old it is, and is asked about once an hour, with those that are there.
    """
    old, young = key_of(caller("old")), key_of(caller("young"))
    shelf = Shelf({key: Learned("counting", '{"number":1}') for key in (old, young)}, old={old})
    memory = Memory(shelf, shelf.read(), KINDS)
    for _ in range(90):
        await memory.checkpoint([knowing(3, "here")])
        await minutes(1)
    assert shelf.present == [{"here"}] * 2
    assert (recalled(memory, "old"), recalled(memory, "young")) == (None, (1,))
    memory.close()


async def test_what_went_as_it_was_recalled_is_written_again() -> None:
    """
    It calls just as the store lets go of it: the next checkpoint has it, though it has not changed.
    """
    old = key_of(caller())

    class Late(Shelf):
        """
        A store that is asked for room while somebody calls.
        """

        def prune(self, present: Collection[Key], room: int) -> Collection[Key]:
            """
            Take a call first.
            """
            one.state = replace(one.state, kind=recalled(memory))
            return super().prune(present, room)

    shelf = Late({old: Learned("counting", '{"number":1}')}, old={old})
    memory = Memory(shelf, shelf.read(), KINDS)
    one = workload()
    await memory.checkpoint([])
    assert shelf.held == {}
    await memory.checkpoint([one])
    assert shelf.held == {old: Learned("counting", '{"number":1}')}
    memory.close()


async def test_a_store_that_cannot_be_pruned_is_used_all_the_same(caplog: pytest.LogCaptureFixture) -> None:
    """
    It is said, and what was learned is written.
    """
    shelf = Shelf(full=True)
    memory = Memory(shelf, None, KINDS)
    for number in range(3):
        await memory.checkpoint([knowing(number)])
    assert shelf.held == {key_of(caller()): Learned("counting", '{"number":2}')}
    assert [record.getMessage() for record in caplog.records] == [
        "what was learned of workloads that are no more stays: the shelf cannot be pruned"
    ]
    memory.close()


@pytest.mark.parametrize(
    ("learned", "said"),
    [
        pytest.param(Learned("counting", '{"number":"x"}'), "number: must be a number", id="wrong"),
        pytest.param(Learned("counting", "{"), "Expecting", id="no JSON"),
        pytest.param(Learned("counting", "[]"), "no attribute", id="no mapping"),
        pytest.param(Learned("another", '{"number":1}'), None, id="another kind's"),
    ],
)
def test_what_makes_no_sense_is_not_believed(
    learned: Learned, said: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    """
    It is said why, unless the policy has simply become another kind.
    """
    assert recalled(Memory(None, {key_of(caller()): learned}, KINDS)) is None
    assert (said is None) is (not caplog.text)
    assert said is None or said in caplog.text


async def test_a_store_that_cannot_be_used_stops_nobody(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """
    Nothing lasts, and that is said.
    """
    memory = await Memory.of(Store(tmp_path / "nowhere" / "state.sqlite"))
    await memory.checkpoint([knowing(1)])
    assert recalled(memory) is None
    assert "will not outlast a restart" in caplog.text


async def test_a_slow_store_holds_nobody_up() -> None:
    """
    While it writes, the loop goes on.
    """
    writing, done = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()

    class Slow(Shelf):
        """
        A shelf that takes its time.
        """

        def write(self, learned: Mapping[Key, Learned]) -> None:
            """
            Wait until the loop has done something.
            """
            loop.call_soon_threadsafe(writing.set)
            asyncio.run_coroutine_threadsafe(done.wait(), loop).result(10)
            super().write(learned)

    shelf = Slow()
    memory = Memory(shelf, None, KINDS)
    task = asyncio.create_task(memory.checkpoint([knowing(1)]))
    await writing.wait()
    assert shelf.writes == []
    done.set()
    await task
    assert shelf.writes == [{"agent"}]
    memory.close()


def test_a_trigger_is_known_by_what_is_ours() -> None:
    """
    Another address of the scaler is the same trigger; another queue is another one.
    """
    same = key_of(caller(scalerAddress="here:6000"))
    assert same == key_of(caller(scalerAddress="there:6000")) == key_of(caller())
    assert key_of(caller(queue="other")) != same
