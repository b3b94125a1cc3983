"""
The command put together: reads what happened, simulates the same, and shows how they agree.
"""

from __future__ import annotations

import argparse
import json
import sys
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from rich.console import Console
from rich.table import Table

from loadgen.errors import CommandError, UsageError
from loadgen.experiments.document import Experiment, parse
from loadgen.experiments.grid import variants
from loadgen.live.watch.comparing import Comparison, compare, middle
from loadgen.live.watch.history import Arrivals, History, read_arrivals, read_history
from loadgen.live.watch.prometheus import Queries, history_of, queries
from loadgen.recording.prometheus import Prometheus, Span
from loadgen.simulation.run import Run
from loadgen.simulation.scaling import Fixed, Scaling
from loadgen.simulation.simulate import simulate
from loadgen.simulation.world import World

Value = TypeVar("Value")


def watch(options: argparse.Namespace) -> int:
    """
    Compare, show, and return the exit status: 0, or 1 if it agrees less than was asked for.

    Raises:
        UsageError: the options or a file make no sense.
        CommandError: Prometheus cannot be asked, or the picture cannot be drawn.
    """
    experiment = _read(options.experiment)
    scaling, world = _scaling(experiment, options.policy), _world(experiment, options.world)
    world = replace(world, aligned=options.from_creation)
    if not isinstance(scaling, Fixed):
        scaling = replace(scaling, keda=replace(scaling.keda, sync=options.hpa_sync))
    history = read_history(options.history) if options.history is not None else _asked(options)
    arrivals = read_arrivals(options.jobs, history)
    runs = {seed: simulate(arrivals.workload, scaling, world, seed) for seed in range(1, options.seeds + 1)}
    comparisons = [compare(history, arrivals, run) for run in runs.values()]
    chosen = middle(comparisons)
    if options.json:
        figures = {**chosen.figures(), "seeds": [each.figures() for each in comparisons], "outside": arrivals.outside}
        sys.stdout.write(f"{json.dumps(figures)}\n")
    else:
        _show(chosen, comparisons, history, arrivals)
    if options.plot is not None:
        _draw(options, history, arrivals, runs[chosen.seed])
    return 0 if _good_enough(chosen, options) else 1


def _read(path: Path) -> Experiment:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise UsageError(f"{path}: cannot be read: {reason}") from error
    try:
        return parse(text)
    except UsageError as error:
        raise UsageError(f"{path}: {each}" for each in error.sentences) from error


def _scaling(experiment: Experiment, name: str | None) -> Scaling:
    bases = {each.policy: each.scaling for each in variants(experiment) if each.base}
    return _named(bases, name, "policy")


def _world(experiment: Experiment, name: str | None) -> World:
    return _named({each: section.world() for each, section in experiment.worlds.items()}, name, "world")


def _named(known: dict[str, Value], name: str | None, what: str) -> Value:
    names = ", ".join(known)
    if name is None:
        if len(known) > 1:
            raise UsageError(f"--{what}: must be one of {names}, for the experiment has several")
        return next(iter(known.values()))
    if name not in known:
        raise UsageError(f"--{what}: must be one of {names}, not {name[:60]!r}")
    return known[name]


def _asked(options: argparse.Namespace) -> History:
    if options.prometheus is None or options.start is None or options.end is None:
        raise UsageError("give --history FILE, or --prometheus URL with --start and --end")
    if options.replicas_query is None and options.workload is None:
        raise UsageError("--prometheus needs --workload, or --replicas-query")
    start, end = _moment(options.start, "--start"), _moment(options.end, "--end")
    wanted = queries(options.by, options.namespace, options.workload or "")
    if options.replicas_query is not None:
        wanted = Queries(options.replicas_query, options.replicas_query)
    if options.pods_query is not None:
        wanted = replace(wanted, pods=options.pods_query)
    with closing(Prometheus(options.prometheus, options.token_file, options.ca)) as prometheus:
        return history_of(prometheus, wanted, Span(start, end, options.step), options.namespace)


def _moment(text: str, flag: str) -> float:
    try:
        return float(text)
    except ValueError:
        pass
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(f"{flag}: must be ISO 8601 or seconds since 1970, not {text[:60]!r}") from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _draw(options: argparse.Namespace, history: History, arrivals: Arrivals, run: Run) -> None:
    try:
        from loadgen.live.watch.picture import draw  # noqa: PLC0415 - matplotlib is in the lab's extra only
    except ImportError as error:
        raise CommandError("--plot needs the extra `lab`: in a clone, pip install '.[lab]'") from error
    draw(options.plot, history, arrivals, run)


def _good_enough(chosen: Comparison, options: argparse.Namespace) -> bool:
    if options.agree is not None and chosen.agree * 100 < options.agree:
        return False
    if options.gpu_within is None:
        return True
    ratio = chosen.gpu_ratio
    return chosen.gpu_simulated == 0 if ratio is None else abs(ratio - 1) * 100 <= options.gpu_within


def _show(chosen: Comparison, comparisons: list[Comparison], history: History, arrivals: Arrivals) -> None:
    console = Console(highlight=False)
    jobs = len(arrivals.workload.arrivals)
    console.print(f"{jobs} jobs in {history.span:.0f} s" + _outside(arrivals))
    agreements = [each.agree * 100 for each in comparisons]
    spread = (
        f" ({min(agreements):.1f} to {max(agreements):.1f} over {len(comparisons)} seeds)" if comparisons[1:] else ""
    )
    console.print(f"replicas agree at {chosen.agree * 100:.1f} % of the seconds{spread}", style="bold")
    console.print(f"and differ by one at most at {chosen.within_one * 100:.1f} %")
    table = Table("", "live", "simulated", "simulated / live", box=None, padding=(0, 2, 0, 0))
    for name, live, simulated in _rows(chosen):
        ratio = f"{simulated / live:.3f}" if live and simulated is not None else ""
        table.add_row(name, _number(live), _number(simulated), ratio)
    console.print(table)


def _outside(arrivals: Arrivals) -> str:
    return f"; {arrivals.outside} that came before or after are left out" if arrivals.outside else ""


def _rows(chosen: Comparison) -> list[tuple[str, Any, Any]]:
    live, simulated = chosen.waits_live, chosen.waits_simulated
    return [
        ("GPU-seconds", chosen.gpu_live, chosen.gpu_simulated),
        ("replicas started", chosen.starts_live, chosen.starts_simulated),
        ("wait, mean (s)", live.mean, simulated.mean),
        ("wait, p50 (s)", live.p50, simulated.p50),
        ("wait, p95 (s)", live.p95, simulated.p95),
    ]


def _number(value: float | None) -> str:
    if value is None:
        return "unknown"
    return f"{value:.0f}" if value == int(value) else f"{value:.2f}"
