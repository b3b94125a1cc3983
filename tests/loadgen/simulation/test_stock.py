"""
Stock KEDA, told as timelines: what its triggers are known to do.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from loadgen.simulation.run import Run
from loadgen.simulation.scaling import Fallback, Measure, Prometheus, RabbitMQ, Redis, ScaledObject, Stock, Trigger
from loadgen.simulation.simulate import simulate
from loadgen.simulation.workload import Workload
from loadgen.simulation.world import Outage, Place
from tests.loadgen.simulation.worlds import AT_ONCE, EXACT, workload

GPU = Prometheus(Measure.GPU, threshold=100.0)
LONG = workload((100.0, 1000.0))


def _run(jobs: Workload, *triggers: Trigger, outages: tuple[Outage, ...] = (), keda: ScaledObject | None = None) -> Run:
    return simulate(jobs, Stock(triggers, keda or ScaledObject()), replace(EXACT, outages=outages), 0)


def _changes(run: Run) -> list[tuple[float, int]]:
    return list(zip(run.timeline.wanted.times, run.timeline.wanted.values, strict=True))


def test_a_redis_trigger_wakes_at_the_poll_and_sleeps_after_the_cooldown() -> None:
    """
    A job comes at 100 s. The poll at 120 s sees it, the one at 150 s as well; the pod takes it at 180 s.

    300 s after the last poll that saw it waiting, at 450 s: zero.
    """
    run = _run(workload((100.0, 10.0)), Redis(1.0))
    assert _changes(run) == [(120.0, 1), (450.0, 0)]
    assert run.timeline.ready.at(179.9) == 0
    assert run.timeline.ready.at(180.0) == 1
    assert run.waits == pytest.approx((80.0,))
    assert run.outcome(1.0).zero_hours == pytest.approx((3600 - 330) / 3600)


def test_a_redis_trigger_stops_a_worker_in_the_middle_of_a_job() -> None:
    """
    The job left the list when it was taken.

    So at 450 s its worker is told to stop, and at 480 s it is killed. The job is back on the list, at 510 s a poll sees
    it, and it all begins anew: it never ends.
    """
    run = _run(LONG, Redis(1.0))
    assert _changes(run)[:3] == [(120.0, 1), (450.0, 0), (510.0, 1)]
    assert run.timeline.waiting.at(479.9) == 0
    assert run.timeline.waiting.at(480.0) == 1
    assert run.killed > 5
    assert run.unfinished == 1
    assert run.lost_seconds == pytest.approx(300 * run.killed, rel=0.1)


def test_a_rabbitmq_trigger_counts_what_is_not_acknowledged() -> None:
    """
    Over HTTP it sees the job until its end at 1180 s, last at 1170 s: the job is done in one go, zero at 1470 s.
    """
    run = _run(LONG, RabbitMQ(1.0))
    assert (run.killed, run.unfinished) == (0, 0)
    assert _changes(run) == [(120.0, 1), (1470.0, 0)]
    assert _run(LONG, RabbitMQ(1.0, exclude_unacknowledged=True)).killed > 0


def test_a_gpu_trigger_beside_it_holds_the_worker() -> None:
    """
    The GPU is busy from 180 s to 1180 s, and the poll hears it until the exporter and Prometheus have it otherwise.

    The exporter reads 0 % at 1200 s, and Prometheus collects that just after the poll of that moment. So it is seen
    busy 20 s longer than it is: zero at 1500 s.
    """
    run = _run(LONG, Redis(1.0), GPU)
    assert (run.killed, run.unfinished) == (0, 0)
    assert _changes(run) == [(120.0, 1), (1500.0, 0)]


def test_a_percentage_gives_one_replica_too_many() -> None:
    """
    One GPU at 95 % with a target of 80 % makes ceil(95 / 80) = 2.
    """
    run = _run(LONG, Redis(1.0), replace(GPU, threshold=80.0))
    assert run.timeline.wanted.at(1000.0) == 2


def test_a_gpu_trigger_alone_never_wakes() -> None:
    """
    At zero there is no GPU to be seen.
    """
    run = _run(LONG, GPU)
    assert (run.unfinished, run.cold_starts, run.gpu_seconds) == (1, 0, 0)
    assert run.waits == (run.end - 100.0,)


def test_a_missing_exporter_reads_as_zero() -> None:
    """
    From 300 s on the exporter is away: Prometheus answers without series, which reads as 0 %.

    It was seen busy at 300 s last, just before Prometheus had collected that. So at 600 s the worker is stopped in the
    middle of its job, and killed at 630 s; at 660 s the job is seen on the list again.
    """
    run = _run(LONG, Redis(1.0), GPU, outages=(Outage(Place.EXPORTER, 300.0, 900.0),))
    assert _changes(run)[:3] == [(120.0, 1), (600.0, 0), (660.0, 1)]
    assert run.killed == 1


def test_a_missing_prometheus_is_an_error_and_changes_nothing() -> None:
    """
    From 300 s to 500 s Prometheus does not answer: the worker stays, and the job is done.
    """
    run = _run(LONG, Redis(1.0), GPU, outages=(Outage(Place.PROMETHEUS, 300.0, 500.0),))
    assert run.timeline.unknown.area(0.0, run.end) == pytest.approx(210)
    assert (run.killed, run.unfinished) == (0, 0)


def test_a_prometheus_that_comes_back_reads_as_zero_at_first() -> None:
    """
    After ten minutes its samples are stale: at 900 s it answers without series, and the cooldown has long passed.
    """
    run = _run(LONG, Redis(1.0), GPU, outages=(Outage(Place.PROMETHEUS, 300.0, 900.0),))
    assert run.timeline.wanted.at(899.9) == 1
    assert run.timeline.wanted.at(900.0) == 0
    assert run.killed == 1


def test_null_values_can_be_errors_instead() -> None:
    """
    With ignoreNullValues off, a missing exporter is an error like any other.
    """
    strict = replace(GPU, ignore_null_values=False)
    run = _run(LONG, Redis(1.0), strict, outages=(Outage(Place.EXPORTER, 300.0, 900.0),))
    assert run.killed == 0


def test_an_unreachable_queue_is_an_error_and_its_jobs_wait() -> None:
    """
    The broker is away when the first job ends: nobody takes the second one before it is back; the replicas stay.
    """
    jobs = workload((10.0, 100.0), (20.0, 100.0))
    run = _run(jobs, RabbitMQ(5.0), outages=(Outage(Place.QUEUE, 150.0, 800.0),))
    assert run.timeline.wanted.at(799.0) == 1
    assert run.waits[0] == pytest.approx(800 - 110, abs=0.5)
    assert run.waits[1] == pytest.approx(800 - 20, abs=0.5)


def test_fallback_replicas_come_after_so_many_failures() -> None:
    """
    The polls at 300 s and 330 s fail, those are too few; the one at 360 s is the third: three replicas.
    """
    keda = ScaledObject(fallback=Fallback(failure_threshold=2, replicas=3))
    run = _run(workload((3000.0, 1.0)), Redis(1.0), outages=(Outage(Place.QUEUE, 290.0, 600.0),), keda=keda)
    assert run.timeline.wanted.at(359.9) == 0
    assert run.timeline.wanted.at(360.0) == 3


def test_a_fallback_to_zero_stops_everything() -> None:
    """
    With fallback.replicas 0, an error counts as inactive: after the cooldown the worker is stopped.
    """
    keda = ScaledObject(fallback=Fallback(failure_threshold=3, replicas=0), cooldown_period=60.0)
    run = _run(LONG, RabbitMQ(1.0), outages=(Outage(Place.QUEUE, 300.0, 900.0),), keda=keda)
    assert run.timeline.wanted.at(900.0 - 1) == 0


def test_a_job_that_ends_within_the_grace_is_not_lost() -> None:
    """
    Its worker is told to stop at 450 s, 20 s before the job's end: it ends it, and is gone.
    """
    run = _run(workload((100.0, 290.0)), Redis(1.0))
    assert run.timeline.wanted.at(450.0) == 0
    assert run.timeline.pods.at(469.9) == 1
    assert run.timeline.pods.at(470.0) == 0
    assert (run.killed, run.unfinished) == (0, 0)


def test_the_hpa_follows_the_most_that_any_trigger_wants() -> None:
    """
    Ten jobs wait: by the list's length of 5 a replica two are wanted, by the waiting jobs in Prometheus (2 each) five.
    """
    jobs = workload(*((10.0, 400.0) for _ in range(10)))
    run = _run(jobs, Redis(5.0), Prometheus(Measure.QUEUE, 2.0), keda=ScaledObject(behaviour=AT_ONCE))
    assert run.timeline.wanted.at(45.0) == 5
    assert _run(jobs, Redis(5.0), keda=ScaledObject(behaviour=AT_ONCE)).timeline.wanted.at(45.0) == 2


def test_a_request_rate_is_that_of_its_window() -> None:
    """
    One job every 5 s makes 0.2/s: at 0.1/s a replica two are wanted, and none when the window has passed without any.
    """
    jobs = workload(*((5.0 * turn, 1.0) for turn in range(120)))
    run = _run(jobs, Prometheus(Measure.REQUESTS, 0.1), keda=ScaledObject(cooldown_period=0.0))
    assert run.timeline.wanted.at(590.0) == 2
    assert run.timeline.wanted.at(700.0) > 0
    assert run.timeline.wanted.at(750.0) == 0


def test_a_new_scaled_object_may_be_given_time() -> None:
    """
    One that was never active is set to zero at its first poll, unless its initial cooldown says otherwise.
    """
    jobs = workload((3000.0, 1.0))
    assert _changes(_run(jobs, Redis(1.0), keda=ScaledObject(replicas=1))) == [(3000.0, 1), (3330.0, 0)]
    kept = _run(jobs, Redis(1.0), keda=ScaledObject(replicas=1, initial_cooldown_period=120.0))
    assert _changes(kept)[:2] == [(0.0, 1), (120.0, 0)]
