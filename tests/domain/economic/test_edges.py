"""
The economic kind at its edges: differences between readings, unknown ones, restarts, and what may not be looked at.
"""

from __future__ import annotations

import json
import random
from dataclasses import replace

import pytest

from scaler.domain.decide import decide
from scaler.domain.decision import Phase, Reason
from scaler.domain.economic.account import Account
from scaler.domain.economic.kind import ECONOMIC
from scaler.domain.economic.params import EconomicParams
from scaler.domain.economic.state import EconomicState
from scaler.domain.observed import Observed, Replica
from scaler.domain.policy import Policy, SignalRule
from scaler.domain.readings import GpuUse, Known, Observation, PodUse, QueueDepth, RequestRate, Signal
from scaler.domain.state import NEVER_SEEN, State
from tests.domain.economic.world import POLICY, QUEUE, World


def test_a_day_of_jobs_is_learned_from() -> None:
    """Jobs of 30 s come every two minutes: cold start, service time and gaps are known, and a replica stays."""
    world = World()
    world.passes(0)
    for _ in range(60):
        world.job()
        decision = world.passes(100)
    assert world.kind.cold_start == pytest.approx(90)
    assert 25 <= (90 + world.kind.busy) / (3 + world.kind.finished) <= 40
    assert decision.reason is Reason.KEEP_ALIVE
    assert decision.phase is Phase.HOLDING
    assert "a job usually comes within" in decision.sentence
    assert decision.recheck_at is not None
    assert world.now < decision.recheck_at <= world.now + 5


def test_jobs_that_are_rare_are_not_waited_for() -> None:
    """Jobs come every three hours: the replica goes soon after its job, and is not kept for longer than the floor."""
    world = World()
    world.passes(0)
    for _ in range(30):
        world.job()
        world.rests(3 * 3600)
    world.job()
    assert world.passes(15).replicas == 1
    assert world.passes(60).replicas == 0


@pytest.mark.parametrize(
    ("before", "after", "ended", "came"),
    [
        ((0, 0), (2, 0), 0, 2),
        ((2, 0), (0, 2), 0, 0),
        ((0, 2), (0, 1), 1, 0),
        ((0, 2), (1, 1), 1, 1),
        ((3, 1), (2, 1), 1, 0),
        ((5, 2), (0, 0), 7, 0),
    ],
)
def test_jobs_are_seen_as_differences(before: tuple[int, int], after: tuple[int, int], ended: int, came: int) -> None:
    """Between two readings as few jobs came and ended as explain them, and the jobs there are those that were read."""
    world = World()
    world.queue(*before).passes(0)
    known = world.kind
    world.queue(*after).passes(5)
    assert world.kind.finished - known.finished == ended
    assert world.kind.forecast.arrived - known.forecast.arrived == came
    assert world.kind.jobs == sum(after)


def test_an_unknown_queue_changes_and_teaches_nothing() -> None:
    """The queue cannot be read for two minutes, and has other jobs then: the replicas stay, and nothing is booked."""
    world = World()
    world.queue(3, 1).passes(200)
    known, replicas = world.kind, world.state.replicas
    decision = world.down().passes(90)
    assert decision.replicas == replicas
    assert world.kind.finished == known.finished
    world.queue(0, 1).passes(5)
    assert world.kind.jobs == 1
    assert world.kind.finished == known.finished
    assert world.kind.wakes == ()
    assert world.kind.forecast.arrived == known.forecast.arrived


def test_a_blip_is_no_interruption() -> None:
    """One reading fails and the next is good: the difference between the good ones is booked as ever."""
    world = World()
    world.queue(0, 2).passes(200)
    finished = world.kind.finished
    world.down().passes(5)
    world.queue(0, 1).passes(5)
    assert world.kind.finished == finished + 1


def test_a_job_that_disagrees_for_long_is_believed() -> None:
    """The queue has two jobs more than came: two readings are doubted, the third is believed."""
    account = Account(EconomicParams(), EconomicState(open=True), 4)
    for turn in range(3):
        account.pass_time(float(turn), 1)
        account.answer(1, 1, 1)
        assert account.jobs == (2 if turn == 2 else 0)


def test_what_was_learned_survives_a_restart() -> None:
    """Written as JSON and read again: the same cold start, service time, forecast and gaps, and nothing is open."""
    world = World()
    world.passes(0)
    for _ in range(40):
        world.job()
        world.passes(200)
    world.queue(2, 1).passes(30)
    data = json.loads(json.dumps(ECONOMIC.save(world.kind), allow_nan=False))
    restored = ECONOMIC.restore(data)
    again = World()
    again.pods, again.names, again.now = list(world.pods), list(world.names), world.now + 20
    again.state = State(kind=restored)
    again.queue(2, 1).passes(0)
    assert again.kind.cold_start == world.kind.cold_start
    assert again.kind.finished == world.kind.finished
    assert [level.gaps for level in again.kind.levels] == [level.gaps for level in world.kind.levels]
    assert again.kind.forecast.sums == world.kind.forecast.sums
    assert again.kind.jobs == 3
    assert again.kind.wakes == ()
    again.queue(0, 0).passes(15)
    assert again.state.replicas >= 1, "what there is is kept after a restart as after a job"


