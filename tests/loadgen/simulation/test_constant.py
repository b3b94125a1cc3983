"""
A constant number of replicas, against a simulation that is too simple to be wrong.
"""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from loadgen.simulation.scaling import Fixed
from loadgen.simulation.simulate import simulate
from loadgen.simulation.workload import Workload
from tests.loadgen.simulation.worlds import EXACT, workload, workloads

_CLOSE = 1e-6
_ON_A_BUSY_MACHINE = settings(deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])


def _waits(jobs: Workload, hands: int, ready_at: float) -> list[float]:
    """
    Give each job in turn to the pair of hands that is free first.
    """
    free, waits = [ready_at] * hands, []
    for arrival, service in zip(jobs.arrivals, jobs.services, strict=True):
        first = free.index(min(free))
        start = max(arrival, free[first])
        free[first] = start + service
        waits.append(start - arrival)
    return waits


@_ON_A_BUSY_MACHINE
@given(workloads(most=60), st.integers(1, 5), st.integers(1, 3), st.booleans())
def test_waits_are_those_of_an_obvious_simulation(
    jobs: Workload,
    replicas: int,
    concurrency: int,
    warm: bool,  # noqa: FBT001 - Hypothesis passes it by name
) -> None:
    """
    Warm replicas serve from the beginning, others from the end of their cold start.
    """
    world = replace(EXACT, concurrency=concurrency, overtime=1e6)
    run = simulate(jobs, Fixed(replicas, warm=warm), world, 0)
    expected = _waits(jobs, replicas * concurrency, 0.0 if warm else 60.0)
    assert list(run.waits) == pytest.approx(expected, abs=_CLOSE)


@_ON_A_BUSY_MACHINE
@given(workloads(most=60), st.integers(1, 5), st.integers(1, 3))
def test_one_more_replica_never_lengthens_a_wait(jobs: Workload, replicas: int, concurrency: int) -> None:
    """
    Of any job.
    """
    world = replace(EXACT, concurrency=concurrency, overtime=1e6)
    fewer, more = (simulate(jobs, Fixed(number), world, 0).waits for number in (replicas, replicas + 1))
    assert all(after <= before + _CLOSE for before, after in zip(fewer, more, strict=True))


def test_an_outcome_can_be_checked_by_hand() -> None:
    """
    Two jobs of 100 s at 0 s on one replica that is ready at 60 s: they wait 60 s and 160 s, and the hour is paid.
    """
    outcome = simulate(workload((0.0, 100.0), (0.0, 100.0)), Fixed(1), EXACT, 0).outcome(price=2.0)
    assert outcome.gpu_hours == pytest.approx(1.0)
    assert outcome.busy_share == pytest.approx(200 / 3600)
    assert (outcome.wait_p50, outcome.wait_p95, outcome.wait_p99, outcome.wait_mean) == (60, 160, 160, 110)
    assert outcome.cost == pytest.approx(1.0 + 2.0 * 220 / 3600)
    assert (outcome.jobs, outcome.unfinished, outcome.cold_starts, outcome.killed, outcome.flaps) == (2, 0, 1, 0, 0)
    assert outcome.zero_hours == 0
