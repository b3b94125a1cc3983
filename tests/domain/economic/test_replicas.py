"""
The economic kind and its replicas: those that are seen, those that nobody may look at, what is not seen of them yet.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from scaler.domain.decide import decide
from scaler.domain.decision import Phase, Reason
from scaler.domain.economic.account import Account
from scaler.domain.economic.params import EconomicParams
from scaler.domain.economic.state import EconomicState
from scaler.domain.observed import Observed, Replica
from scaler.domain.policy import Policy, SignalRule
from scaler.domain.readings import GpuUse, Known, Observation, PodUse, QueueDepth, Signal
from scaler.domain.state import NEVER_SEEN
from tests.domain.economic.world import POLICY, QUEUE, World


def test_replicas_that_nobody_may_look_at_follow_the_answers() -> None:
    """They are as many as were last answered, and each is ready a cold start (60 s, never learned) after its answer."""
    world = World(watched=False)
    world.passes(5)
    world.queue(1).passes(55)
    assert world.kind.ready == 0
    world.passes(10)
    assert world.kind.ready == 1
    assert world.kind.cold_start == 60


def test_pods_teach_once_and_only_what_was_seen() -> None:
    """A pod that is older than the scaler, and one that is ready again after a pause, say nothing about cold starts."""
    seen = {Signal.QUEUE: Observation(Known(QueueDepth(0, 1), 100.0))}
    state = NEVER_SEEN

    def watched(now: float, *replicas: Replica) -> EconomicState:
        nonlocal state
        _, state = decide(POLICY, seen, state, now, Observed(len(replicas), replicas))
        assert isinstance(state.kind, EconomicState)
        return state.kind

    old = Replica("old", 20.0, 95.0)
    assert watched(100.0, old).starts == 0
    assert watched(101.0, old, Replica("new", 101.0)).starts == 0
    learned = watched(125.0, old, Replica("new", 101.0, 121.0))
    assert (learned.starts, learned.cold_start) == (1, 20.0)
    assert watched(126.0, old, Replica("new", 101.0)).starts == 1
    assert watched(127.0, old, Replica("new", 101.0, 126.5)).starts == 1
    assert watched(128.0).fleet.counted == ()


def test_kedas_cooldown_is_taken_off() -> None:
    """KEDA waits for 60 s after the last word: that is said 60 s earlier, and other levels are kept as ever."""
    account = Account(EconomicParams(cooldown=60.0), EconomicState(open=True), 2)
    account.pass_time(0.0, 0)
    account.arrive(2)
    account.arrive(2)
    account.pass_time(30.0, 2)
    account.finish()
    account.finish()
    first, second = account.level(1).keep, account.level(2).keep
    assert account.kept_until(1) == 30.0 + max(0.0, first - 60)
    assert account.kept_until(2) == 30.0 + second


@pytest.mark.parametrize(("said", "taken_off"), [(None, 10), (0.0, 0), (5.0, 5)])
def test_the_cooldown_is_the_scaled_objects_where_nobody_says_one(said: float | None, taken_off: float) -> None:
    """What is seen of the ScaledObject counts; a policy that says otherwise is believed."""

    def kept(said: float | None, cooldown: float) -> float:
        world = World(replace(POLICY, params=EconomicParams(floor=0.5, cooldown=said)), cooldown=cooldown)
        world.passes(0)
        world.job()
        done = world.now
        while world.passes(5).replicas:
            pass
        return world.now - done

    assert kept(0.0, 10) - kept(said, 10) == taken_off
    assert kept(None, 0) == kept(0.0, 10) > 10


def test_whoever_has_a_job_in_hand_is_there() -> None:
    """After a restart three jobs are in flight, and nobody may look at pods: none is given up, then or later."""
    world = World(watched=False)
    assert world.queue(0, 3).passes(0).replicas == 3
    assert world.passes(300).replicas == 3
    assert world.queue(0, 1).passes(600).replicas == 1
    assert world.queue(0, 3).passes(5).replicas == 3
    assert world.queue(0, 9).passes(5).replicas == POLICY.maximum


def test_a_pod_that_was_not_looked_at_for_a_while_teaches_nothing() -> None:
    """Nobody looks for a while, and a pod of long ago was unready meanwhile: that is no start of hours."""
    world = World(cold_start=60.0)
    world.passes(0)
    world.queue(1).passes(65)
    world.queue(0, 1).passes(4 * 3600)
    assert (world.kind.starts, world.kind.cold_start) == (1, 60)
    world.watched = False
    world.passes(30)
    world.watched, world.cold_start = True, world.now - world.pods[0]
    world.passes(30)
    assert (world.kind.starts, world.kind.cold_start) == (1, 60)


def test_those_that_were_seen_until_now_are_as_they_were() -> None:
    """One of two is ready when nobody may look any more: it stays so, and the other one is ready a cold start later."""
    world = World(cold_start=60.0)
    world.passes(0)
    world.queue(1).passes(65)
    world.queue(8, 1).passes(5)
    assert len(world.pods) > 1
    world.watched = False
    world.passes(5)
    assert world.kind.ready == 1
    world.passes(60)
    assert world.kind.ready > 1


@pytest.mark.parametrize("cooldown", [0.0, 300.0])
def test_a_gpu_is_looked_at_once_more_after_the_last_job(cooldown: float) -> None:
    """It was idle when it was last read, before the job's end: the replica stays, and is held once it is read again."""
    gpu = SignalRule(80, 10, 10, freshness=60, at_workload=True)
    world = World(
        Policy(rules={Signal.QUEUE: QUEUE, Signal.GPU: gpu}, params=EconomicParams(floor=0.0)), cooldown=cooldown
    )
    busy, idle = (GpuUse((PodUse("agent-0", percent),)) for percent in (95.0, 0.0))
    world.passes(0)
    world.values[Signal.GPU] = idle
    world.queue(1).passes(95)
    world.queue(0, 1).passes(60)
    late = world.seen[Signal.GPU]
    del world.values[Signal.GPU]
    world.now += 5
    decision = world.queue(0).passes(0)
    assert world.seen[Signal.GPU] is late
    assert decision.replicas == 1
    world.values[Signal.GPU] = busy
    held = world.passes(60)
    assert (held.phase, held.reason) == (Phase.HOLDING, Reason.GPU_BUSY)
    world.values[Signal.GPU] = idle
    assert world.passes(1200).replicas == 0


