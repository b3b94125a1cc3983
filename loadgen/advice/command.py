"""
`loadgen advise`: which price of waiting to choose.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from loadgen.errors import CommandError, UsageError

if TYPE_CHECKING:
    from loadgen.advice.advice import Question, Row

# ruff: noqa: PLC0415 - what the command needs is imported when it runs

_REPORT = "advice.html"


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """
    Add `loadgen advise`.
    """
    parser = commands.add_parser(
        "advise",
        help="what a recorded workload would have cost at several prices of waiting",
        description="Play a trace (of `loadgen record`, or any CSV with arrival_s and service_s) through stock KEDA's "
        "default settings, through the best of 216 others in hindsight, and through the economic policy at "
        "several prices of waiting. Prints a table and draws cost against waiting, to choose waitingPrice by.",
    )
    add = parser.add_argument
    add("trace", metavar="TRACE", help="a CSV, or the name of a trace that comes along")
    add("--prices", default="0.3,1,3,10", metavar="LIST", help="what an hour of waiting is worth (default 0.3,1,3,10)")
    add("--cold-start", default="90s", metavar="DURATION", help="until a replica is ready (default 90s)")
    add("--service", metavar="DURATION", help="how long a job takes, where the trace does not tell")
    add("--grace", default="30s", metavar="DURATION", help="the pods' grace period (default 30s)")
    add("--max", type=int, default=8, metavar="N", help="the most replicas (default 8)")
    add("--output", type=Path, metavar="FOLDER", help="where results go (default results/advice-TRACE, from here)")
    add("--workers", type=int, default=os.cpu_count() or 1, metavar="N", help="side by side (default: one a processor)")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """
    Advise.

    Raises:
        UsageError: the trace, or an option, makes no sense.
        CommandError: something could not be read or written, or is not installed.
    """
    try:
        from loadgen.report.page import write as write_report
    except ModuleNotFoundError as error:
        raise CommandError(f"{error.name} is not installed: in a clone, pip install '.[lab]'") from error
    from loadgen.advice.advice import experiment, rows
    from loadgen.experiments.bar import progress_bar
    from loadgen.experiments.engines import engine
    from loadgen.experiments.running import plan
    from loadgen.experiments.running import run as run_plan
    from loadgen.experiments.table import write
    from loadgen.report.summary import lines, places

    if options.workers < 1:
        raise UsageError(f"--workers: must be at least 1, not {options.workers}")
    question = _question(options)
    planned = plan(experiment(question), question.trace.parent)
    output = options.output or Path("results") / f"advice-{question.trace.name.partition('.')[0]}"
    with progress_bar("advise") as progress:
        results = run_plan(planned, output, engine("processes", options.workers), progress)
    written = [*write(results, output), output / _REPORT]
    write_report(results, f"# {question}", output / _REPORT)
    _show(rows(lines(places(results), planned.experiment.waitingPrices)))
    for each in written:
        sys.stdout.write(f"{each}\n")
    return 0


def _question(options: argparse.Namespace) -> Question:
    from loadgen.advice.advice import Question
    from loadgen.traces import shipped, shipped_names

    trace = shipped(options.trace) if options.trace in shipped_names() else Path(options.trace)
    if options.max < 1:
        raise UsageError(f"--max: must be at least 1, not {options.max}")
    return Question(
        trace=trace,
        prices=_prices(options.prices),
        service=None if options.service is None else _seconds("--service", options.service),
        cold_start=_seconds("--cold-start", options.cold_start),
        grace=_seconds("--grace", options.grace),
        most=options.max,
    )


def _prices(text: str) -> list[float]:
    try:
        prices = sorted({float(each) for each in text.split(",")})
    except ValueError:
        prices = []
    if not prices or not all(0 < price <= 1000 for price in prices):  # noqa: PLR2004 - as a policy may be told
        raise UsageError(f"--prices: must be numbers above 0, at most 1000, such as 0.3,1,3, not {text[:40]!r}")
    return prices


def _seconds(option: str, text: str) -> float:
    from loadgen.experiments.values import parse_duration

    try:
        return parse_duration(text)
    except ValueError as error:
        raise UsageError(f"{option}: {error}") from error


def _show(found: Iterable[Row]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("price of waiting", "", "GPU-hours", "mean wait, s", "p95, s", "cost", box=None, header_style="dim")
    before: float | None = None
    for row in found:
        price = f"{row.price:g}" if row.price != before else ""
        numbers = (f"{row.gpu_hours:.1f}", f"{row.wait_mean:.1f}", f"{row.wait_p95:.0f}", f"{row.cost:.1f}")
        style = "bold" if row.what.startswith("economic") else ""
        table.add_row(price, row.what, *numbers, style=style)
        before = row.price
    Console(highlight=False).print(table)
