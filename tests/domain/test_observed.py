"""
What changes where the cluster shows the workload's pods, and that nothing does where it does not.
"""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scaler.domain.bounds import within
from scaler.domain.decision import Phase, Reason, Verdict
from scaler.domain.observed import Observed, Replica
from scaler.domain.policy import Holds, Policy
from scaler.domain.target import TargetParams
from tests.domain.story import QUEUE_AND_GPU, QUEUE_ONLY, Story

MINUTE = 60.0


class TestLoading:
    """
    Loading is what pods do that are not ready.
    """

    def test_a_pod_that_is_not_ready_is_given_the_budget_from_its_creation(self) -> None:
        """
        Woken, its pod comes four minutes later (a node had to be made): ten minutes from then, not from the wake-up.
        """
        story = Story(QUEUE_ONLY).queue(0, None).expect(Verdict.INACTIVE).pods()
        story.queue(1, None).passes(5).expect(phase=Phase.WAKING).queue(0, None).passes(4 * MINUTE - 5)
        story.pods(False).passes(9 * MINUTE).expect(Verdict.ACTIVE, reason=Reason.LOADING)
        story.passes(MINUTE + 5).expect(Verdict.ACTIVE, reason=Reason.IDLE_WINDOW)
        story.passes(2 * MINUTE).expect(Verdict.INACTIVE)

    def test_a_ready_pod_loads_no_more(self) -> None:
        """
        Ready after one minute and never used: it idles an idle window later, nine minutes before the budget ends.
        """
        story = Story(QUEUE_ONLY).queue(0, None).expect(Verdict.INACTIVE)
        story.queue(1, None).passes(5).pods(False).queue(0, None).passes(MINUTE).expect(reason=Reason.LOADING)
        story.pods(True).passes(5).expect(Verdict.ACTIVE, phase=Phase.HOLDING, reason=Reason.IDLE_WINDOW)
        story.passes(110).expect(Verdict.ACTIVE).passes(15).expect(Verdict.INACTIVE, reason=Reason.QUIET)

    def test_a_pod_that_is_replaced_again_and_again_does_not_load_for_ever(self) -> None:
        """
        It crashes, and a new one comes every five minutes: twice the budget from the wake-up, and the idle window.
        """
        story = Story(QUEUE_ONLY).queue(0, None).expect(Verdict.INACTIVE).queue(1, None).passes(5).queue(0, None)
        for _ in range(3):
            story.pods().pods(False).passes(5 * MINUTE).expect(Verdict.ACTIVE, reason=Reason.LOADING)
        for _ in range(2):
            story.pods().pods(False).passes(5 * MINUTE)
        story.expect(Verdict.INACTIVE)

    def test_a_ready_pod_that_is_not_heard_of_yet_may_be_at_work(self) -> None:
        """
        It took the only job as soon as it was ready, and its GPU is not scraped yet: that is not idling.
        """
        policy = replace(QUEUE_AND_GPU, params=TargetParams(idle_window=5))
        story = Story(policy).queue(0).gpu().expect(Verdict.INACTIVE).queue(1).pods(False).passes(5).queue(0)
        story.pods(True).passes(30).expect(Verdict.ACTIVE, reason=Reason.LOADING)
        story.gpu(75).passes(30).expect(Verdict.ACTIVE, reason=Reason.GPU_BUSY)

    def test_its_sentence_tells_of_the_pods(self) -> None:
        """
        What is said is what is seen.
        """
        story = Story(QUEUE_ONLY).queue(0, None).expect().queue(4, None).passes(5).pods(False, False)
        story.queue(0, None).passes(5).expect(reason=Reason.LOADING)
        assert story.decision is not None
        assert "none of its 2 pods is ready yet" in story.decision.sentence

    def test_it_is_waking_until_a_pod_is_ready(self) -> None:
        """
        Readiness is what makes it active, with demand and no other sign.
        """
        story = Story(QUEUE_ONLY).queue(0, None).expect(Verdict.INACTIVE).pods(False).queue(1, None).passes(30)
        story.expect(phase=Phase.WAKING).pods(True).passes(5).expect(phase=Phase.ACTIVE, reason=Reason.DEMAND)


