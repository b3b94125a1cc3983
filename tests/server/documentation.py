"""
What METRICS.md draws from the code: `python -m tests.server.documentation` writes it anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import product
from pathlib import Path

from prometheus_client import CollectorRegistry, Metric

import scaler.server
from scaler.domain.decision import Phase, Reason
from scaler.engine.durations import CALL_BOUNDS, Durations, Stopwatch
from scaler.engine.views import Hold, SourceView, WatchMode, WorkloadView
from scaler.server.calls import _STATUSES
from scaler.server.grpc_server import Traffic
from scaler.server.metrics import Exposition, Snapshot
from tests.server.showing import NOW, StagedViews, shown

TEXT = Path(scaler.server.__path__[0]) / "METRICS.md"

METHODS = ("IsActive", "GetMetricSpec", "GetMetrics", "StreamIsActive", "StreamMetricSpec")
CODES = ("OK", "CANCELLED", "INTERNAL", *dict.fromkeys(code.name for _, code in _STATUSES))
_NONE: Durations = Stopwatch(CALL_BOUNDS).durations()

TRAFFIC = Traffic(
    calls_ended_total=dict.fromkeys(product(METHODS, CODES), 1),
    calls_took=dict.fromkeys(METHODS[:3], _NONE),
    calls_in_flight=0,
    streams_open=dict.fromkeys(METHODS[3:], 0),
    pushes_sent_total=0,
    certificate_reload_failures_total=0,
)
"""Calls of every method with every outcome."""

SOURCE = SourceView("jobs", "redis", up=True, mode=WatchMode.TRACKING, last_good_seconds_ago=1.0)


def most(name: str = "agent") -> WorkloadView:
    """
    Return a workload with as many series as one can have.
    """
    return replace(shown(name=name, phase=Phase.HOLDING, reason=Reason.GPU_BUSY), expired=(Hold.GPU, NOW))


def families(workloads: Sequence[WorkloadView], sources: Sequence[SourceView]) -> list[Metric]:
    """
    Return what is exposed of so much.
    """
    views = StagedViews(known=list(workloads), connections=list(sources))
    return list(Exposition(Snapshot.take(views, TRAFFIC, views.workloads()), CollectorRegistry()).collect())


def exposed() -> set[str]:
    """
    Return the names by which the scaler's metrics can be asked for.
    """
    return {sample.name for family in families([most()], [SOURCE]) for sample in family.samples}


def series(workloads: Sequence[WorkloadView] = (), sources: Sequence[SourceView] = ()) -> int:
    """
    Count the series of so much.
    """
    return sum(len(family.samples) for family in families(workloads, sources))


def table() -> str:
    """
    Write all metrics as a table, each with what it says of itself.
    """
    rows = [_row(family) for family in families([most()], [SOURCE])]
    return "\n".join(["| metric | type | labels | meaning |", "| --- | --- | --- | --- |", *rows])


def _row(family: Metric) -> str:
    labels = dict.fromkeys(name for sample in family.samples for name in sample.labels if name != "le")
    named = ", ".join(f"`{name}`" for name in labels)
    ending = {"counter": "_total", "info": "_info"}.get(family.type, "")
    return f"| `{family.name}{ending}` | {family.type} | {named} | {family.documentation} |"


def bounds() -> str:
    """
    Write how many series there are at most.
    """
    own, each, connection = series(), series([most()]) - series(), series(sources=[SOURCE]) - series()
    thousand = own + 1000 * each + 3 * connection
    return (
        f"At most {own} of the scaler itself, {connection} for each connection and {each} for each workload: "
        f"{thousand:,} for 1,000\nworkloads with three signals each on three connections. A workload that sleeps on a "
        f"queue has {series([_sleeper()]) - own}."
    )


def _sleeper() -> WorkloadView:
    view = shown(phase=Phase.IDLE, reason=Reason.QUIET, replicas=0)
    return replace(view, decision=replace(view.decision, wants=view.decision.wants[:1]))


def fresh(text: str) -> str:
    """
    Return the text with everything between its markers drawn anew.
    """
    for name, drawn in (("metrics", table()), ("series", bounds())):
        begin, end = f"<!-- {name}: drawn from the code -->\n", f"<!-- end of {name} -->"
        before, found, rest = text.partition(begin)
        _, ended, after = rest.partition(end)
        assert found, f"the text has lost {begin}"
        assert ended, f"the text has lost {end}"
        text = f"{before}{begin}{drawn}\n{end}{after}"
    return text


if __name__ == "__main__":
    TEXT.write_text(fresh(TEXT.read_text(encoding="utf-8")), encoding="utf-8")
