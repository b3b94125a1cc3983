"""
Workloads with known costs under stock settings, as others have computed them.
"""

from __future__ import annotations

import csv
import gzip
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from math import ceil
from pathlib import Path

from loadgen.simulation.plain import PlainOutcome, PlainStock, play
from loadgen.simulation.plain_economic import play_economic
from loadgen.simulation.workload import Workload
from scaler.domain.economic.params import EconomicParams

_ROOT = Path(__file__).parents[3]
FOLDER = Path(os.environ.get("SCALER_ECONOMIC", _ROOT.parent / "shared" / "economic"))
_DAY = 86400.0
_AFTERWARDS = 7200.0


@dataclass(frozen=True, slots=True)
class Expected:
    """
    The costs of one workload at one cold start and price of waiting, rounded to tenths.
    """

    workload: str
    cold_start: float
    price: float
    default: float
    best: float
    extended: float
    economic: float

    def __str__(self) -> str:
        return f"{self.workload}, cold start {self.cold_start:g} s, price {self.price:g}"


def expected(workload: str) -> Iterator[Expected]:
    """
    Yield what is known of a workload.
    """
    with (FOLDER / "expected.csv").open(newline="", encoding="utf-8") as lines:
        for row in csv.DictReader(lines):
            if row["workload"] == workload:
                columns = (
                    "cold_start_s",
                    "waiting_price",
                    "default_stock",
                    "best_stock",
                    "best_stock_extended",
                    "economic",
                )
                yield Expected(workload, *(float(row[column]) for column in columns))


@cache
def workload(name: str) -> Workload:
    """
    Return a workload; it lasts for whole days, and for two hours in which the last jobs end.
    """
    with gzip.open(FOLDER / "workloads" / f"{name}.csv.gz", "rt", encoding="utf-8") as lines:
        jobs = [(float(row["arrival_s"]), float(row["service_s"])) for row in csv.DictReader(lines)]
    arrivals, services = zip(*jobs, strict=True)
    return Workload(name, arrivals, services, ceil(arrivals[-1] / _DAY) * _DAY + _AFTERWARDS)


@cache
def outcomes(name: str, settings: Sequence[PlainStock], cold_start: float) -> tuple[PlainOutcome, ...]:
    """
    Return what a workload costs under each of several settings.
    """
    return tuple(play(workload(name), stock, cold_start) for stock in settings)


def cheapest(cell: Expected, settings: Sequence[PlainStock]) -> float:
    """
    Return the cost of the best of several settings.
    """
    return min(outcome.cost(cell.price) for outcome in outcomes(cell.workload, settings, cell.cold_start))


@cache
def by_price(cell: Expected) -> float:
    """
    Return the cost of the economic policy, told the cell's price, without a floor.
    """
    params = EconomicParams(cell.price, floor=0.0)
    return play_economic(workload(cell.workload), params, cell.cold_start).cost(cell.price)
