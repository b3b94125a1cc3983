"""
The timeline: replicas, jobs and GPU use from the beginning of the story to its expected end, in the width there is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

from rich.console import Group
from rich.text import Text

from scaler.demo.chart import NOT_YET, Column, bars
from scaler.demo.scene import Sample, Scene

PHASE_STYLES = {"idle": "grey50", "waking": "yellow", "active": "green", "holding": "magenta"}
_LABEL = 9
_VALUE = 9


def timeline(scene: Scene, width: int, rows: int) -> Group:
    """
    Draw three charts of so many rows above one another, and below them where the chapters begin.
    """
    span = max(scene.tempo.whole, scene.now)
    columns = width - _LABEL - _VALUE
    shown = _columns(scene.samples, span, columns)
    most_jobs = max((_jobs(sample) or 0 for sample in scene.samples), default=0)
    latest = scene.samples[-1] if scene.samples else None
    replicas = bars([_paint(sample, _replicas_column) for sample in shown], scene.tempo.replicas, rows)
    jobs = bars([_paint(sample, _jobs_column) for sample in shown], max(most_jobs, 1), rows)
    gpus = bars([_paint(sample, _gpu_column) for sample in shown], 100 * scene.tempo.replicas, rows)
    return Group(
        *_labelled("replicas", replicas, f"{latest.replicas}" if latest else ""),
        *_labelled("jobs", jobs, _jobs_text(latest)),
        *_labelled("GPU use", gpus, f"{latest.gpu_percent} %" if latest else ""),
        _chapter_marks(scene, span, columns),
    )


def _columns(samples: Sequence[Sample], span: float, columns: int) -> list[Sample | None]:
    # The last sample of each stretch of time; a stretch without one repeats what was before, and the future is empty.
    shown: list[Sample | None] = [None] * columns
    for sample in samples:
        shown[min(int(sample.at / span * columns), columns - 1)] = sample
    latest = max((index for index, sample in enumerate(shown) if sample), default=0)
    for before, index in pairwise(range(latest + 1)):
        shown[index] = shown[index] or shown[before]
    return shown


def _paint(sample: Sample | None, column: Callable[[Sample], Column]) -> Column:
    return NOT_YET if sample is None else column(sample)


def _replicas_column(sample: Sample) -> Column:
    return Column(sample.replicas, PHASE_STYLES.get(sample.word.phase, "") if sample.word else "")


def _jobs_column(sample: Sample) -> Column:
    jobs = _jobs(sample)
    return Column(jobs, "red" if jobs is None else "cyan")


def _gpu_column(sample: Sample) -> Column:
    return Column(sample.gpu_percent, "blue")


def _jobs(sample: Sample) -> int | None:
    return None if sample.depth is None else sample.depth.waiting + sample.depth.in_flight


def _jobs_text(sample: Sample | None) -> str:
    if sample is None:
        return ""
    jobs = _jobs(sample)
    return "unknown" if jobs is None else f"{jobs}"


def _labelled(label: str, chart: Sequence[Text], value: str) -> list[Text]:
    # The label stands at the chart's foot, where its axis is; so does the present value.
    rows = []
    for index, line in enumerate(chart):
        last = index == len(chart) - 1
        rows.append(
            Text.assemble(
                (f"{label if last else '':<{_LABEL}}", "bold"), line, (f"{value if last else '':>{_VALUE}}", "bold")
            )
        )
    return rows


def _chapter_marks(scene: Scene, span: float, columns: int) -> Text:
    marks = ["─"] * columns
    for chapter in scene.chapters:
        marks[min(int(chapter.at / span * columns), columns - 1)] = str(chapter.number)
    return Text(f"{'chapter':<{_LABEL}}{''.join(marks)}{f'{scene.now:.0f} s':>{_VALUE}}", "grey50")
