"""
The figures of all policies as a table, one column a policy.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from rich.table import Table

_LINES = (
    ("job to replicas: 1, p50 (ms)", "wake_p50_ms", 0),
    ("job to replicas: 1, p99 (ms)", "wake_p99_ms", 0),
    ("wakes in the trace", "wakes", 0),
    ("job to replicas: 1 in the trace, p50 (ms)", "trace_wake_p50_ms", 0),
    ("job to a ready worker, p50 (s)", "ready_p50_s", 1),
    ("job to a ready worker, most (s)", "ready_max_s", 1),
    ("GPU-seconds", "gpu_seconds", 0),
    ("cold starts", "cold_starts", 0),
    ("wait, mean (s)", "wait_mean_s", 1),
    ("wait, p50 (s)", "wait_p50_s", 1),
    ("wait, p95 (s)", "wait_p95_s", 1),
    ("jobs", "jobs", 0),
    ("done exactly once", "jobs_done_once", 0),
    ("done more than once", "jobs_done_again", 0),
    ("not done", "jobs_undone", 0),
    ("cut off", "jobs_cut_off", 0),
    ("longest that a pod had no node (s)", "pending_max_s", 1),
)


def table(rows: Mapping[str, Mapping[str, float]], prices: Iterable[float], title: str) -> Table:
    """
    Return the table; a figure that a policy lacks is a dash.
    """
    made = Table(title=title, title_justify="left")
    made.add_column("")
    for row in rows:
        made.add_column(row, justify="right", no_wrap=True)
    costs = [(f"GPU-hours + {price:g} x hours waited", f"cost_at_{price:g}", 3) for price in prices]
    for label, name, digits in (*_LINES, *costs):
        cells = [f"{figures[name]:.{digits}f}" if name in figures else "-" for figures in rows.values()]
        made.add_row(label, *cells)
    return made
