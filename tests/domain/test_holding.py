"""
When a workload without demand stays, why, and for how long at most.
"""

from __future__ import annotations

from dataclasses import replace

from scaler.domain.decision import Phase, Reason, Verdict
from scaler.domain.policy import Holds, Missing, SignalRule
from scaler.domain.readings import Signal
from scaler.domain.target import TargetParams
from tests.domain.story import ALL_THREE, GPU, QUEUE, QUEUE_AND_GPU, QUEUE_ONLY, REQUESTS, Story


def awake(story: Story) -> Story:
    """
    Let a workload come from zero to three replicas that work.
    """
    story.queue(0).requests(0).gpu().expect(Verdict.INACTIVE)
    story.queue(9).passes(30).expect(Verdict.ACTIVE, replicas=3, phase=Phase.WAKING)
    return story.queue(6, 3).gpu(90, 90, 60).passes(60).expect(Verdict.ACTIVE, replicas=3, phase=Phase.ACTIVE)


class TestIdleWindow:
    """
    Quiet must last.
    """

    def test_it_idles_when_it_was_quiet_for_the_whole_window(self) -> None:
        """
        Two minutes quiet, not a reading earlier.
        """
        story = Story(QUEUE_ONLY).queue(0).expect(Verdict.INACTIVE)
        story.queue(3, 1).passes(60).queue(0, 0).passes(0).expect(Verdict.ACTIVE, reason=Reason.IDLE_WINDOW)
        story.passes(119).expect(Verdict.ACTIVE, phase=Phase.HOLDING, replicas=1, reason=Reason.IDLE_WINDOW)
        story.passes(6).expect(Verdict.INACTIVE, phase=Phase.IDLE, replicas=0, reason=Reason.QUIET)

    def test_a_gap_shorter_than_the_window_is_not_idle(self) -> None:
        """
        A job every minute with a window of two: it never sleeps.
        """
        story = Story(QUEUE_ONLY).queue(1).passes(5)
        for _ in range(30):
            story.queue(0, 1).passes(5).queue(0, 0).passes(50).expect(Verdict.ACTIVE).queue(1).passes(5)
        assert all(decision.verdict is Verdict.ACTIVE for decision in story.decisions)

    def test_unknown_time_is_not_quiet_time(self) -> None:
        """
        Quiet for 100 s, unknown for a while, quiet again: the window begins anew.
        """
        story = Story(QUEUE_ONLY).queue(1).passes(5).queue(0, 1).passes(5).queue(0, 0).passes(100)
        story.down(Signal.QUEUE).passes(60).expect(Verdict.ACTIVE, reason=Reason.HELD_UNKNOWN)
        story.queue(0).passes(115).expect(Verdict.ACTIVE, reason=Reason.IDLE_WINDOW)
        story.passes(10).expect(Verdict.INACTIVE)

    def test_quiet_is_counted_by_samples_not_by_the_clock(self) -> None:
        """
        One quiet sample and then silence is no quiet window, even while the sample still counts as fresh.
        """
        policy = replace(QUEUE_ONLY, params=TargetParams(idle_window=20))
        story = Story(policy).queue(1).passes(5).queue(0, 1).passes(5).queue(0, 0).passes(0)
        story.down(Signal.QUEUE).passes(29)
        assert all(decision.verdict is not Verdict.INACTIVE for decision in story.decisions)

    def test_quiet_lasts_as_long_as_everybody_says_so(self) -> None:
        """
        The queue was quiet for the window, and the GPU's last reading is still good, but older than that.
        """
        story = Story(replace(QUEUE_AND_GPU, params=TargetParams(idle_window=20))).queue(0, 1).gpu(0).passes(5)
        story.queue(0, 0).passes(0).unread(Signal.GPU).passes(25).expect(Verdict.ACTIVE, reason=Reason.IDLE_WINDOW)
        story.unread().passes(5).expect(Verdict.INACTIVE)

    def test_a_gpu_that_was_busy_lately_is_not_outrun_by_a_slow_queue(self) -> None:
        """
        The queue is read every half minute, the GPU every five seconds: quiet counts where both were quiet.
        """
        story = Story(replace(QUEUE_AND_GPU, params=TargetParams(idle_window=60))).queue(0, 1).gpu(50).passes(5)
        story.queue(0, 0).passes(0).unread(Signal.QUEUE).passes(25).gpu(0).unread().passes(40)
        story.expect(Verdict.ACTIVE, reason=Reason.IDLE_WINDOW).passes(30).expect(Verdict.INACTIVE)


