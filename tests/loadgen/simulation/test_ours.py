"""
Our scaler in the simulator, told as timelines: pushes, close watching, holds, and what errors cost.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from loadgen.simulation.run import Run
from loadgen.simulation.scaling import OURS_BY_THE_CHART, Ours, Reading
from loadgen.simulation.simulate import simulate
from loadgen.simulation.workload import Workload
from loadgen.simulation.world import Outage, Place, World
from scaler.domain.policy import Policy
from scaler.domain.target import TargetParams
from tests.loadgen.simulation.worlds import EXACT, QUEUE, QUEUE_AND_GPU, REQUESTS, workload

LONG = workload((100.0, 1000.0))
BLIND = Reading(in_flight=False)
"""Jobs in flight cannot be seen: the GPU alone tells that there is work."""


def _run(
    jobs: Workload,
    policy: Policy = QUEUE,
    reading: Reading | None = None,
    outages: tuple[Outage, ...] = (),
    world: World = EXACT,
) -> Run:
    return simulate(jobs, Ours(policy, reading=reading or Reading()), replace(world, outages=outages), 0)


def test_a_job_wakes_at_once_and_the_workload_sleeps_after_window_and_cooldown() -> None:
    """
    The job of 101 s is pushed within a moment and taken at 161 s. It is done at 171 s.

    The idle window of 2 min counts from the next reading on; KEDA's cooldown follows the last poll that was active.
    """
    run = _run(workload((101.0, 10.0)))
    (woken, asleep), values = run.timeline.wanted.times, run.timeline.wanted.values
    assert values == (1, 0)
    assert woken == pytest.approx(101.015)
    assert run.waits == pytest.approx((60.015,))
    assert 171 + 120 <= asleep <= 171 + 5 + 120 + 5 + 45 + 15


def test_without_announcements_a_job_is_noticed_at_the_next_look() -> None:
    """
    A broker that announces nothing is looked at every 250 ms.
    """
    woken = _run(workload((100.1, 10.0)), reading=Reading(watch=0.25)).timeline.wanted.times[0]
    assert 100.1 < woken <= 100.1 + 0.25 + 0.02


def test_a_job_in_flight_keeps_its_worker() -> None:
    """
    The list is empty for 1000 s, and the job is not cut off.
    """
    run = _run(LONG)
    assert (run.killed, run.unfinished, run.cold_starts) == (0, 0, 1)


def test_a_busy_gpu_keeps_its_worker() -> None:
    """
    Where jobs in flight cannot be seen, the GPU holds the workload.
    """
    run = _run(LONG, QUEUE_AND_GPU, BLIND)
    assert (run.killed, run.unfinished, run.cold_starts) == (0, 0, 1)
    assert _run(LONG, QUEUE, BLIND).killed > 0


@pytest.mark.parametrize("place", [Place.EXPORTER, Place.PROMETHEUS])
def test_an_outage_of_what_is_needed_stops_nobody(place: Place) -> None:
    """
    GPU readings are missing for 10 min in the middle of a job: held first, then an error, on which nothing changes.
    """
    run = _run(LONG, QUEUE_AND_GPU, BLIND, (Outage(place, 300.0, 900.0),))
    assert (run.killed, run.unfinished, run.cold_starts) == (0, 0, 1)
    assert run.timeline.unknown.at(350.0) == 0
    assert run.timeline.unknown.at(800.0) == 1
    assert run.timeline.unknown.at(960.0) == 0


def test_an_error_takes_the_push_stream_away_until_the_next_poll() -> None:
    """
    The scaler is away from 599 s to 611 s, and the poll at 600 s meets that.

    A job at 612 s has to wait for the next poll at 615 s; without the outage it wakes the workload at once.
    """
    jobs = workload((612.0, 10.0))
    run = _run(jobs, outages=(Outage(Place.SCALER, 599.0, 611.0),))
    assert run.timeline.wanted.times[0] == pytest.approx(615.0)
    assert _run(jobs).timeline.wanted.times[0] == pytest.approx(612.015)


def test_a_stream_that_broke_unnoticed_is_opened_again_after_two_seconds() -> None:
    """
    The scaler restarts within a second, between two polls: the stream is back 2 s after it broke.
    """
    run = _run(workload((604.0, 10.0)), outages=(Outage(Place.SCALER, 601.0, 602.0),))
    assert run.timeline.wanted.times[0] == pytest.approx(604.015)
    earlier = _run(workload((602.5, 10.0)), outages=(Outage(Place.SCALER, 601.0, 602.0),))
    assert earlier.timeline.wanted.times[0] == pytest.approx(603.01, abs=0.01)


def test_the_newest_goes_first_even_if_it_works() -> None:
    """
    The first of two jobs ends early. The newest pod is told to go, although it works, and its job is cut off.

    With pod deletion cost the idle one goes.
    """
    jobs = workload((100.0, 50.0), (100.0, 900.0))
    assert _run(jobs).killed == 1
    marked = _run(jobs, world=replace(EXACT, deletion_cost=True))
    assert (marked.killed, marked.unfinished) == (0, 0)
    assert marked.timeline.wanted.at(900.0) == 1


def test_requests_wake_by_way_of_prometheus() -> None:
    """
    A rate is known only after two collections, so a burst of requests wakes within 15 s or so.
    """
    policy = replace(
        REQUESTS, rules={signal: rule for signal, rule in REQUESTS.rules.items() if signal.value == "requests"}
    )
    run = _run(workload(*((600.0 + turn, 2.0) for turn in range(30))), policy)
    assert 600 < run.timeline.wanted.times[0] <= 620
    assert run.unfinished == 0


def test_every_period_can_be_sped_up() -> None:
    """
    A world that turns a hundred times faster has the same story a hundred times earlier.
    """
    params, keda = TargetParams(idle_window=118.0), replace(OURS_BY_THE_CHART, cooldown_period=40.0)
    slow = simulate(workload((101.3, 11.7)), Ours(replace(QUEUE, params=params), keda), EXACT, 0)
    fast = simulate(
        workload((1.013, 0.117), span=36.0),
        Ours(
            replace(QUEUE, params=TargetParams(idle_window=1.18, stabilization=0.6)),
            replace(keda, polling_interval=0.15, cooldown_period=0.4, sync=0.15),
            Reading(interval=0.05, safety_net=0.1, latency=0.00005, push=0.0001),
        ),
        replace(EXACT, model_load=0.6, grace=0.3, gpu_collection=0.3, scrape_interval=0.15),
        0,
    )
    assert [time / 100 for time in slow.timeline.wanted.times] == pytest.approx(fast.timeline.wanted.times, abs=0.002)
    assert [wait / 100 for wait in slow.waits] == pytest.approx(fast.waits, abs=0.002)