class TestAbsence:
    """
    Whether having no series is normal is for the real pods to say.
    """

    def test_it_is_normal_while_no_pod_is_ready(self) -> None:
        """
        Loading for longer than the budget with work on the queue: the GPU is not unknown, there is none.
        """
        policy = replace(QUEUE_AND_GPU, holds=Holds(loading=60))
        story = Story(policy).queue(0).gpu().expect(Verdict.INACTIVE).queue(2, 0).pods(False).passes(10 * MINUTE)
        assert {decision.wants[1].replicas for decision in story.decisions} == {0.0}

    def test_it_is_unknown_once_a_pod_has_been_ready_for_two_minutes(self) -> None:
        """
        Long before the loading budget would explain it no more.
        """
        story = Story(QUEUE_AND_GPU).queue(0).gpu().expect(Verdict.INACTIVE).queue(2, 0).pods(False).passes(30)
        story.pods(True).passes(115)
        assert story.decision is not None
        assert story.decision.wants[1].replicas == 0
        story.passes(10)
        assert "no series for its pods, although one is ready" in str(story.decision.wants[1].reading)

    def test_who_was_heard_of_has_to_go_on_reporting(self) -> None:
        """
        Its exporter goes a minute after the pod was ready: unknown, as soon as there is no reading any more.
        """
        story = Story(QUEUE_AND_GPU).queue(0).gpu().expect(Verdict.INACTIVE).queue(1).pods(False).passes(5)
        story.pods(True).gpu(75).queue(0).passes(60).expect(Verdict.ACTIVE, reason=Reason.GPU_BUSY)
        story.gpu().passes(5).expect(Verdict.ACTIVE, reason=Reason.HELD_UNKNOWN)
        story.passes(10 * MINUTE).expect(Verdict.UNKNOWN)

    def test_a_restart_stops_nobody_whose_exporter_is_gone(self) -> None:
        """
        Pods are ready, their GPUs are not seen, the queue is empty: nothing is said; without pods it is idle.
        """
        story = Story(QUEUE_AND_GPU).pods(True).passes(0).queue(0).gpu()
        story.now += 3 * MINUTE
        story.expect(Verdict.UNKNOWN)
        story.blind().restart().expect(Verdict.INACTIVE)

    def test_what_is_going_need_not_report(self) -> None:
        """
        Idle, and its pod is still there for KEDA's cooldown: it stays idle.
        """
        story = Story(QUEUE_AND_GPU).pods(True).queue(0).gpu(0).passes(3 * MINUTE).expect(Verdict.INACTIVE)
        story.gpu().passes(5 * MINUTE).expect(Verdict.INACTIVE, phase=Phase.IDLE)


class TestFirstSight:
    """
    A restart of the scaler.
    """

    def test_pods_that_are_ready_get_their_idle_window(self) -> None:
        """
        Quiet, and nothing but the cluster shows that it is up.
        """
        story = Story(QUEUE_ONLY).queue(0, None).pods(True, True).expect(Verdict.ACTIVE, reason=Reason.IDLE_WINDOW)
        story.passes(2 * MINUTE + 5).expect(Verdict.INACTIVE)

    def test_pods_that_load_go_on_loading(self) -> None:
        """
        The budget counts from their creation, which the restart does not change.
        """
        story = Story(QUEUE_ONLY).queue(0, None).pods(False)
        story.now += 4 * MINUTE
        story.expect(Verdict.ACTIVE, reason=Reason.LOADING, replicas=1).passes(5 * MINUTE + 50)
        story.expect(Verdict.ACTIVE, reason=Reason.LOADING).passes(15).expect(reason=Reason.IDLE_WINDOW)

    def test_where_no_pods_are_a_restart_wakes_nobody(self) -> None:
        """
        An observer that sees none changes nothing.
        """
        Story(QUEUE_ONLY).queue(0, None).pods().expect(Verdict.INACTIVE, phase=Phase.IDLE)


class TestBounds:
    """
    The tighter of the policy's and the ScaledObject's.
    """

    @pytest.mark.parametrize(
        ("minimum", "maximum", "bounds"),
        [
            pytest.param(None, None, (1, 10), id="it names none"),
            pytest.param(0, 100, (1, 10), id="it allows more"),
            pytest.param(2, 4, (2, 4), id="it allows less"),
            pytest.param(20, 30, (10, 10), id="its minimum is above"),
            pytest.param(0, 0, (1, 1), id="a maximum of none is not obeyed"),
        ],
    )
    def test_the_tighter_holds(self, minimum: int | None, maximum: int | None, bounds: tuple[int, int]) -> None:
        """
        Whichever it is; a policy within them is the very same.
        """
        policy = replace(QUEUE_ONLY, minimum=1)
        bounded = within(policy, Observed(0, (), minimum, maximum))
        assert (bounded.minimum, bounded.maximum) == bounds
        assert (bounded is policy) is (bounds == (1, 10))

    def test_the_sentence_names_whose_it_is(self) -> None:
        """
        Two of nine by the ScaledObject, and its minimum of one when there is no work.
        """
        story = Story(QUEUE_ONLY).queue(30, 0).pods(True, minimum=1, maximum=2).expect(replicas=2)
        assert story.decision is not None
        assert "the ScaledObject's maximum" in story.decision.sentence
        story.queue(0).passes(5 * MINUTE).expect(Verdict.ACTIVE, replicas=1, reason=Reason.MINIMUM)
        assert "the ScaledObject's minimum of 1 replica" in story.decision.sentence


@given(
    waiting=st.lists(st.integers(0, 9), min_size=1, max_size=8),
    replicas=st.lists(st.tuples(st.integers(0, 900), st.none() | st.integers(0, 900)), max_size=3),
)
def test_a_view_that_is_lost_leaves_a_decision_within_all_bounds(
    waiting: list[int], replicas: list[tuple[int, int | None]]
) -> None:
    """
    Whatever was seen and is lost again: what is decided is sound, and quiet for long it idles.
    """
    policy = Policy(rules=QUEUE_ONLY.rules, params=QUEUE_ONLY.params, holds=Holds(loading=60))
    story = Story(policy)
    pods = tuple(Replica(f"agent-{number}", *times) for number, times in enumerate(replicas))
    for number, jobs in enumerate(waiting):
        story.observed = Observed(len(pods), pods, 0, 5) if number % 2 else None
        story.queue(jobs, None).passes(20)
    assert all(decision.replicas <= policy.maximum for decision in story.decisions)
    story.blind().queue(0, None).passes(10 * MINUTE).expect(Verdict.INACTIVE)
