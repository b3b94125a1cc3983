"""
The trace that is replayed, and the table that is printed.
"""

from __future__ import annotations

import io
from itertools import pairwise

import pytest
from rich.console import Console

from tests.comparison.table import table
from tests.comparison.trace import prices, trace


def test_the_trace_is_the_same_every_time() -> None:
    """Each policy meets the same jobs, in the order of their arrival and within the ten minutes."""
    jobs = trace(10)
    assert jobs == trace(10)
    assert all(0 <= early[0] <= late[0] < 600 for early, late in pairwise(jobs))


def test_the_trace_has_bursts_and_gaps() -> None:
    """Jobs come close together, and there is a gap between bursts in which an agent could sleep."""
    gaps = [late[0] - early[0] for early, late in pairwise(trace(10))]
    assert sum(gap < 10 for gap in gaps) >= 10
    assert sum(gap > 120 for gap in gaps) >= 2


def test_a_trial_is_the_beginning_of_the_trace() -> None:
    """Fewer minutes are the same jobs as far as they go, and some of them at least."""
    part = trace(2)
    assert part
    assert part == [job for job in trace(10) if job[0] < 120]


@pytest.mark.parametrize("width", [140])
def test_the_table_fits_a_file(width: int) -> None:
    """Four policies side by side are not cut, and a figure that one lacks is a dash."""
    names = ("stock", "tuned", "ours", "economic")
    rows = {name: {"gpu_seconds": 123456.0, "wait_p95_s": 1.25} for name in names}
    rows["ours"] = {"wait_p95_s": 61.04}
    file = io.StringIO()
    Console(file=file, width=width).print(table(rows, prices(), "Ten minutes"))
    lines = {line.split("│")[1].strip(): line for line in file.getvalue().splitlines() if line.startswith("│")}
    cells = [cell.strip() for cell in lines["GPU-seconds"].strip("│").split("│")]
    assert cells == ["GPU-seconds", "123456", "123456", "-", "123456"]
    assert "61.0" in lines["wait, p95 (s)"]
    assert sum(label.startswith("GPU-hours +") for label in lines) == len(prices())
