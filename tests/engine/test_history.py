"""
The history of workloads: what is kept, for how long, and what it costs.
"""

from __future__ import annotations

import asyncio
import itertools
import tracemalloc
from random import Random

import pytest

from scaler.domain.decision import Decision, Phase, Reason, Verdict, Want
from scaler.domain.readings import Absent, GpuUse, Known, PodUse, QueueDepth, RequestRate, Signal, Unknown
from scaler.engine.history import Archive, History
from scaler.engine.showing import Showing
from scaler.engine.views import ConfigurationView, Sample
from tests.engine.installation import Installation, caller, installed, minutes

HOUR = 3600.0


def decision(at: float, waiting: int = 0, replicas: int = 1, *wants: Want, sentence: str = "so it is") -> Decision:
    """
    Return a decision of an active workload with so many jobs.
    """
    queue = Want(Signal.QUEUE, Known(QueueDepth(waiting), at), 3.0, 1.0)
    everything = (queue, *wants)
    return Decision(Verdict.ACTIVE, replicas, Phase.ACTIVE, Reason.DEMAND, sentence, everything, at, at, None)


def told(archive: Archive, *decisions: Decision) -> History:
    """
    Return the history of a workload about which this was decided, each time with another outcome.
    """
    history: History | None = None
    for before, after in itertools.pairwise(decisions):
        history = archive.note(history, before, after, changed=True)
    assert history is not None
    return history


def value_at(samples: tuple[Sample, ...], at: float) -> float | None:
    """
    Return the jobs that a history shows for a time.
    """
    return [sample for sample in samples if sample.at <= at][-1].values.get(Signal.QUEUE)


def test_it_begins_with_what_held_before_the_first_change() -> None:
    """Both decisions are told, each with all that people read of it."""
    changes = told(Archive(), decision(5, 3, sentence="first"), decision(9, 0, 2, sentence="second — ü")).changes()
    assert [(c.at, c.replicas, c.sentence) for c in changes] == [(5, 1, "first"), (9, 2, "second — ü")]
    assert (changes[0].verdict, changes[0].phase, changes[0].reason) == (Verdict.ACTIVE, Phase.ACTIVE, Reason.DEMAND)


def test_unknown_absent_and_known_are_told_apart() -> None:
    """No series is nothing used; unknown is no number."""
    gpu = Want(Signal.GPU, Absent(2.0), 80.0, 0.0)
    rate = Want(Signal.REQUESTS, Unknown("down", 2.0), 5.0, None)
    sample = told(Archive(), decision(1), decision(2, 7, 1, rate, gpu)).samples()[-1]
    assert sample.values == {Signal.QUEUE: 7.0, Signal.GPU: 0.0}
    assert sample.unknown == {Signal.REQUESTS}


def test_gpus_are_added_up() -> None:
    """Two pods at 95 and 85 per cent."""
    use = Want(Signal.GPU, Known(GpuUse((PodUse("a", 95.0), PodUse("b", 85.0))), 2.0), 80.0, 2.25)
    assert told(Archive(), decision(1), decision(2, 7, 1, use)).samples()[-1].values[Signal.GPU] == 180.0


def test_of_each_second_the_most_is_kept_and_then_what_followed() -> None:
    """A burst of half a second is seen; that it was over is seen too, even if nothing is heard afterwards."""
    history = told(Archive(), decision(10.0), decision(20.1, 9), decision(20.6, 0))
    assert value_at(history.samples(), 20.9) == 9
    assert value_at(history.samples(), 21.0) == 0


def test_nothing_is_told_of_the_time_before_the_first_reading() -> None:
    """Though the half minute that it fell in had begun, and more came later in it."""
    samples = told(Archive(), decision(100.0, 0), decision(105.0, 12)).samples()
    assert [(sample.at, sample.values[Signal.QUEUE]) for sample in samples] == [(100, 0), (105, 12)]


def test_what_stays_the_same_costs_nothing() -> None:
    """An hour of the same readings is one sample."""
    archive = Archive()
    first = decision(0, 4)
    history = archive.note(None, first, first, changed=False)
    for at in range(5, 3600, 5):
        history = archive.note(history, first, decision(at, 4), changed=False)
    assert history is not None
    assert len(history.samples()) == 1


def test_hours_ago_are_kept_in_coarser_steps_and_then_forgotten() -> None:
    """
    Seven hours of a queue that goes up and down: the last minutes by the second, six hours by the half minute, no more.
    """
    archive, rng = Archive(), Random(3)  # noqa: S311 - any numbers will do
    truth = [(at, rng.randrange(50)) for at in range(0, 7 * 3600, 5)]
    decisions = [decision(at, waiting) for at, waiting in truth]
    history = told(archive, *decisions)
    samples = history.samples()
    for at, waiting in truth[-120:]:
        assert value_at(samples, at) == waiting
    for at, _ in truth[-4000:-400:100]:
        step = at // 30 * 30
        assert value_at(samples, at) == max(waiting for then, waiting in truth if step <= then < step + 30)
    assert 6 * HOUR - 5 * 60 < decisions[-1].at - samples[0].at < 7 * HOUR
    assert decisions[-1].at - history.changes()[0].at <= 6 * HOUR


