"""
The picture of a workload's history: curves, bands and marks as numbers for SVG, and as sentences for who sees none.

All is drawn in a field of 1000 by 100 that the page stretches; what must not be stretched is text beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from math import floor, log10

from scaler.domain.decision import Phase, Verdict
from scaler.domain.readings import Signal
from scaler.domain.wording import duration, number
from scaler.engine.views import Change, HistoryView, Sample

_WIDE = 1000.0
_GROUND, _TALLEST = 97.0, 89.0  # where nought is, and how far above the highest value: both lines are seen whole
_SPANS = (60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400)
_IN_FIVE = (300, 600, 900)  # these are divided into five parts, the others into six, so that all are whole
_NARROWEST = 1.5
_STEPS = (1, 1.5, 2, 3, 4, 5, 6, 8, 10)
_UNKNOWN = "unknown"
_TITLES = {
    Signal.QUEUE: ("queue", "jobs waiting and in flight"),
    Signal.REQUESTS: ("requests", "per second"),
    Signal.GPU: ("gpu", "per cent, all GPUs together"),
}
_LEGEND = {
    "idle": "idle",
    "waking": "waking",
    "active": "active",
    "holding": "holding (shaded through all curves)",
    _UNKNOWN: "nothing could be decided",
    "outage": "reading unknown",
    "shadow": "only watched",
}

Points = Sequence[tuple[float, float | None]]


@dataclass(frozen=True, slots=True)
class Shade:
    """
    A stretch of time that is coloured.
    """

    kind: str
    x: float
    width: float
    title: str


@dataclass(frozen=True, slots=True)
class Line:
    """
    A curve in steps.
    """

    kind: str
    path: str


@dataclass(frozen=True, slots=True)
class Panel:
    """
    One field with its scale; `told` says in words what is drawn, `present` the present value.
    """

    kind: str
    title: str
    present: str
    top: str
    bottom: str
    told: str
    lines: Sequence[Line] = ()
    shades: Sequence[Shade] = ()


@dataclass(frozen=True, slots=True)
class Mark:
    """
    A hold or an outage: when, for how long, why, and whether it lasts.
    """

    kind: str
    ago: str
    lasted: float
    text: str
    open: bool


@dataclass(frozen=True, slots=True)
class Picture:
    """
    All panels over the same time, which ends now.
    """

    span: float
    panels: Sequence[Panel]
    grid: Sequence[float]
    times: Sequence[str]
    legend: Sequence[tuple[str, str]]
    marks: Sequence[Mark]


@dataclass(frozen=True, slots=True)
class _Stretch:
    """
    Something that lasted: entries in a row that are alike.
    """

    begin: float
    end: float
    kind: str
    text: str


class _Field:
    """
    The time that is drawn.
    """

    def __init__(self, now: float, span: float) -> None:
        self.now = now
        self.begin = now - span
        self._span = span

    def x(self, at: float) -> float:
        """
        Return where a time is, at the edge if it is before.
        """
        return round(max(0.0, min(1.0, (at - self.begin) / self._span)) * _WIDE, 1)

    def shades(self, stretches: Iterable[_Stretch]) -> list[Shade]:
        """
        Return the stretches as they are coloured; none is too narrow to be seen.
        """
        return [
            Shade(
                each.kind,
                self.x(each.begin),
                max(_NARROWEST, round(self.x(each.end) - self.x(each.begin), 1)),
                each.text,
            )
            for each in stretches
            if each.end > self.begin
        ]

    def curve(self, points: Points, top: float) -> str:
        """
        Return the path of a curve: level from each point to the next; None is a gap.
        """
        steps, drawn = [], False
        for (at, value), until in zip(points, [*(at for at, _ in points[1:]), self.now], strict=True):
            if value is None or until <= self.begin:
                drawn = False
                continue
            y = round(_GROUND - value / top * _TALLEST, 1)
            steps.append(f"{f'V{y:g}' if drawn else f'M{self.x(at):g} {y:g}'}H{self.x(until):g}")
            drawn = True
        return "".join(steps)


def draw(past: HistoryView, signals: Sequence[Signal], now: float, span: float) -> Picture:
    """
    Draw a history.

    Args:
        past: the history.
        signals: what is read now; what was read is drawn, too.
        now: the present.
        span: how far back, in seconds.
    """
    field = _Field(now, span)
    holds = list(_stretches(past.changes, _hold, now))
    outages = {signal: list(_outages(past.samples, signal, now)) for signal in Signal}
    read = [signal for signal in Signal if signal in signals or any(signal in each.values for each in past.samples)]
    panels = [
        _phases(field, past),
        _replicas(field, past, field.shades(holds)),
        *(_signal(field, past, signal, field.shades([*holds, *outages[signal]])) for signal in read),
    ]
    marks = [*holds, *(each for signal in read for each in outages[signal])]
    kinds = {shade.kind for panel in panels for shade in panel.shades} | {
        line.kind for panel in panels for line in panel.lines
    }
    parts = 5 if span in _IN_FIVE else 6
    before = [span * part / parts for part in range(parts, 0, -1)]
    return Picture(
        span=span,
        panels=panels,
        grid=[round(_WIDE * part / parts, 1) for part in range(1, parts)],
        times=[*(f"{duration(seconds)} ago" for seconds in before), "now"],
        legend=[(kind, text) for kind, text in _LEGEND.items() if kind in kinds],
        marks=_marks(marks, field),
    )


def span_of(past: HistoryView, now: float) -> float:
    """
    Return the shortest round time, in seconds, in which all of a history can be drawn.
    """
    needed = now - past.since
    return next((float(span) for span in _SPANS if span >= needed), _SPANS[-1] * -(-needed // _SPANS[-1]))


def _phases(field: _Field, past: HistoryView) -> Panel:
    bands = list(_stretches(past.changes, _phase, field.now))
    present = bands[-1].kind if bands else _UNKNOWN
    told = ", ".join(
        f"{each.kind} for {duration(each.end - max(each.begin, field.begin))}"
        for each in bands
        if each.end > field.begin
    )
    return Panel("phases", "phase", present, "", "", f"Phases: {told}", shades=field.shades(bands))


def _replicas(field: _Field, past: HistoryView, shades: Sequence[Shade]) -> Panel:
    curves = [("replicas", _wanted(past))] + ([("shadow", _wanted(past.shadow))] if past.shadow else [])
    top = _top(value for _, points in curves for value in _visible(points, field))
    lines = [Line(kind, field.curve(points, top)) for kind, points in curves]
    present = _present(curves[0][1])
    if past.shadow:
        present += f", watched {_present(curves[1][1])}"
    told = f"Wanted replicas: at most {number(max(_visible(curves[0][1], field), default=0.0))}, now {present}"
    return Panel("curve", "replicas wanted", present, number(top), "0", told, lines, shades)


def _signal(field: _Field, past: HistoryView, signal: Signal, shades: Sequence[Shade]) -> Panel:
    name, unit = _TITLES[signal]
    points = [(each.at, each.values.get(signal)) for each in past.samples]
    top, present = _top(_visible(points, field)), _present(points)
    told = f"{name}, {unit}: at most {number(max(_visible(points, field), default=0.0))}, now {present}"
    line = Line(signal.value, field.curve(points, top))
    return Panel("curve", f"{name}, {unit}", present, number(top), "0", told, [line], shades)


def _wanted(past: HistoryView) -> Points:
    return [(each.at, None if each.verdict is Verdict.UNKNOWN else float(each.replicas)) for each in past.changes]


def _visible(points: Points, field: _Field) -> list[float]:
    ends = [*(at for at, _ in points[1:]), field.now]
    return [value for (_, value), end in zip(points, ends, strict=True) if value is not None and end > field.begin]


def _present(points: Points) -> str:
    value = points[-1][1] if points else None
    return _UNKNOWN if value is None else number(value)


def _top(values: Iterable[float]) -> float:
    """
    Return the end of a scale: one of a few steps with noughts, or a whole number that is little.
    """
    most = max(values, default=0.0)
    if most <= 10:  # noqa: PLR2004 - few enough to be counted
        return max(1.0, float(-(-most // 1)))
    size = 10.0 ** floor(log10(most))
    return next(size * step for step in _STEPS if size * step >= most)


def _phase(change: Change) -> tuple[str, str]:
    kind = _UNKNOWN if change.verdict is Verdict.UNKNOWN or change.phase is None else change.phase.value
    return kind, kind


def _hold(change: Change) -> tuple[str, str]:
    """
    Tell a hold by its reason, and nothing else by nothing.
    """
    if change.verdict is Verdict.UNKNOWN:
        return "outage", change.reason.value
    return ("hold", change.reason.value) if change.phase is Phase.HOLDING else ("", "")


def _stretches(changes: Sequence[Change], tell: Callable[[Change], tuple[str, str]], now: float) -> Iterator[_Stretch]:
    """
    Put changes together that are alike; those of no kind are left out.
    """
    groups = [(key, next(iter(same))) for key, same in groupby(changes, key=tell)]
    ends = [*(first.at for _, first in groups[1:]), now]
    for ((kind, _), first), end in zip(groups, ends, strict=True):
        if kind:
            yield _Stretch(first.at, end, kind, first.sentence)


def _outages(samples: Sequence[Sample], signal: Signal, now: float) -> Iterator[_Stretch]:
    groups = [
        (unknown, next(iter(same)).at) for unknown, same in groupby(samples, key=lambda each: signal in each.unknown)
    ]
    for (unknown, begin), (_, end) in pairwise([*groups, (False, now)]):
        if unknown:
            yield _Stretch(begin, end, "outage", f"the reading of {_TITLES[signal][0]} was unknown")


def _marks(stretches: Iterable[_Stretch], field: _Field) -> list[Mark]:
    """
    Return the newest first.
    """
    seen = sorted((each for each in stretches if each.end > field.begin), key=lambda each: -each.begin)
    return [
        Mark(
            each.kind,
            f"{duration(max(0.0, field.now - each.begin))} ago",
            each.end - each.begin,
            each.text,
            each.end >= field.now,
        )
        for each in seen
    ]
