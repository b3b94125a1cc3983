"""
The plain model against costs that others have computed with it.
"""

from __future__ import annotations

from math import exp, log
from statistics import fmean

import pytest

from loadgen.simulation.plain import DEFAULT_STOCK, STOCK, PlainStock, play
from loadgen.simulation.workload import Workload
from tests.loadgen.simulation.economic import Expected, by_price, cheapest, expected

_CELLS = [cell for name in ("functions-sparse", "functions-bursty") for cell in expected(name)]
_ROUNDING = 0.05


@pytest.mark.parametrize("cell", _CELLS, ids=str)
def test_default_settings_cost_what_is_known(cell: Expected) -> None:
    """KEDA's defaults cost within 3 % of what is known, and of its rounding."""
    assert cheapest(cell, DEFAULT_STOCK) == pytest.approx(cell.default, rel=0.03, abs=_ROUNDING)


@pytest.mark.parametrize("cell", _CELLS, ids=str)
def test_the_best_setting_costs_what_is_known(cell: Expected) -> None:
    """The best of 216 settings in hindsight costs within 3 % of what is known, and of its rounding."""
    assert cheapest(cell, STOCK) == pytest.approx(cell.best, rel=0.03, abs=_ROUNDING)


@pytest.mark.parametrize("cell", _CELLS, ids=str)
def test_the_economic_policy_costs_what_is_known(cell: Expected) -> None:
    """Told of every job, without a floor, it costs within 3 % of what is known, and of its rounding."""
    assert by_price(cell) == pytest.approx(cell.economic, rel=0.03, abs=_ROUNDING)


@pytest.mark.parametrize("name", ["functions-sparse", "functions-bursty"])
def test_the_economic_policy_costs_what_is_known_on_the_whole(name: str) -> None:
    """Over all cold starts and prices of a workload it is within 1 %, whatever single costs are rounded to."""
    ratios = [log(by_price(cell) / cell.economic) for cell in expected(name)]
    assert exp(fmean(ratios)) == pytest.approx(1, abs=0.01)


def test_one_job_can_be_followed_by_hand() -> None:
    """
    A job comes at 100 s: the poll at 120 s starts a replica, which is ready at 210 s; the job ends at 220 s.

    The last poll that sees it waiting is that of 180 s (at 210 s it has just been taken); the first one more than 300 s
    later is that of 510 s, so the GPU is held for 390 s.
    """
    outcome = play(Workload("one", (100.0,), (10.0,), 3600.0), PlainStock(), cold_start=90.0)
    assert outcome.gpu_hours * 3600 == pytest.approx(390)
    assert outcome.wait_hours * 3600 == pytest.approx(110)


def test_a_job_that_can_never_end_costs_infinitely_much() -> None:
    """Where the cooldown cuts a job off again and again, and nothing else keeps the replica, it is given up."""
    outcome = play(Workload("one", (100.0,), (1000.0,), 3600.0), PlainStock(cooldown=60.0), cold_start=20.0)
    assert outcome.cost(1.0) == float("inf")
