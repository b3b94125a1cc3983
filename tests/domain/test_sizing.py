"""
How many replicas are wanted, from what the signals say. Time stands still here.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from scaler.domain.decision import Phase, Reason, Verdict
from scaler.domain.policy import Activation, Policy, SignalRule
from scaler.domain.readings import Signal
from scaler.domain.target import Combine, TargetParams, TargetState
from tests.domain.story import ALL_THREE, QUEUE_ONLY, Story


def test_the_signal_that_wants_most_leads() -> None:
    """
    7 waiting and 2 in flight at 3, 12/s at 5, and four pods at 95 % of 80 want 3, 3 and 4.75: five replicas.
    """
    story = Story(ALL_THREE).queue(7, 2).requests(12).gpu(95, 95, 95, 95)
    story.expect(Verdict.ACTIVE, replicas=5, reason=Reason.DEMAND, phase=Phase.ACTIVE)
    assert story.decision is not None
    assert [want.replicas for want in story.decision.wants] == [3, 3, 4.75]
    assert story.decision.sentence == (
        "5 replicas wanted: gpu has 380 % on 4 pods at 80 % per replica, which wants 4.75; "
        "queue wants 3, requests wants 3"
    )


@pytest.mark.parametrize(
    ("waiting", "in_flight", "target", "replicas"),
    [
        pytest.param(1, None, 3, 1, id="one job wants one"),
        pytest.param(3, 0, 3, 1, id="exactly full"),
        pytest.param(4, 0, 3, 2, id="one too many"),
        pytest.param(0, 4, 3, 2, id="in flight counts"),
        pytest.param(3, 0, 0.1, 10, id="floats add nothing, the maximum bounds"),
        pytest.param(1000, 0, 3, 10, id="never above the maximum"),
    ],
)
def test_a_queue_wants_its_jobs_divided_by_the_target(
    waiting: int, in_flight: int | None, target: float, replicas: int
) -> None:
    """
    Waiting and in flight together, divided and rounded up, within the bounds.
    """
    policy = Policy(rules={Signal.QUEUE: SignalRule(target=target)}, maximum=10)
    Story(policy).queue(waiting, in_flight).expect(Verdict.ACTIVE, replicas=replicas)


def test_a_quotient_is_not_rounded_up_for_what_floats_add() -> None:
    """
    3.3 requests a second at 1.1 each are three replicas, whatever binary fractions make of it.
    """
    policy = Policy(rules={Signal.REQUESTS: SignalRule(target=1.1)})
    Story(policy).requests(3 * 1.1).expect(replicas=3)


@pytest.mark.parametrize(("combine", "replicas"), [(Combine.MAX, 5), (Combine.SUM, 11)])
def test_signals_combine_by_the_most_or_by_the_sum(combine: Combine, replicas: int) -> None:
    """
    3, 3 and 4.75 are 5 at most, and 11 in sum: what a GPU wants is rounded up at the very end only.
    """
    policy = replace(ALL_THREE, params=TargetParams(combine=combine), maximum=20)
    Story(policy).queue(7, 2).requests(12).gpu(95, 95, 95, 95).expect(replicas=replicas)


@pytest.mark.parametrize(
    ("activation", "waiting", "rate", "verdict"),
    [
        (Activation.ANY, 1, 0, Verdict.ACTIVE),
        (Activation.ANY, 0, 1, Verdict.ACTIVE),
        (Activation.ANY, 0, 0, Verdict.INACTIVE),
        (Activation.ALL, 1, 0, Verdict.INACTIVE),
        (Activation.ALL, 0, 1, Verdict.INACTIVE),
        (Activation.ALL, 1, 1, Verdict.ACTIVE),
    ],
)
def test_any_or_all_of_the_demand_signals_wake(
    activation: Activation, waiting: int, rate: float, verdict: Verdict
) -> None:
    """
    The policy says how many signals it takes; GPUs are not asked.
    """
    story = Story(replace(ALL_THREE, activation=activation)).queue(0).requests(0).gpu().expect(Verdict.INACTIVE)
    story.queue(waiting).requests(rate).passes(5).expect(verdict)


def test_any_signal_keeps_awake_what_all_have_woken() -> None:
    """
    Requests have ended, a job is still there: nothing that is at work is let go because another signal is quiet.
    """
    story = Story(replace(ALL_THREE, activation=Activation.ALL)).queue(0).requests(0).gpu().passes(5)
    story.queue(1).requests(1).passes(5).requests(0).passes(600).expect(Verdict.ACTIVE, reason=Reason.DEMAND)


def test_a_gpu_never_wakes_anything() -> None:
    """
    Somebody else's process on a GPU of an idle workload's pod is no reason to start replicas.
    """
    story = Story(ALL_THREE).queue(0).requests(0).gpu().expect(Verdict.INACTIVE)
    story.gpu(100).passes(60).expect(Verdict.INACTIVE, phase=Phase.IDLE, replicas=0)


def test_thresholds_differ_for_waking_and_for_sleeping() -> None:
    """
    On above 5, off at 2 or below: 5 jobs do not wake; 3 do not let what is awake sleep.
    """
    policy = Policy(rules={Signal.QUEUE: SignalRule(target=3, on=5, off=2)}, params=TargetParams(idle_window=10))
    story = Story(policy).queue(5).expect(Verdict.INACTIVE)
    story.queue(6).passes(5).expect(Verdict.ACTIVE, replicas=2)
    story.queue(3).passes(600).expect(Verdict.ACTIVE, reason=Reason.DEMAND)
    story.queue(2).passes(5).expect(Verdict.ACTIVE, phase=Phase.HOLDING)
    story.passes(600).expect(Verdict.INACTIVE)


def test_a_minimum_stays_without_any_work() -> None:
    """
    A policy with a minimum keeps it, and says that it is the minimum.
    """
    story = Story(replace(QUEUE_ONLY, minimum=2)).queue(0)
    story.expect(Verdict.ACTIVE, replicas=2, reason=Reason.MINIMUM, phase=Phase.WAKING)
    story.queue(1).passes(5).expect(replicas=2, reason=Reason.DEMAND)
    story.queue(0).passes(3600).expect(Verdict.ACTIVE, replicas=2, reason=Reason.MINIMUM, phase=Phase.ACTIVE)


def test_a_minimum_that_is_configured_later_wakes() -> None:
    """
    An idle workload whose policy gets a minimum is woken for it.
    """
    story = Story(QUEUE_ONLY).queue(0).expect(Verdict.INACTIVE)
    story.change(minimum=1).passes(5).expect(Verdict.ACTIVE, replicas=1, phase=Phase.WAKING)


def test_a_phase_lasts_since_it_was_entered() -> None:
    """
    Whatever is decided within it.
    """
    story = Story(QUEUE_ONLY).queue(0, 0).passes(5).queue(3, 0).passes(20).queue(2, 1).passes(0)
    entered = story.now
    story.queue(30, 1).passes(60).expect(phase=Phase.ACTIVE, replicas=10)
    assert story.decision is not None
    assert (story.decision.since, story.decision.at) == (entered, entered + 60)


def test_what_is_remembered_for_scaling_down_is_bounded() -> None:
    """
    A queue of thousands that shrinks job by job within an hour's window leaves no more than the maximum to remember.
    """
    policy = replace(QUEUE_ONLY, params=TargetParams(stabilization=3600), maximum=10)
    story = Story(policy)
    for waiting in range(3000, 2500, -3):
        story.queue(waiting, 1).passes(5)
    assert isinstance(story.state.kind, TargetState)
    assert len(story.state.kind.peaks) <= 10