@pytest.mark.parametrize("share", [1, 4])
def test_the_longest_history_costs_less_than_stated(share: int) -> None:
    """
    Less than 48 KB with long sentences, three signals, and something new each time; less where many share the budget.
    """
    archive, rng = Archive(budget=48 * 1024 // share), Random(5)  # noqa: S311 - any numbers will do
    rate = Want(Signal.REQUESTS, Known(RequestRate(1.0), 0.0), 5.0, None)
    before = decision(0.0)
    history = archive.note(None, before, before, changed=True)
    tracemalloc.start()
    try:
        for turn in range(1, 12_000):
            after = decision(turn * 5.0, rng.randrange(99), turn % 9, rate, sentence=f"{turn} " + "words " * 25)
            history = archive.note(history, before, after, changed=turn % 2 == 0)
        # What others do meanwhile, in threads of pytest's own, is not its cost.
        ours = (tracemalloc.Filter(True, "*/scaler/*"), tracemalloc.Filter(True, __file__))
        cost = sum(trace.size for trace in tracemalloc.take_snapshot().filter_traces(ours).traces)
    finally:
        tracemalloc.stop()
    assert history is not None
    assert len(history.samples()) > 800 / share / 1.2
    assert 1024 < cost < 48 * 1024 / share + 2048


def test_a_history_of_no_length_is_none() -> None:
    """Whatever happens."""
    archive = Archive(seconds=0.0)
    assert archive.note(None, decision(1), decision(2, 3), changed=True) is None
    assert len(archive) == 0


@pytest.mark.looptime
async def test_who_sleeps_has_no_history() -> None:
    """A hundred sleepers cost nothing for hours; the one that wakes is remembered, until it is forgotten."""
    async with installed() as it:
        for number in range(100):
            it.queue(0, key=f"q{number}")
            await it.engine.decision(caller(f"agent-{number}", queue=f"q{number}"))
        await minutes(2)
        assert len(it.engine.archive) == 0
        it.queue(3, key="q7")
        await asyncio.sleep(1)
        assert len(it.engine.archive) == 1
        await minutes(30)
        assert (len(it.engine.roster), len(it.engine.archive)) == (0, 0)


@pytest.mark.looptime
async def test_who_is_not_known_at_first_and_then_sleeps_has_no_history() -> None:
    """As thousands may be for a moment when they are all seen at once; an outage later is remembered."""
    async with installed() as it:
        it.sources["jobs"].stop()
        it.engine.accept(caller())
        await asyncio.sleep(5)
        it.sources["jobs"].start()
        await asyncio.sleep(20)
        assert (await past(it))[0] == ["idle: quiet"]
        assert len(it.engine.archive) == 0
        it.sources["jobs"].stop()
        await minutes(1)
        await asyncio.sleep(1)
        it.engine.accept(caller())
        assert (await past(it))[0] == ["idle: quiet", "idle: unknown"]


async def past(it: Installation) -> tuple[list[str], float]:
    """
    Return the phases and reasons that a workload went through, and since when it is known.
    """
    showing = Showing(it.engine, ConfigurationView(loaded_at=0.0, generation=1))
    (shown,) = showing.histories("ai", "agent")
    said = [f"{change.phase and change.phase.value}: {change.reason.value}" for change in shown.changes]
    return said, shown.since


@pytest.mark.looptime
async def test_a_workload_that_never_changed_has_its_one_decision_for_a_history() -> None:
    """And before anything was decided: nothing, since it was first seen."""
    async with installed() as it:
        await asyncio.sleep(7)
        it.engine.accept(caller())
        begun = asyncio.get_running_loop().time()
        assert await past(it) == ([], begun)
        await it.engine.decision(caller())
        said, since = await past(it)
        assert said == ["idle: quiet"]
        assert since - begun < 2


@pytest.mark.looptime
async def test_an_outage_in_the_middle_of_work_is_remembered() -> None:
    """Idle, woken, its queue unknown, held, back at work; and which signal was unknown when."""
    async with installed() as it:
        await it.engine.decision(caller())
        it.queue(3, 0)
        await asyncio.sleep(5)
        it.queue(3, 1)
        await asyncio.sleep(11)
        it.sources["jobs"].stop()
        await asyncio.sleep(60)
        it.sources["jobs"].start()
        await asyncio.sleep(20)
        said, _ = await past(it)
        showing = Showing(it.engine, ConfigurationView(loaded_at=0.0, generation=1))
        (shown,) = showing.histories("ai", "agent")
    assert said[0] == "idle: quiet"
    assert "holding: held-unknown" in said
    assert said.index("waking: demand") < said.index("holding: held-unknown") < len(said) - 1
    assert {Signal.QUEUE} in [sample.unknown for sample in shown.samples]
    assert shown.samples[-1].unknown == frozenset()
