"""
What the economic policy costs over stock KEDA: `python -m tests.bench.economic`, five workloads in the load lab.

The shipped experiment `price-of-waiting` is played with the lab's own KEDA and HPA. What was simulated before is kept
in build/lab, so that only what changed is played again; the first time takes an hour of one core. Every cell is
printed, the losses too, and beside it how far the lab is from costs that others have computed, where these are at hand.
Ratios go to build/economic.json. The exit status is 0 whatever they are.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from loadgen import experiments
from loadgen.experiments.bar import progress_bar
from loadgen.experiments.document import parse
from loadgen.experiments.engines import engine
from loadgen.experiments.running import plan, run
from loadgen.experiments.table import write
from loadgen.report.page import write as write_report
from loadgen.report.summary import Line, geometric_mean, lines, places
from tests.loadgen.simulation.economic import FOLDER, Expected, expected

_EXPERIMENT = Path(experiments.__path__[0]) / "shipped" / "price-of-waiting.yaml"
_OUTPUT, RESULTS = Path("build/lab/price-of-waiting"), Path("build/economic.json")
GOALS = {"over_best": 0.93, "over_default": 0.65}


def main() -> int:
    """
    Play, print and write.
    """
    os.nice(5)
    source = _EXPERIMENT.read_text(encoding="utf-8")
    planned = plan(parse(source), _EXPERIMENT.parent)
    with progress_bar(_EXPERIMENT.stem) as progress:
        results = run(planned, _OUTPUT, engine("processes", os.cpu_count() or 1), progress)
    write(results, _OUTPUT)
    write_report(results, source, _OUTPUT / "report.html")
    compared = lines(places(results), planned.experiment.waitingPrices)
    figures = ratios(compared)
    RESULTS.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    console = Console(highlight=False)
    console.print(_cells(compared))
    console.print(_summary(figures))
    console.print(f"{RESULTS}\n{_OUTPUT / 'report.html'}")
    return 0


def ratios(compared: Sequence[Line]) -> dict[str, float]:
    """
    Return what is promised, by name.

    Raises:
        ValueError: there is nothing to compare.
    """
    over_best = geometric_mean(line.against_best for line in compared)
    over_default = geometric_mean(line.against_default for line in compared)
    if over_best is None or over_default is None:
        raise ValueError("no cell could be compared")
    worst = max(line.against_best for line in compared if line.against_best is not None)
    return {"over_best": over_best, "over_default": over_default, "worst_cell": worst}


def _cells(compared: Sequence[Line]) -> Table:
    table = Table(
        "workload",
        "world",
        "price",
        "economic",
        "stock, best",
        "stock, default",
        "over best",
        "over default",
        "economic, over known",
        "best, over known",
        title="The economic policy in the load lab",
    )
    known = _known(compared)
    for line in compared:
        found = known.get((line.place.workload, _cold_start(line), line.price))
        costs = [None if score is None else score.costs[line.price] for score in (line.ours, line.best, line.default)]
        over = (None, None) if found is None else (_over(costs[0], found.economic), _over(costs[1], found.best))
        table.add_row(
            line.place.workload,
            line.place.world,
            f"{line.price:g}",
            *("-" if cost is None else f"{cost:.1f}" for cost in costs),
            *(_ratio(each) for each in (line.against_best, line.against_default, *over)),
        )
    return table


def _known(compared: Sequence[Line]) -> dict[tuple[str, float, float], Expected]:
    if not FOLDER.exists():
        return {}
    names = dict.fromkeys(line.place.workload for line in compared)
    return {(each.workload, each.cold_start, each.price): each for name in names for each in expected(name)}


def _cold_start(line: Line) -> float:
    found = re.search(r"\d+", line.place.world)
    return float(found[0]) if found else 0.0


def _over(cost: float | None, known: float) -> float | None:
    return None if cost is None else cost / known


def _ratio(ratio: float | None) -> str:
    return "-" if ratio is None else f"{ratio:.2f}"


def _summary(figures: dict[str, float]) -> Table:
    table = Table("figure", "value", "goal", title="Geometric means over all cells, and the worst of them")
    for name, value in figures.items():
        goal = GOALS.get(name)
        table.add_row(name, f"{value:.3f}", "-" if goal is None else f"at most {goal}")
    return table


if __name__ == "__main__":
    sys.exit(main())
