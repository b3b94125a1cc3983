"""
The charts of a report: cost against waiting, and replicas and demand over time.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, MaxNLocator, NullLocator

from loadgen.report.figures import BACK, FIXED, FRONT, INK, NARROW, OURS, STOCK, style, svg
from loadgen.report.summary import Place, Score, front
from loadgen.simulation.run import Run
from loadgen.simulation.timeline import Steps
from loadgen.simulation.workload import Workload

_MOST_POINTS = 500
"""Of a line over time: a screen has not many more columns."""
_HOUR, _MINUTE = 3600.0, 60.0
_ROOM = 2.5
"""So much further than the scores that matter does a chart reach, each way."""
_SHORTEST_WAIT = 0.01
FAMILIES = ("stock", "fixed", "ours")


@dataclass(frozen=True, slots=True)
class Chosen:
    """
    A score that is looked at closely: what it is, which setting, and its colour.
    """

    name: str
    detail: str
    colour: str
    score: Score


@dataclass(frozen=True, slots=True)
class Played:
    """
    What is shown over time.
    """

    chosen: Chosen
    run: Run


def cost_against_waiting(place: Place, chosen: Sequence[Chosen], width: float) -> str:
    """
    Return the chart of all scores of a place: GPU-hours against the mean wait, with the front of stock KEDA.
    """
    shown = within(place, chosen)
    by_family = {family: [each for each in shown if each.variant.family == family] for family in FAMILIES}
    with style():
        figure = Figure(figsize=(width, 4.6), layout="constrained")
        axes = figure.subplots()
        axes.set_xscale("log")
        axes.set_yscale("log")
        line = front(score for score in by_family["stock"] if score.whole)
        axes.step(_waits(line), _gpu_hours(line), where="pre", color=FRONT, linewidth=1.3, label="front of stock KEDA")
        tips: dict[str, list[str]] = {}
        _points(axes, tips, "stock", by_family["stock"], color=STOCK, marker="o", s=18, alpha=0.6, label="stock KEDA")
        _points(axes, tips, "fixed", by_family["fixed"], color=FIXED, marker="s", s=34, label="a fixed number")
        for number, each in enumerate(chosen):
            how = {"color": each.colour, "edgecolors": BACK, "label": each.name, "zorder": 4}
            _points(axes, tips, f"chosen{number}", [each.score], marker="D", s=58, **how)
        for gid, base, label in (("tuned", False, "ours, other settings"), ("ours", True, "ours")):
            scores = [score for score in by_family["ours"] if score.variant.base is base]
            size = 210 if base else 70
            _points(axes, tips, gid, scores, color=OURS, edgecolors=BACK, marker="*", s=size, label=label, zorder=5)
        _prices(axes, by_family["ours"])
        _label(axes)
        columns = 3 if width > NARROW else 1
        figure.legend(loc="outside lower left", ncols=columns, frameon=False, fontsize="small", handletextpad=0.3)
        return svg(figure, f"GPU-hours against the mean wait on {place.workload}, {place.world}", tips)


def within(place: Place, chosen: Sequence[Chosen]) -> list[Score]:
    """
    Return the scores that the chart shows: those not far off ours and the chosen ones, so that these can be told apart.
    """
    near = [*place.ours(), *(each.score for each in chosen)]
    waits = [_wait(score) for score in near]
    costs = [score.numbers["gpu_hours"] for score in near]
    return [
        score
        for score in place.scores
        if min(waits) / _ROOM <= _wait(score) <= max(waits) * _ROOM
        and min(costs) / _ROOM <= score.numbers["gpu_hours"] <= max(costs) * _ROOM
    ]


def over_time(played: Sequence[Played], start: float, end: float, width: float) -> str:
    """
    Return the chart of some runs from *start* to *end* (seconds): demand in replicas, pods with a GPU, those ready.
    """
    with style():
        figure = Figure(figsize=(width, 0.7 + 1.55 * len(played)), layout="constrained")
        rows = figure.subplots(len(played), sharex=True, squeeze=False)[:, 0]
        highest = max(max(each.run.timeline.pods.values, default=1) for each in played)
        unit = _HOUR if end - start > _HOUR else _MINUTE
        for axes, each in zip(rows, played, strict=True):
            _row(axes, each, (start, end), unit)
            axes.set_title(each.chosen.name, fontsize="small")
            axes.set_xlim(start / unit, end / unit)
            axes.set_ylim(0, highest * 1.3)
            axes.yaxis.set_major_locator(MaxNLocator(4, integer=True))
        rows[-1].set_xlabel("hours" if unit == _HOUR else "minutes")
        handles, labels = rows[0].get_legend_handles_labels()
        columns = 3 if width > NARROW else 1
        figure.legend(handles, labels, loc="outside lower left", ncols=columns, frameon=False, fontsize="small")
        names = ", ".join(each.chosen.name for each in played)
        return svg(figure, f"Demand and replicas over time: {names}", {})


def busiest(workload: Workload) -> tuple[float, float]:
    """
    Return from when to when, for a tenth of its time, a workload has the most work, with some time before it.
    """
    length = workload.span / 10
    starts = [max(0.0, min(at - length / 10, workload.span - length)) for at in workload.arrivals]
    arrived = [0.0, *accumulate(workload.services)]

    def work(start: float) -> float:
        first, last = (bisect_left(workload.arrivals, at) for at in (start, start + length))
        return arrived[last] - arrived[first]

    start = max(starts, key=work)
    return start, start + length


def _row(axes: Axes, played: Played, part: tuple[float, float], unit: float) -> None:
    timeline, colour = played.run.timeline, played.chosen.colour
    for steps, alpha, label in ((timeline.pods, 0.3, "holding a GPU"), (timeline.ready, 0.75, "ready")):
        times, values = _thinned(steps, *part)
        at = [time / unit for time in times]
        axes.fill_between(at, values, step="post", color=colour, alpha=alpha, linewidth=0, label=label)
    times, demand = _thinned(timeline.demand, *part)
    wanted = [jobs / played.run.world.concurrency for jobs in demand]
    at = [time / unit for time in times]
    axes.step(at, wanted, where="post", color=INK, linewidth=0.8, label="jobs present, in replicas")


def _thinned(steps: Steps, start: float, end: float) -> tuple[list[float], list[int]]:
    """
    Return a step function with one value a column, the highest within it, so that no peak is lost.
    """
    width = (end - start) / _MOST_POINTS
    highest = [0] * _MOST_POINTS
    for since, until, value in steps.pieces(start, end):
        for column in range(int((since - start) / width), min(int((until - start) / width) + 1, _MOST_POINTS)):
            highest[column] = max(highest[column], value)
    kept = [0] + [column for column in range(1, _MOST_POINTS) if highest[column] != highest[column - 1]]
    return [start + column * width for column in kept] + [end], [highest[column] for column in kept] + [highest[-1]]


def _prices(axes: Axes, ours: Sequence[Score]) -> None:
    """
    Draw the curve of an economic policy through the prices of waiting that it was told, to choose one by.
    """
    for policy in dict.fromkeys(score.variant.policy for score in ours):
        told = [(score.variant.price, score) for score in ours if score.variant.policy == policy]
        curve = sorted(((price, score) for price, score in told if price is not None), key=lambda each: each[0])
        if len(curve) > 1:
            scores = [score for _, score in curve]
            axes.plot(_waits(scores), _gpu_hours(scores), color=OURS, linewidth=1.0, zorder=4)
            for price, score in curve:
                at = (_wait(score), score.numbers["gpu_hours"])
                axes.annotate(
                    f"{price:g}", at, xytext=(6, 5), textcoords="offset points", color=INK, fontsize="small", zorder=6
                )


def _points(axes: Axes, tips: dict[str, list[str]], gid: str, scores: Sequence[Score], **how: Any) -> None:
    if not scores:
        return
    points = axes.scatter(_waits(scores), _gpu_hours(scores), **{"linewidths": 0.8, "zorder": 3, **how})
    points.set_gid(gid)
    tips[gid] = [_tip(score) for score in scores]


def _tip(score: Score) -> str:
    numbers = score.numbers
    label = f" ({score.variant.label})" if score.variant.label else ""
    undone = "" if score.whole else f", {numbers['unfinished']:g} jobs undone"
    return (
        f"{score.variant.policy}{label}: {numbers['gpu_hours']:.2f} GPU-hours, mean wait {numbers['wait_mean']:.1f} s, "
        f"p95 {numbers['wait_p95']:.0f} s, {numbers['killed']:g} jobs cut off{undone}"
    )


def _label(axes: Axes) -> None:
    axes.set_xlabel("mean wait of a job, seconds")
    axes.set_ylabel("GPU-hours")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        axis.set_major_formatter("{x:g}")
        axis.set_minor_locator(NullLocator())


def _wait(score: Score) -> float:
    """
    Return the mean wait, which a logarithm cannot show below this.
    """
    return max(score.numbers["wait_mean"], _SHORTEST_WAIT)


def _waits(scores: Sequence[Score]) -> list[float]:
    return [_wait(score) for score in scores]


def _gpu_hours(scores: Sequence[Score]) -> list[float]:
    return [score.numbers["gpu_hours"] for score in scores]
