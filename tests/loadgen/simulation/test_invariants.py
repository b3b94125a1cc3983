"""
What holds whatever comes, however it is scaled and whatever fails.
"""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from loadgen.simulation.run import Run
from loadgen.simulation.scaling import Fixed, Scaling
from loadgen.simulation.simulate import simulate
from loadgen.simulation.workload import Workload
from loadgen.simulation.world import World
from tests.loadgen.simulation.worlds import scalings, workloads, worlds

_CLOSE = 1e-6
_ON_A_BUSY_MACHINE = settings(
    deadline=None, derandomize=True, max_examples=40, suppress_health_check=[HealthCheck.too_slow]
)


@_ON_A_BUSY_MACHINE
@given(workloads(), scalings(), worlds(), st.integers(0, 3))
def test_no_job_is_lost(jobs: Workload, scaling: Scaling, world: World, seed: int) -> None:
    """
    At every moment, what has come is done, waits or is worked on; at the end only what still waits or runs is not done.
    """
    run = simulate(jobs, scaling, world, seed)
    assert len(run.waits) == len(jobs.arrivals)
    assert all(wait >= 0 for wait in run.waits)
    assert run.timeline.demand.at(run.end) == run.unfinished
    if not run.unfinished:
        ends = sorted(at + took + wait for at, took, wait in zip(jobs.arrivals, jobs.services, run.waits, strict=True))
        for time in (*jobs.arrivals, *(end + _CLOSE for end in ends)):
            came = sum(at <= time for at in jobs.arrivals)
            done = sum(end < time for end in ends)
            assert run.timeline.demand.at(time) == came - done


@_ON_A_BUSY_MACHINE
@given(workloads(), scalings(), worlds(), st.integers(0, 3))
def test_gpus_are_held_for_as_long_as_they_work(jobs: Workload, scaling: Scaling, world: World, seed: int) -> None:
    """
    GPU-seconds are never below busy seconds, and those are what the jobs took, lost work included.
    """
    run = simulate(jobs, scaling, world, seed)
    assert run.gpu_seconds >= run.busy_seconds - _CLOSE
    if not run.unfinished:
        assert run.busy_seconds * world.concurrency >= jobs.work - _CLOSE
    if not run.unfinished and world.concurrency == 1:
        assert run.busy_seconds == pytest.approx(jobs.work + run.lost_seconds)
    assert (run.killed == 0) == (run.lost_seconds == 0)


@_ON_A_BUSY_MACHINE
@given(workloads(), scalings(), worlds(), st.integers(0, 3))
def test_never_more_work_than_hands(jobs: Workload, scaling: Scaling, world: World, seed: int) -> None:
    """
    Pods that are ready hold a GPU, and no pod works on more than it can.
    """
    timeline = simulate(jobs, scaling, world, seed).timeline
    for time in {*timeline.pods.times, *timeline.ready.times, *timeline.in_flight.times}:
        assert timeline.ready.at(time) <= timeline.pods.at(time)
        assert timeline.in_flight.at(time) <= timeline.pods.at(time) * world.concurrency


@_ON_A_BUSY_MACHINE
@given(workloads(most=8), scalings(), worlds(), st.integers(0, 3))
def test_the_same_seed_gives_the_same_run(jobs: Workload, scaling: Scaling, world: World, seed: int) -> None:
    """
    To the last digit.
    """
    first, second = (simulate(jobs, scaling, world, seed) for _ in range(2))
    assert first == second
    assert first.outcome(1.0) == second.outcome(1.0)


def test_another_seed_gives_another_run() -> None:
    """
    Where in their rhythm things are, and how long a pod takes, is drawn.
    """
    jobs = Workload("pair", (10.0, 1000.0), (30.0, 30.0), 2000.0)
    assert len({simulate(jobs, Fixed(1), World(), seed).waits for seed in range(3)}) == 3


@_ON_A_BUSY_MACHINE
@given(
    workloads(equal=True, most=8),
    scalings(),
    worlds(failing=False, shortest_load=20),
    st.sampled_from((0.0, 0.3, 3.0, 30.0)),
)
def test_nothing_goes_below_the_clairvoyant_bound(jobs: Workload, scaling: Scaling, world: World, price: float) -> None:
    """
    With equal service times the bound is proven: whatever ends all jobs costs more.
    """
    run = simulate(jobs, scaling, world, 1)
    outcome = run.outcome(price)
    assert outcome.bound_exact
    assert run.unfinished or outcome.bound <= outcome.cost + _CLOSE


@_ON_A_BUSY_MACHINE
@given(workloads(most=8), scalings(), worlds(failing=False, shortest_load=20), st.sampled_from((0.3, 3.0)))
def test_the_bound_calls_itself_an_approximation(jobs: Workload, scaling: Scaling, world: World, price: float) -> None:
    """
    With different service times it is one, and says so; it is never far above what a run costs.
    """
    run: Run = simulate(jobs, scaling, world, 1)
    outcome = run.outcome(price)
    assert outcome.bound_exact is (len(set(jobs.services)) == 1)
    assert run.unfinished or outcome.bound <= outcome.cost * 1.02 + _CLOSE
