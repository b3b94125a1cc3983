"""
The clairvoyant bound against the true optimum, which can be searched for where jobs are few and equally long.
"""

from __future__ import annotations

from itertools import pairwise, product
from random import Random

import pytest

from loadgen.simulation.clairvoyant import clairvoyant_bound
from loadgen.simulation.workload import Workload
from tests.loadgen.simulation.worlds import EXACT, workload

COLD_START = 60.0
SERVICE = 40.0


def _held(starts: list[float]) -> float:
    """
    Return the least GPU-seconds that jobs begun at these times need, with as many replicas as it takes.

    A job goes to the replica that was freed last, kept idle if that is cheaper than another cold start.
    """
    total, free = 0.0, list[float]()
    for start in sorted(starts):
        able = [end for end in free if end <= start]
        if able:
            free.remove(max(able))
        total += min(start - max(able), COLD_START) if able else COLD_START
        total += SERVICE
        free.append(start + SERVICE)
    return total


def _optimum(jobs: Workload, price: float) -> float:
    """
    Try every time at which a job could sensibly begin: when some job comes, or so many services after that.
    """
    times = sorted({at + turn * SERVICE for at in jobs.arrivals for turn in range(len(jobs.arrivals))})
    choices = [[time for time in times if time >= arrival] for arrival in jobs.arrivals]
    return min(
        _held(list(starts)) + price * sum(start - at for start, at in zip(starts, jobs.arrivals, strict=True))
        for starts in product(*choices)
        if all(earlier <= later for earlier, later in pairwise(starts))
    )


@pytest.mark.parametrize("price", [0.1, 0.5, 2.0, 10.0])
@pytest.mark.parametrize("seed", range(6))
def test_the_bound_is_below_the_optimum_and_near_it(seed: int, price: float) -> None:
    """Three jobs at random: the bound is never above the least possible cost, and at least 75 % of it."""
    rng = Random(seed)
    arrivals = sorted(1000 + rng.uniform(0, 300) for _ in range(3))
    jobs = workload(*((at, SERVICE) for at in arrivals))
    bound = clairvoyant_bound(jobs, EXACT, 4, price).cost * 3600
    assert 0.75 <= bound / _optimum(jobs, price) <= 1


def test_the_bound_of_one_job_is_its_start_and_its_work() -> None:
    """
    A single job of 100 s needs a cold start of 60 s and 100 s of work: the bound is close to that, and not above.
    """
    bound = clairvoyant_bound(workload((1000.0, 100.0)), EXACT, 5, 100.0)
    assert bound.exact
    assert 0.9 * 160 <= bound.cost * 3600 <= 160


@pytest.mark.parametrize(("price", "cost"), [(0.0, 560), (0.01, 570), (100.0, 800)])
def test_the_bound_weighs_starts_against_waiting(price: float, cost: float) -> None:
    """Five jobs of 100 s at one moment. One replica for all makes them wait 1,000 s in all; five make none."""
    bound = clairvoyant_bound(workload(*((1000.0, 100.0),) * 5), EXACT, 5, price)
    assert 0.85 * cost <= bound.cost * 3600 <= cost


def test_replicas_that_are_there_cost_no_start() -> None:
    """
    With one given, a job at once costs its work only.
    """
    jobs = workload((0.0, 100.0))
    assert clairvoyant_bound(jobs, EXACT, 5, 1.0, given=1).cost * 3600 == pytest.approx(100, rel=0.1)