class TestGpuHold:
    """
    A busy GPU with an empty queue holds the workload, but not for ever.
    """

    def test_a_busy_gpu_holds_until_the_bound(self) -> None:
        """
        Queue empty, rate zero, one pod at 60 %: held for half an hour, then let go, and the reason says why.
        """
        story = Story(ALL_THREE).queue(0).requests(0).gpu(60)
        story.expect(Verdict.ACTIVE, phase=Phase.HOLDING, replicas=1, reason=Reason.GPU_BUSY)
        story.passes(1795).expect(Verdict.ACTIVE, phase=Phase.HOLDING, reason=Reason.GPU_BUSY)
        story.passes(5).expect(Verdict.INACTIVE, phase=Phase.IDLE, reason=Reason.GPU_HOLD_EXPIRED)
        story.passes(600).expect(Verdict.INACTIVE, reason=Reason.GPU_HOLD_EXPIRED)
        story.gpu().passes(5).expect(Verdict.INACTIVE, reason=Reason.QUIET)

    def test_all_replicas_stay_while_one_is_at_work(self) -> None:
        """
        Nobody can tell Kubernetes which of three is the busy one, so none goes.
        """
        story = awake(Story(ALL_THREE)).queue(0).gpu(0, 0, 40).passes(900)
        story.expect(Verdict.ACTIVE, replicas=3, reason=Reason.GPU_BUSY)

    def test_all_replicas_stay_without_any_stabilisation(self) -> None:
        """
        A hold is not scaling down later: a policy that follows demand at once holds all of them too.
        """
        at_once = TargetParams(stabilization=0)
        awake(Story(replace(ALL_THREE, params=at_once))).queue(0).gpu(0, 0, 40).passes(900).expect(replicas=3)
        story = Story(replace(QUEUE_ONLY, params=at_once)).queue(0).passes(5).queue(9).passes(60)
        story.queue(0).passes(60).expect(replicas=3, reason=Reason.LOADING)

    def test_gpus_that_tick_over_are_not_one_that_is_busy(self) -> None:
        """
        Each of three is below what counts as busy; their sum is not.
        """
        awake(Story(ALL_THREE)).queue(0).gpu(5, 5, 5).passes(130).expect(Verdict.INACTIVE, reason=Reason.QUIET)

    def test_nothing_rises_without_demand(self) -> None:
        """
        The bound is reached before the idle window; meanwhile GPUs that want five get the three there are.
        """
        story = awake(Story(replace(ALL_THREE, holds=Holds(gpu=60)))).queue(0).gpu(99, 99, 99, 99).passes(90)
        story.expect(Verdict.ACTIVE, replicas=3, reason=Reason.IDLE_WINDOW)

    def test_calm_moments_do_not_extend_the_bound(self) -> None:
        """
        A GPU that is busy every other minute is held no longer than one that always is.
        """
        story = awake(Story(QUEUE_AND_GPU)).queue(0)
        for _ in range(14):
            story.gpu(50, 0, 0).passes(60).gpu(0, 0, 0).passes(60).expect(Verdict.ACTIVE)
        story.gpu(50, 0, 0).passes(125).expect(Verdict.INACTIVE, reason=Reason.GPU_HOLD_EXPIRED)

    def test_it_idles_one_window_after_the_gpu_was_busy_last(self) -> None:
        """
        A pause of the GPU between two steps is not the end of the work.
        """
        story = awake(Story(QUEUE_AND_GPU)).queue(0).gpu(50, 0, 0).passes(300)
        story.gpu(0, 0, 0).passes(115).expect(Verdict.ACTIVE, reason=Reason.IDLE_WINDOW)
        story.passes(10).expect(Verdict.INACTIVE, reason=Reason.QUIET)

    def test_new_demand_begins_a_new_bound(self) -> None:
        """
        Held for 25 minutes, then a job: the next hold may last as long as the first.
        """
        story = awake(Story(QUEUE_AND_GPU)).queue(0).gpu(50, 0, 0).passes(1500)
        story.queue(1, 0).passes(10).expect(reason=Reason.SCALING_DOWN_LATER)
        story.queue(0).passes(1500).expect(Verdict.ACTIVE, reason=Reason.GPU_BUSY)

    def test_the_bound_is_said_in_a_calm_moment_too(self) -> None:
        """
        The bound is reached while the GPU pauses: it still goes because of the bound, and that is what is said.
        """
        story = awake(Story(QUEUE_AND_GPU)).queue(0)
        story.gpu(50, 0, 0).passes(1790).gpu(0, 0, 0).passes(10).expect(Verdict.INACTIVE)
        story.passes(60).expect(reason=Reason.GPU_HOLD_EXPIRED)
        assert story.decision is not None
        assert story.decision.sentence == (
            "there is no work; a busy GPU alone may hold a workload for 30 min only, and it has (now 0 % on 3 pods)"
        )
        story.gpu().passes(5).expect(reason=Reason.QUIET)

    def test_at_the_minimum_a_busy_gpu_has_nothing_to_hold(self) -> None:
        """
        A neighbour on a shared GPU of the one replica that stays anyway: no hold, no bound, no warning.
        """
        story = Story(replace(QUEUE_AND_GPU, minimum=1)).queue(1, 1).gpu(70).passes(60)
        story.queue(0, 0).passes(5).expect(Verdict.ACTIVE, replicas=1, reason=Reason.MINIMUM)
        story.passes(3600).expect(Verdict.ACTIVE, replicas=1, reason=Reason.MINIMUM)

    def test_above_the_minimum_it_holds_then_the_minimum_stays(self) -> None:
        """
        Three replicas are held for the bound, then one is left; the reason stays as long as the GPU is busy.
        """
        story = awake(Story(ALL_THREE)).change(minimum=1).queue(0).gpu(90, 0, 0).passes(1790)
        story.expect(replicas=3, reason=Reason.GPU_BUSY)
        story.passes(60).expect(Verdict.ACTIVE, replicas=1, reason=Reason.GPU_HOLD_EXPIRED)
        story.gpu(0).passes(5).expect(Verdict.ACTIVE, replicas=1, reason=Reason.MINIMUM)


