"""
How fast the simulator is, and how near it comes to known costs: `python -m tests.bench.simulation [--economic]`.

Figures are printed with their goals and never tested: they depend on the machine, and on who else is using it. With
`--economic` the plain model plays all five workloads with known costs through every stock setting and the economic
policy, which takes some minutes on each core.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from math import exp, log
from random import Random
from statistics import fmean

from rich.console import Console
from rich.table import Table

from loadgen.simulation.plain import DEFAULT_STOCK, EXTENDED_STOCK, STOCK
from loadgen.simulation.scaling import Measure, Ours, Prometheus, Redis, Scaling, Stock
from loadgen.simulation.simulate import simulate
from loadgen.simulation.workload import Workload
from loadgen.simulation.world import World
from scaler.domain.policy import Policy, SignalRule
from scaler.domain.readings import Signal
from tests.loadgen.simulation.economic import Expected, by_price, cheapest, expected

_DAY = 86400.0
_NAMES = ("functions-sparse", "functions-bursty", "coding-agents-5", "coding-agents-10", "llm-office-hours")
_QUEUE = SignalRule(1.0)
_GPU = SignalRule(80.0, 10.0, 10.0, freshness=90.0, at_workload=True)
_SCALINGS: dict[str, Scaling] = {
    "our policy, queue": Ours(Policy(rules={Signal.QUEUE: _QUEUE})),
    "our policy, queue and GPU": Ours(Policy(rules={Signal.QUEUE: _QUEUE, Signal.GPU: _GPU})),
    "stock redis": Stock((Redis(1.0),)),
    "stock redis and prometheus": Stock((Redis(1.0), Prometheus(Measure.GPU, 80.0))),
}


def main(arguments: Sequence[str]) -> int:
    """
    Measure and print.
    """
    console = Console(highlight=False)
    console.print(_speeds())
    if "--economic" in arguments:
        console.print(_costs())
    return 0


def _speeds() -> Table:
    table = Table("a day of", "scaled by", "CPU s", "times real time", "goal", title="Speed of the simulator")
    for jobs, service, goal in ((1000, 20.0, "20,000 times"), (100_000, 5.0, "10 s")):
        day = _poisson(jobs, service)
        for name, scaling in _SCALINGS.items():
            begun = time.process_time()
            simulate(day, scaling, World(), 1)
            took = time.process_time() - begun
            table.add_row(f"{jobs:,} jobs", name, f"{took:.2f}", f"{_DAY / took:,.0f}", goal)
        begun = time.process_time()
        simulate(day, _SCALINGS["stock redis"], World(), 1).outcome(1.0)
        table.add_row(
            f"{jobs:,} jobs", "stock redis, and its outcome with the bound", f"{time.process_time() - begun:.2f}"
        )
    return table


def _poisson(jobs: int, service: float) -> Workload:
    rng = Random(1)  # noqa: S311 - arrivals are to be the same each time, not secret
    arrivals = tuple(sorted(rng.uniform(0, _DAY) for _ in range(jobs)))
    return Workload("poisson", arrivals, tuple(0.1 + rng.expovariate(1 / service) for _ in range(jobs)), _DAY)


def _costs() -> Table:
    table = Table(
        "cell",
        "default",
        "best",
        "best, extended",
        "economic",
        title="Costs of the plain model over known ones (0.97 to 1.03)",
    )
    by_workload: dict[str, list[float]] = {}
    pieces = [(name, cold_start) for name in _NAMES for cold_start in (20.0, 90.0, 300.0)]
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        for cells in pool.map(_compared, pieces):
            for cell, ratios in cells:
                table.add_row(str(cell), *(f"{ratio:.3f}" for ratio in ratios))
                by_workload.setdefault(cell.workload, []).append(log(ratios[-1]))
    for name, logarithms in by_workload.items():
        table.add_row(f"{name}, geometric mean", "", "", "", f"{exp(fmean(logarithms)):.3f}")
    return table


def _compared(piece: tuple[str, float]) -> list[tuple[Expected, tuple[float, ...]]]:
    return list(_ratios(*piece))


def _ratios(name: str, cold_start: float) -> Iterator[tuple[Expected, tuple[float, ...]]]:
    for cell in expected(name):
        if cell.cold_start == cold_start:
            known = ((DEFAULT_STOCK, cell.default), (STOCK, cell.best), (EXTENDED_STOCK, cell.extended))
            stock = tuple(cheapest(cell, settings) / cost for settings, cost in known)
            yield cell, (*stock, by_price(cell) / cell.economic)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
