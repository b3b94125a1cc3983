"""
A restart of the scaler, or a ScaledObject never seen: nobody is woken by it, and nobody is stopped.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from scaler.domain.decision import Phase, Reason, Verdict
from scaler.domain.policy import Missing
from scaler.domain.readings import Signal
from tests.domain.story import ALL_THREE, GPU, QUEUE, QUEUE_AND_GPU, QUEUE_ONLY, REQUESTS, Story


def test_quiet_and_nothing_up_is_idle_at_once() -> None:
    """
    A restart at zero: false on the first full set of readings.
    """
    Story(ALL_THREE).queue(0).requests(0).gpu().expect(Verdict.INACTIVE, phase=Phase.IDLE)


def test_quiet_but_up_waits_for_the_window() -> None:
    """
    GPU readings show replicas: as many as there are stay, until quiet is known to have lasted.
    """
    story = Story(ALL_THREE).queue(0).requests(0).gpu(0, 0)
    story.expect(Verdict.ACTIVE, phase=Phase.HOLDING, replicas=2, reason=Reason.IDLE_WINDOW)
    story.passes(130).expect(Verdict.INACTIVE)


def test_nothing_is_said_before_everything_is_known() -> None:
    """
    A missing reading at first sight is unknown, of an optional signal too: something may be up.
    """
    rules = {Signal.QUEUE: QUEUE, Signal.GPU: replace(GPU, missing=Missing.OPTIONAL)}
    story = Story(replace(QUEUE_AND_GPU, rules=rules)).queue(0).down(Signal.GPU).expect(Verdict.UNKNOWN)
    story.gpu().passes(5).expect(Verdict.INACTIVE)


def test_a_restart_at_work_goes_on_as_before() -> None:
    """
    Restarted with jobs in flight: active with what they want, and not fewer than were seen at first.
    """
    story = Story(ALL_THREE).queue(0, 2).requests(0).gpu(90, 90, 60)
    story.expect(Verdict.ACTIVE, phase=Phase.ACTIVE, replicas=3).passes(70).expect(replicas=3)


@pytest.mark.parametrize(
    ("in_flight", "per_second"),
    [pytest.param(2, 0, id="jobs in flight"), pytest.param(0, 1, id="requests served")],
)
def test_work_below_the_activation_threshold_shows_that_it_is_up(in_flight: int, per_second: float) -> None:
    """
    Too little to wake it, but somebody is at it: from its first moment on it counts as awake.
    """
    rules = {Signal.QUEUE: replace(QUEUE, on=5), Signal.REQUESTS: replace(REQUESTS, on=5)}
    story = Story(replace(ALL_THREE, rules=rules)).queue(0, in_flight).requests(per_second)
    story.expect(Verdict.ACTIVE, phase=Phase.HOLDING, replicas=1, reason=Reason.IDLE_WINDOW)
    story.passes(5).expect(Verdict.ACTIVE, phase=Phase.ACTIVE, reason=Reason.DEMAND)


def test_jobs_in_flight_need_no_waking() -> None:
    """
    Somebody took them; where nobody did, somebody has to be woken.
    """
    Story(QUEUE_ONLY).queue(2, 1).expect(Verdict.ACTIVE, phase=Phase.ACTIVE)
    Story(QUEUE_ONLY).queue(2, 0).expect(Verdict.ACTIVE, phase=Phase.WAKING)


def test_a_slow_gpu_does_not_make_five_replicas_one() -> None:
    """
    The queue alone wants one; nothing is said before the GPUs are read too, and then it is the truth.
    """
    story = Story(QUEUE_AND_GPU).queue(1, 1).passes(3).expect(Verdict.UNKNOWN, reason=Reason.UNKNOWN)
    story.gpu(80, 80, 80, 80, 80).passes(1).expect(Verdict.ACTIVE, replicas=5)


def test_demand_waits_for_what_is_unknown_no_longer_than_a_hold() -> None:
    """
    Prometheus stays down: after two minutes jobs are worth more than knowing what else runs.
    """
    story = Story(QUEUE_AND_GPU).queue(4).down(Signal.GPU).passes(119).expect(Verdict.UNKNOWN)
    story.passes(1).expect(Verdict.ACTIVE, phase=Phase.WAKING, replicas=2, reason=Reason.DEMAND)


def test_the_end_of_that_wait_is_a_time_to_look_again() -> None:
    """
    Whether or not anything is read then.
    """
    rules = {Signal.QUEUE: replace(QUEUE, freshness=600), Signal.GPU: GPU}
    story = Story(replace(QUEUE_AND_GPU, rules=rules)).queue(4).expect(Verdict.UNKNOWN)
    assert story.decision is not None
    assert story.decision.recheck_at == story.now + 120


def test_demand_does_not_wait_for_what_is_optional() -> None:
    """
    That is what the operator said.
    """
    rules = {Signal.QUEUE: QUEUE, Signal.GPU: replace(GPU, missing=Missing.OPTIONAL)}
    story = Story(replace(QUEUE_AND_GPU, rules=rules)).queue(4).down(Signal.GPU)
    story.expect(Verdict.ACTIVE, phase=Phase.WAKING, replicas=2)


def test_what_is_not_known_lasts_since_it_was_first_asked() -> None:
    """
    And not since the machine was started.
    """
    story = Story(QUEUE_ONLY).down(Signal.QUEUE)
    begun = story.now
    story.passes(60)
    assert story.decision is not None
    assert story.decision.since == begun