class TestLoading:
    """
    A workload that is still loading its model is held within its budget.
    """

    def test_a_job_withdrawn_while_loading_stops_nothing(self) -> None:
        """
        Woken, the job is gone a minute later, and nobody has worked yet: it stays until the budget is spent.
        """
        story = Story(QUEUE_ONLY).queue(0).expect(Verdict.INACTIVE)
        story.queue(3).passes(60).expect(phase=Phase.WAKING)
        story.queue(0).passes(500).expect(Verdict.ACTIVE, phase=Phase.HOLDING, reason=Reason.LOADING)
        story.passes(60).expect(Verdict.INACTIVE, reason=Reason.QUIET)

    def test_work_ends_the_loading(self) -> None:
        """
        A GPU that computes shows that it is loaded; from then on the idle window counts.
        """
        story = Story(QUEUE_AND_GPU).queue(0).gpu().passes(5).queue(3).passes(60).queue(0).gpu(80).passes(60)
        story.expect(Verdict.ACTIVE, reason=Reason.GPU_BUSY)
        story.gpu(0).passes(130).expect(Verdict.INACTIVE)

    def test_a_replica_seen_is_no_longer_waking(self) -> None:
        """
        GPU readings, even idle ones, show that there are replicas: nobody needs to be woken any more.
        """
        story = Story(QUEUE_AND_GPU).queue(0).gpu().passes(5).queue(3).passes(60).expect(phase=Phase.WAKING)
        story.gpu(0).passes(5).expect(phase=Phase.ACTIVE)

    def test_requests_that_its_pods_serve_are_work(self) -> None:
        """
        Counted at a gateway they may still be waiting; counted by the pods they are served.
        """
        for at_workload, reason in ((True, Reason.IDLE_WINDOW), (False, Reason.LOADING)):
            rules = {Signal.QUEUE: QUEUE, Signal.REQUESTS: replace(REQUESTS, at_workload=at_workload)}
            story = Story(replace(QUEUE_ONLY, rules=rules)).queue(0)
            story = story.no_series(Signal.REQUESTS) if at_workload else story.requests(0)
            story.passes(5).expect(Verdict.INACTIVE).queue(1).passes(5).requests(1).passes(5)
            story.queue(0).requests(0).passes(60).expect(reason=reason)

    def test_every_waking_may_load_anew(self) -> None:
        """
        The replicas of before are gone: that the new ones have no series yet is normal, as it was the first time.
        """
        story = awake(Story(QUEUE_AND_GPU)).queue(0).gpu(0).passes(130).expect(Verdict.INACTIVE)
        story.gpu().passes(60).queue(1).passes(60).expect(phase=Phase.WAKING)
        story.queue(0).passes(60).expect(Verdict.ACTIVE, reason=Reason.LOADING)

    def test_a_count_that_comes_and_goes_is_no_work(self) -> None:
        """
        A broker that tells the jobs in flight only at times has not shown that anybody works.
        """
        story = Story(QUEUE_ONLY).queue(0, 0).passes(5).queue(3, 0).passes(60).queue(0, None).passes(60)
        story.expect(reason=Reason.LOADING).queue(0, 0).passes(300).expect(reason=Reason.LOADING)

    def test_a_job_taken_is_seen_by_who_was_woken_blind(self) -> None:
        """
        Woken by requests while the queue was unknown: what changes from its first reading on is a sign of work.
        """
        story = Story(replace(ALL_THREE, rules={Signal.QUEUE: QUEUE, Signal.REQUESTS: REQUESTS}))
        story.queue(0).requests(0).passes(5).down(Signal.QUEUE).passes(60).requests(1).passes(60).expect(
            phase=Phase.WAKING
        )
        story.queue(3, 0).passes(5).expect(phase=Phase.WAKING).queue(2, 1).passes(5).expect(phase=Phase.ACTIVE)

    def test_waking_ends_with_the_budget(self) -> None:
        """
        Where nothing can show that replicas work, waking lasts as long as loading may, and no longer.
        """
        story = Story(QUEUE_ONLY).queue(0, None).passes(5).queue(3, None).passes(590).expect(phase=Phase.WAKING)
        story.passes(15).expect(Verdict.ACTIVE, phase=Phase.ACTIVE, reason=Reason.DEMAND)


