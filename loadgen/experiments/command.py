"""
`loadgen run`: an experiment, its table and its report.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from loadgen.errors import CommandError, UsageError

if TYPE_CHECKING:
    from loadgen.experiments.running import Results

# ruff: noqa: PLC0415 - what the command needs is imported when it runs: the help need not wait for the drawing

_REPORT = "report.html"
_SUFFIX = ".yaml"
_SHIPPED = Path(__file__).with_name("shipped")


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """
    Add `loadgen run`.
    """
    shipped = ", ".join(sorted(path.stem for path in _SHIPPED.glob(f"*{_SUFFIX}")))
    parser = commands.add_parser(
        "run",
        help="simulate an experiment and report what each policy costs",
        description="Simulate every cell of an experiment in virtual time, write a table and one HTML report. What has "
        "been simulated already is not done again, so that a run that was stopped goes on.",
    )
    parser.add_argument(
        "experiment", metavar="EXPERIMENT", help=f"an experiment file, or the name of one that comes along: {shipped}"
    )
    parser.add_argument(
        "--output", type=Path, metavar="FOLDER", help="where results go (default results/NAME, from here)"
    )
    parser.add_argument(
        "--engine",
        default="processes",
        metavar="ENGINE",
        help="processes (default) or dask; dask=ADDRESS for a cluster that is there already",
    )
    parser.add_argument(
        "--workers", type=int, default=os.cpu_count() or 1, metavar="N", help="side by side (default: one a processor)"
    )
    parser.add_argument(
        "--no-report", action="store_true", help="write the table only (needs nothing of the lab extra)"
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """
    Run an experiment.

    Raises:
        UsageError: the experiment, or an option, makes no sense.
        CommandError: something could not be read or written, or is not installed.
    """
    from loadgen.experiments.bar import progress_bar
    from loadgen.experiments.document import parse
    from loadgen.experiments.engines import engine
    from loadgen.experiments.running import plan
    from loadgen.experiments.running import run as run_plan
    from loadgen.experiments.table import write

    if options.workers < 1:
        raise UsageError(f"--workers: must be at least 1, not {options.workers}")
    report = None if options.no_report else _report()
    path = _found(options.experiment)
    source = _text(path)
    try:
        planned = plan(parse(source), path.parent)
    except UsageError as error:
        raise UsageError(f"{path}: {each}" for each in error.sentences) from error
    output = options.output or Path("results") / path.stem
    working = engine(options.engine, options.workers)
    try:
        with progress_bar(path.stem) as progress:
            results = run_plan(planned, output, working, progress)
    except KeyboardInterrupt:
        sys.stderr.write(f"loadgen: stopped; what is done is kept in {output}: the same command goes on from there\n")
        raise
    written = write(results, output)
    if report is not None:
        report(results, source, output / _REPORT)
        written.append(output / _REPORT)
    known = len(results.measured) - results.fresh
    sys.stdout.write(f"{len(results.measured)} cells, {known} of them known before\n")
    for each in written:
        sys.stdout.write(f"{each}\n")
    return 0


def _report() -> Callable[[Results, str, Path], None]:
    """
    Return what writes reports, or say at once that it is not installed: not after an hour of simulation.
    """
    try:
        from loadgen.report.page import write
    except ModuleNotFoundError as error:
        name = str(error.name).partition(".")[0]
        raise CommandError(
            f"{name} is not installed: in a clone, pip install '.[lab]', or leave the report out (--no-report)"
        ) from error
    return write


def _found(name: str) -> Path:
    path = Path(name)
    if path.suffix or path.exists():
        return path
    return _SHIPPED / f"{name}{_SUFFIX}" if (_SHIPPED / f"{name}{_SUFFIX}").exists() else path


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise UsageError(f"{path}: cannot be read: {reason}") from error