def test_after_a_restart_the_cooldown_is_not_taken_off() -> None:
    """KEDA's may have run out meanwhile: the replica is kept for as long as it is worth, from the restart on."""
    account = Account(EconomicParams(cooldown=300.0), EconomicState(), 1)
    account.resume(0, 1, 100.0)
    assert account.kept_until(1) == 100.0 + account.level(1).keep > 100.0


@pytest.mark.parametrize("jobs", [2, 9, 50, 5000])
def test_many_jobs_at_once_are_so_many_single_ones(jobs: int) -> None:
    """They come in one reading, and end in another: what is known afterwards is the same, and takes no longer."""

    def after(portions: list[int]) -> EconomicState:
        account = Account(EconomicParams(), EconomicState(open=True), 8)
        account.pass_time(0.0, 0)
        account.arrive(0)
        account.pass_time(30.0, 1)
        account.finish()
        account.pass_time(500.0, 1)
        for portion in portions:
            account.arrive(1, portion)
        account.pass_time(520.0, 1)
        for portion in portions:
            account.arrive(1, portion)
        account.pass_time(3000.0, 8)
        for portion in portions:
            account.finish(2 * portion)
        return account.state((0, 0), 3000.0, EconomicState().fleet)

    one_by_one, at_once = after([1] * jobs), after([jobs])
    assert at_once.finished == one_by_one.finished
    assert at_once.busy == pytest.approx(one_by_one.busy)
    assert at_once.forecast == one_by_one.forecast
    for level, other in zip(at_once.levels, one_by_one.levels, strict=True):
        assert level.keep == pytest.approx(other.keep)
        assert level.gaps.cost == pytest.approx(other.gaps.cost)
        assert replace(level, keep=0, gaps=other.gaps, waited=0) == replace(other, keep=0, waited=0)