class TestUnknown:
    """
    Unknown is never idle.
    """

    def test_a_blip_shorter_than_the_freshness_is_not_seen(self) -> None:
        """
        25 s without an answer: the decision does not change at all.
        """
        story = awake(Story(ALL_THREE))
        story.down(Signal.QUEUE).down(Signal.REQUESTS).down(Signal.GPU).passes(25)
        story.expect(Verdict.ACTIVE, phase=Phase.ACTIVE, replicas=3, reason=Reason.DEMAND)

    def test_an_outage_is_held_then_unknown_then_the_truth(self) -> None:
        """
        Redis stops at three replicas: held for its bound, then nothing is said for as long as it lasts, never false.
        """
        story = awake(Story(QUEUE_ONLY)).down(Signal.QUEUE, "redis refuses connections").passes(31)
        story.expect(Verdict.ACTIVE, phase=Phase.HOLDING, replicas=3, reason=Reason.HELD_UNKNOWN)
        assert story.decision is not None
        assert "redis refuses connections" in story.decision.sentence
        story.passes(118).expect(Verdict.ACTIVE, replicas=3, reason=Reason.HELD_UNKNOWN)
        story.passes(5).expect(Verdict.UNKNOWN, reason=Reason.UNKNOWN)
        story.passes(86400).expect(Verdict.UNKNOWN)
        assert "redis refuses connections" in story.decision.sentence
        story.queue(6, 3).passes(0).expect(Verdict.ACTIVE, replicas=3, reason=Reason.DEMAND)
        story.down(Signal.QUEUE).passes(3600).queue(0).passes(0).expect(Verdict.ACTIVE, reason=Reason.IDLE_WINDOW)
        assert all(decision.verdict is not Verdict.INACTIVE for decision in story.decisions[1:])

    def test_an_idle_workload_says_nothing_without_its_required_readings(self) -> None:
        """
        False is said only on fresh readings of every required signal, even by what sleeps.
        """
        story = Story(ALL_THREE).queue(0).requests(0).gpu().passes(60).expect(Verdict.INACTIVE)
        story.down(Signal.GPU).passes(31).expect(Verdict.UNKNOWN, phase=Phase.IDLE)
        story.gpu().passes(5).expect(Verdict.INACTIVE)

    def test_known_demand_wakes_whatever_else_is_unknown(self) -> None:
        """
        Prometheus is down, a job comes: it is woken, and pushed.
        """
        story = Story(ALL_THREE).queue(0).requests(0).gpu().passes(60)
        story.down(Signal.GPU).down(Signal.REQUESTS).passes(60).expect(Verdict.UNKNOWN)
        story.queue(4).passes(5).expect(Verdict.ACTIVE, phase=Phase.WAKING, replicas=2)

    def test_all_signals_must_be_known_where_all_must_wake(self) -> None:
        """
        With activation `all`, one job and an unknown rate is not enough to say anything.
        """
        policy = replace(ALL_THREE, activation=type(ALL_THREE.activation).ALL)
        story = Story(policy).queue(0).requests(0).gpu().passes(5).expect(Verdict.INACTIVE)
        story.queue(1).down(Signal.REQUESTS).passes(31).expect(Verdict.UNKNOWN)

    def test_replicas_never_fall_for_an_unknown_gpu(self) -> None:
        """
        The GPUs wanted five, the queue wants one, Prometheus goes: five stay until it is known that they need not.
        """
        story = Story(QUEUE_AND_GPU).queue(3, 1).gpu(100, 100, 100, 100).passes(5).expect(replicas=5)
        story.down(Signal.GPU).queue(0, 1).passes(3600).expect(Verdict.ACTIVE, replicas=5)
        story.queue(30, 1).passes(5).expect(replicas=10)
        story.queue(0, 1).gpu(10, 10).passes(70).expect(replicas=1)

    def test_what_was_kept_for_an_unknown_gpu_does_not_fall_at_once(self) -> None:
        """
        The first reading after an outage is one reading: scaling down waits for the window, as it always does.
        """
        story = Story(QUEUE_AND_GPU).queue(3, 1).gpu(100, 100, 100, 100).passes(5).expect(replicas=5)
        story.down(Signal.GPU).queue(0, 1).passes(3600).expect(replicas=5, reason=Reason.DEMAND)
        story.gpu(10, 10).passes(55).expect(replicas=5, reason=Reason.SCALING_DOWN_LATER)
        story.passes(10).expect(replicas=1, reason=Reason.DEMAND)

    def test_an_optional_signal_is_left_out_but_blocks_idling(self) -> None:
        """
        An optional GPU that is unknown wants nothing; without demand the workload is held, then nothing is said.
        """
        rules = {Signal.QUEUE: QUEUE, Signal.GPU: replace(GPU, missing=Missing.OPTIONAL)}
        story = Story(replace(QUEUE_AND_GPU, rules=rules)).queue(3, 1).gpu(100, 100, 100, 100).passes(5)
        story.down(Signal.GPU).passes(180).expect(Verdict.ACTIVE, replicas=2, reason=Reason.DEMAND)
        story.queue(0).passes(60).expect(Verdict.ACTIVE, reason=Reason.HELD_UNKNOWN)
        story.passes(120).expect(Verdict.UNKNOWN)
        story.gpu(0).passes(130).expect(Verdict.INACTIVE)
        story.down(Signal.GPU).passes(300).expect(Verdict.INACTIVE, reason=Reason.QUIET)

    def test_an_optional_demand_signal_alone_still_decides_nothing_while_unknown(self) -> None:
        """
        If every demand signal is left out there is nothing left to decide on.
        """
        rules = {Signal.QUEUE: replace(QUEUE, missing=Missing.OPTIONAL)}
        Story(replace(QUEUE_ONLY, rules=rules)).down(Signal.QUEUE).passes(60).expect(Verdict.UNKNOWN)

    def test_a_gpu_that_vanishes_while_replicas_run_is_unknown(self) -> None:
        """
        No series at zero replicas is normal; at three it is not, and the workload is held, not stopped.
        """
        story = awake(Story(QUEUE_AND_GPU)).gpu().queue(0).passes(60)
        story.expect(Verdict.ACTIVE, replicas=3, reason=Reason.HELD_UNKNOWN)
        story.passes(90).expect(Verdict.UNKNOWN)

    def test_an_empty_answer_about_requests_is_unknown(self) -> None:
        """
        A query that finds no series says nothing, unless the workload's own pods report it and there are none.
        """
        story = Story(ALL_THREE).queue(0).no_series(Signal.REQUESTS).gpu().passes(60).expect(Verdict.UNKNOWN)
        rules = {**ALL_THREE.rules, Signal.REQUESTS: replace(REQUESTS, at_workload=True)}
        story.change(rules=rules).passes(5).expect(Verdict.INACTIVE)


def test_scaling_down_follows_the_most_that_was_wanted_lately() -> None:
    """
    9 jobs want 3; they become 1: three stay for the window of a minute, then one is left.
    """
    rules = {Signal.QUEUE: SignalRule(target=3)}
    story = Story(replace(QUEUE_ONLY, rules=rules)).queue(9, 1).passes(30).expect(replicas=4)
    story.queue(1, 1).passes(55).expect(replicas=4, reason=Reason.SCALING_DOWN_LATER)
    story.passes(10).expect(replicas=1, reason=Reason.DEMAND)
    story.queue(20, 1).passes(5).expect(replicas=7, reason=Reason.DEMAND)


def test_holds_can_be_configured() -> None:
    """
    Bounds are the policy's own.
    """
    policy = replace(QUEUE_AND_GPU, holds=Holds(unknown=10, gpu=180, loading=60))
    awake(Story(policy)).queue(0).passes(180).expect(Verdict.INACTIVE, reason=Reason.GPU_HOLD_EXPIRED)
    awake(Story(policy)).down(Signal.QUEUE).passes(41).expect(Verdict.UNKNOWN)
