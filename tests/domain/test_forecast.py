"""
The forecast: what becomes of a workload by itself, found by deciding ahead.
"""

from __future__ import annotations

import pytest

from scaler.domain.decision import Phase, Verdict
from scaler.domain.forecast import Forecast, forecast
from scaler.domain.policy import Policy
from scaler.domain.readings import Signal
from tests.domain.story import ALL_THREE, QUEUE_AND_GPU, QUEUE_ONLY, Story


def ahead(story: Story) -> Forecast | None:
    """
    Return what comes next in a story.
    """
    return forecast(story.policy, story._seen, story.state, story.now)


def at_work(policy: Policy = QUEUE_AND_GPU) -> Story:
    """
    Return a workload with two replicas at work.
    """
    story = Story(policy).queue(0).requests(0).gpu()
    story.passes(10)
    story.queue(2, 4).gpu(90, 90)
    story.passes(60)
    return story


def test_an_idle_workload_stays_so() -> None:
    """Nothing happens by itself."""
    story = Story(QUEUE_ONLY).queue(0)
    story.passes(10)
    assert ahead(story) is None


def test_demand_lasts_as_long_as_it_is_there() -> None:
    """Nothing happens by itself while jobs wait and GPUs compute."""
    assert ahead(at_work()) is None


@pytest.mark.parametrize("policy", [QUEUE_ONLY, QUEUE_AND_GPU, ALL_THREE])
def test_a_quiet_workload_goes_idle_exactly_when_it_was_told(policy: Policy) -> None:
    """
    What was told half-way through the idle window comes true to within a sample, and not before.
    """
    story = at_work(policy)
    story.queue(0, 0).gpu(0, 0)
    story.passes(100)
    told = ahead(story)
    assert told is not None
    assert (told.decision.phase, told.decision.replicas) == (Phase.IDLE, 0)
    assert told.sentence(story.now).startswith("goes idle in ")
    story.passes(told.at - story.now - 5)
    story.expect(phase=Phase.HOLDING)
    story.passes(10)
    story.expect(phase=Phase.IDLE)


def test_a_busy_gpu_holds_until_its_bound() -> None:
    """Half an hour after demand went, not after one sample's freshness."""
    story = at_work()
    story.queue(0, 0).gpu(60, 0)
    story.passes(60)
    told = ahead(story)
    assert told is not None
    assert told.decision.phase is Phase.IDLE
    assert told.at - story.now == pytest.approx(1800 - 60, abs=10)


def test_fewer_replicas_are_told() -> None:
    """Once the most that was wanted leaves the stabilisation window of a minute."""
    story = at_work(QUEUE_ONLY)
    story.queue(0, 1)
    story.passes(20)
    told = ahead(story)
    assert told is not None
    assert told.sentence(story.now).startswith("wants 1 replica in 4")


def test_an_outage_ends_in_no_answer() -> None:
    """What is unknown stays unknown: the hold is bounded."""
    story = at_work(QUEUE_ONLY)
    story.unread(Signal.QUEUE)
    story.passes(60)
    told = ahead(story)
    assert told is not None
    assert told.decision.verdict is Verdict.UNKNOWN
    assert told.sentence(story.now).startswith("its answer becomes an error in ")
