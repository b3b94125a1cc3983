"""
A policy that changes in the middle of a workload's life.
"""

from __future__ import annotations

from dataclasses import replace

from scaler.domain.decision import Phase, Reason, Verdict
from scaler.domain.policy import Holds
from scaler.domain.readings import Signal
from scaler.domain.target import TargetParams
from tests.domain.story import ALL_THREE, GPU, QUEUE, QUEUE_AND_GPU, QUEUE_ONLY, Story


def test_a_longer_loading_budget_does_not_wake_again() -> None:
    """
    What was taken to be loaded stays so, whatever the budget becomes afterwards.
    """
    story = Story(replace(QUEUE_ONLY, holds=Holds(loading=60))).queue(0, None).passes(5).queue(3, None).passes(100)
    story.expect(Verdict.ACTIVE, phase=Phase.ACTIVE)
    story.change(holds=Holds(loading=600)).passes(5).expect(Verdict.ACTIVE, phase=Phase.ACTIVE)


def test_a_lower_maximum_takes_effect_at_once() -> None:
    """
    In an outage too: what is kept is kept within the bounds of now.
    """
    story = Story(QUEUE_ONLY).queue(20, 1).passes(5).expect(replicas=7)
    story.down(Signal.QUEUE).passes(31).expect(replicas=7, reason=Reason.HELD_UNKNOWN)
    story.change(maximum=4).passes(5).expect(replicas=4, reason=Reason.HELD_UNKNOWN)


def test_a_minimum_that_goes_lets_go_after_the_idle_window() -> None:
    """
    The windows have run meanwhile.
    """
    story = Story(replace(QUEUE_ONLY, minimum=2)).queue(1, 1).passes(5).queue(0, 0).passes(600)
    story.expect(reason=Reason.MINIMUM).change(minimum=0).passes(5).expect(Verdict.INACTIVE, reason=Reason.QUIET)


def test_a_gpu_that_is_watched_from_now_on_may_hold() -> None:
    """
    A signal that was never read is unknown until it is; then it counts.
    """
    story = Story(QUEUE_ONLY).queue(3, 1).passes(5).queue(0, 0).passes(60).expect(reason=Reason.IDLE_WINDOW)
    story.change(rules=QUEUE_AND_GPU.rules).passes(5).expect(Verdict.ACTIVE, reason=Reason.HELD_UNKNOWN)
    story.gpu(70).passes(600).expect(Verdict.ACTIVE, reason=Reason.GPU_BUSY)


def test_a_gpu_that_is_watched_no_more_holds_no_more() -> None:
    """
    Its bound is not said to be reached, either.
    """
    story = Story(QUEUE_AND_GPU).queue(3, 1).gpu(70).passes(5).queue(0, 0).passes(1795).expect(reason=Reason.GPU_BUSY)
    story.change(rules={Signal.QUEUE: QUEUE}).passes(60).expect(Verdict.ACTIVE, reason=Reason.IDLE_WINDOW)
    story.passes(130).expect(Verdict.INACTIVE, reason=Reason.QUIET)


def test_a_shorter_idle_window_counts_from_the_same_quiet() -> None:
    """
    Quiet for 100 s of 120; the window becomes 50: that has passed already.
    """
    story = Story(QUEUE_ONLY).queue(3, 1).passes(5).queue(0, 0).passes(100).expect(Verdict.ACTIVE)
    story.change(params=TargetParams(idle_window=50)).passes(0).expect(Verdict.INACTIVE)


def test_the_memory_of_another_kind_means_nothing() -> None:
    """
    A policy may become one of another kind; whatever that one remembered, this one begins anew.
    """
    story = Story(QUEUE_ONLY).queue(3, 1).passes(5).queue(0, 0).passes(100)
    story.state = replace(story.state, kind="another kind's memory")
    story.passes(100).expect(Verdict.ACTIVE, reason=Reason.IDLE_WINDOW).passes(30).expect(Verdict.INACTIVE)
    story.state = replace(story.state, kind="another kind's memory")
    story.down(Signal.QUEUE).passes(60).expect(Verdict.UNKNOWN)


def test_a_signal_less_leaves_the_others() -> None:
    """
    What is no longer watched is not waited for.
    """
    story = Story(ALL_THREE).queue(3, 1).requests(0).gpu(50).passes(5)
    story.down(Signal.REQUESTS).queue(0).gpu(0).passes(60).expect(reason=Reason.HELD_UNKNOWN)
    story.change(rules={Signal.QUEUE: QUEUE, Signal.GPU: GPU}).passes(5).expect(reason=Reason.IDLE_WINDOW)
