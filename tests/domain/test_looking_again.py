"""
When a decision asks to be made again, though nothing may be read by then.
"""

from __future__ import annotations

from dataclasses import replace

from scaler.domain.decision import Phase, Reason, Verdict
from scaler.domain.policy import Holds
from scaler.domain.readings import Signal
from scaler.domain.target import TargetParams
from tests.domain.story import ALL_THREE, GPU, QUEUE, QUEUE_AND_GPU, Story

LASTING = {Signal.QUEUE: replace(QUEUE, freshness=9999), Signal.GPU: replace(GPU, freshness=9999)}
WATCHED = replace(QUEUE_AND_GPU, rules=LASTING)


def again(story: Story) -> float:
    """
    Return the seconds after which the last decision is to be made again.
    """
    assert story.decision is not None
    assert story.decision.recheck_at is not None
    return story.decision.recheck_at - story.now


def test_when_the_first_reading_goes_stale() -> None:
    """
    Quiet and idle, it need not be looked at any sooner.
    """
    story = Story(ALL_THREE).queue(0).requests(0).gpu().expect(Verdict.INACTIVE)
    assert again(story) == 30


def test_when_waking_may_last_no_longer() -> None:
    """
    Nobody has shown himself; by then he is taken to be there.
    """
    story = Story(WATCHED).queue(0).gpu().passes(5).queue(3).passes(100).expect(phase=Phase.WAKING)
    assert again(story) == 500


def test_when_loading_explains_a_missing_series_no_more() -> None:
    """
    A job was taken, so somebody is there; that his GPU has no series yet is believed for as long as he may load.
    """
    story = (
        Story(WATCHED).queue(0).gpu().passes(5).queue(3).passes(100).queue(2, 1).passes(0).expect(phase=Phase.ACTIVE)
    )
    story.passes(60)
    assert again(story) == 440


def test_when_the_idle_window_ends() -> None:
    """
    And when something less than before is left to come down from.
    """
    story = Story(WATCHED).queue(9, 1).gpu(50).passes(5).queue(0).gpu(0).passes(0).expect(reason=Reason.IDLE_WINDOW)
    assert again(story) == 60
    story.passes(70)
    assert again(story) == 50


def test_when_a_hold_reaches_its_bound() -> None:
    """
    Busy or, for a moment, not.
    """
    policy = replace(WATCHED, holds=Holds(gpu=100), params=TargetParams(idle_window=90, stabilization=0))
    story = Story(policy).queue(1, 1).gpu(50).passes(5).queue(0).passes(40).expect(reason=Reason.GPU_BUSY)
    assert again(story) == 60
    story.gpu(0).passes(5).expect(reason=Reason.IDLE_WINDOW)
    assert again(story) == 55


def test_when_nothing_is_kept_any_more() -> None:
    """
    The end of what is kept for an outage.
    """
    story = Story(QUEUE_AND_GPU).queue(1, 1).gpu(50).passes(5).down(Signal.QUEUE).passes(30)
    story.down(Signal.GPU).passes(40).expect(reason=Reason.HELD_UNKNOWN)
    assert again(story) == 120 - (story.now - 1035)