def test_a_restart_does_not_take_a_pause_for_a_gap() -> None:
    """Nothing is known of the time between: the first level that goes off and on again after it is the first booked."""
    world = World()
    world.state = State(kind=ECONOMIC.restore({**ECONOMIC.save(EconomicState())}))
    world.queue(0, 2).passes(100)
    world.queue(0, 0).passes(5)
    assert all(level.gaps.count == 0 for level in world.kind.levels)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"coldStart": 0}, "coldStart: must be at least 1 s"),
        ({"coldStart": "soon"}, "coldStart: must be a finite number"),
        ({"busy": float("inf")}, "busy: must be a finite number"),
        ({"busy": True}, "busy: must be a finite number"),
        ({"finished": -1}, "finished: must be a finite number"),
        ({"starts": None}, "starts: must be a finite number"),
        ({"forecast": []}, "forecast: must be a mapping"),
        ({"forecast": {"sums": [1], "counts": [1]}}, "a forecast needs 24 sums"),
        ({"forecast": {"sums": 1, "counts": []}}, "sums: must be a list"),
        ({"levels": {}}, "levels: must be a list"),
        ({"levels": [3]}, "levels: each must be a mapping"),
        ({"levels": [{"share": 2, "waited": 0, "absences": 0}]}, "share: must be at most 1"),
        (
            {"levels": [{"share": 1, "waited": 0, "absences": 0, "counts": [1], "costs": [1], "cost": 1, "count": 1}]},
            "gap",
        ),
    ],
)
def test_what_was_not_saved_is_not_restored(change: dict[str, object], message: str) -> None:
    """Data of another form are refused, and the message says where they are wrong."""
    with pytest.raises(ValueError, match=message):
        ECONOMIC.restore({**ECONOMIC.save(EconomicState(starts=1)), **change})


def test_nothing_saved_is_nothing_restored() -> None:
    """What another kind remembered is nothing to this one, and what it saves of that restores to a new beginning."""
    assert ECONOMIC.restore(ECONOMIC.save(None)) == EconomicState()


def test_the_floor_bounds_what_a_gap_can_cost() -> None:
    """Only long gaps were ever seen: without a floor nothing is kept, with one a tenth of what a wake-up costs."""
    kept = {}
    for floor in (0.0, 0.1):
        world = World(replace(POLICY, params=EconomicParams(floor=floor)))
        world.passes(0)
        for _ in range(30):
            world.job()
            world.rests(3 * 3600)
        kept[floor] = world.kind.levels[0].keep
    assert kept[0.0] < 5
    assert 10 <= kept[0.1] <= 40


def test_another_price_is_heard_at_once() -> None:
    """The price rises tenfold: how long replicas are kept is worked out anew, not at the next gap."""
    world = World()
    world.passes(0)
    for _ in range(20):
        world.job()
        world.rests(900)
    cheap = world.kind.levels[0].keep
    world.policy = replace(POLICY, params=EconomicParams(price=10.0))
    world.passes(0)
    assert world.kind.levels[0].keep > cheap


def test_more_replicas_than_the_maximum_are_no_trouble() -> None:
    """Somebody has set ten where four are the most: four are wanted; and a smaller maximum forgets higher levels."""
    seen = {Signal.QUEUE: Observation(Known(QueueDepth(30, 10), 100.0))}
    ten = tuple(Replica(f"agent-{index}", 0.0, 50.0) for index in range(10))
    decision, state = decide(POLICY, seen, NEVER_SEEN, 100.0, Observed(10, ten))
    assert decision.replicas == 4
    decision, state = decide(replace(POLICY, maximum=2), seen, state, 101.0, Observed(10, ten))
    assert decision.replicas == 2
    assert isinstance(state.kind, EconomicState)
    assert len(state.kind.levels) == 2


def test_what_stands_above_goes_on_standing() -> None:
    """A busy GPU holds replicas that the price would let go, and once that bound is reached the reason says so."""
    rules = {Signal.QUEUE: QUEUE, Signal.GPU: SignalRule(80, 10, 10, at_workload=True)}
    world = World(Policy(rules=rules, params=EconomicParams(price=0.01), maximum=4))
    world.values[Signal.GPU] = GpuUse((PodUse("agent-0", 0.0),))
    world.passes(0)
    world.queue(1, 0).passes(5)
    world.queue(0, 1).passes(100)
    world.values[Signal.GPU] = GpuUse((PodUse("agent-0", 90.0),))
    assert world.queue(0, 0).passes(600).reason is Reason.GPU_BUSY
    assert world.passes(1300).reason is Reason.GPU_HOLD_EXPIRED


def test_requests_that_stand_beside_a_queue_keep_what_there_is() -> None:
    """The queue is unknown and optional, and requests come: what there is stays, and what they want is given."""
    rules = {Signal.QUEUE: replace(QUEUE, freshness=10.0), Signal.REQUESTS: SignalRule(target=2)}
    policy = Policy(rules=rules, params=EconomicParams(), maximum=6)
    world = World(policy)
    world.values[Signal.REQUESTS] = RequestRate(9.0)
    world.passes(10)
    decision = world.down().passes(100)
    assert decision.replicas >= 5
    assert "while the queue is not known" in decision.sentence


def test_memory_is_bounded() -> None:
    """Weeks of jobs at random leave no more behind than a few of them."""
    draws = random.Random(1)  # noqa: S311 - the same each time, not secret
    world = World()
    sizes = []
    for _ in range(1000):
        world.queue(draws.randint(0, 5), draws.randint(0, 4)).now += draws.choice((5.0, 60.0, 4000.0))
        world.decide()
        kind = world.kind
        sizes.append(len(kind.forecast.recent) + len(kind.forecast.pending) + len(kind.wakes) + len(kind.levels))
    assert max(sizes) <= 13 + 25 + 8 + POLICY.maximum
