"""
The picture of a comparison: replicas live and simulated, one above the other, and the jobs that came.
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from loadgen.errors import CommandError
from loadgen.live.watch.history import Arrivals, History
from loadgen.simulation.run import Run
from loadgen.simulation.timeline import Steps

_LIVE, _SIMULATED, _APART = "#1f6f8b", "#d1603d", "#f3d9a4"
_MINUTE = 60.0
_LONG = 10 * _MINUTE


def draw(path: Path, history: History, arrivals: Arrivals, run: Run) -> None:
    """
    Write the picture; the file's suffix says in which format.

    Raises:
        CommandError: it cannot be written.
    """
    unit, name = (_MINUTE, "minutes") if history.span > _LONG else (1.0, "seconds")
    figure = Figure(figsize=(9, 5.4), layout="constrained")
    replicas, jobs = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    live, simulated = history.replicas, run.timeline.wanted
    _apart(replicas, live, simulated, history.span, unit)
    _line(replicas, live, history.span, unit, _LIVE, "live")
    _line(replicas, simulated, history.span, unit, _SIMULATED, "simulated")
    replicas.set_ylabel("replicas")
    replicas.yaxis.set_major_locator(MaxNLocator(integer=True))
    replicas.set_ylim(0, max((1, *live.values, *simulated.values)) * 1.2)
    replicas.legend(loc="upper right", frameon=False)
    jobs.hist(
        [at / unit for at in arrivals.workload.arrivals], bins=120, range=(0, history.span / unit), color="#777777"
    )
    jobs.set_ylabel("jobs that came")
    jobs.set_xlabel(f"{name} from the beginning")
    for axes in (replicas, jobs):
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(alpha=0.3)
    try:
        figure.savefig(path)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise CommandError(f"{path}: the picture cannot be written: {reason}") from error


def _line(axes: Axes, steps: Steps, end: float, unit: float, colour: str, label: str) -> None:
    pieces = list(steps.pieces(0.0, end))
    times = [since / unit for since, _, _ in pieces] + [end / unit]
    values = [value for _, _, value in pieces]
    axes.step(times, [*values, values[-1]], where="post", color=colour, label=label, linewidth=1.6)


def _apart(axes: Axes, one: Steps, other: Steps, end: float, unit: float) -> None:
    edges = sorted({0.0, end, *(time for time in (*one.times, *other.times) if 0 < time < end)})
    for since, until in pairwise(edges):
        if one.at(since) != other.at(since):
            axes.axvspan(since / unit, until / unit, color=_APART, linewidth=0)
