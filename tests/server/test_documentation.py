"""
METRICS.md says what is exposed, how much of it there can be, and Prometheus finds nothing to complain of.
"""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from scaler.engine.views import WatchMode
from scaler.server.metrics import Exposition, Snapshot
from tests.chart.promtool import promtool
from tests.server.documentation import SOURCE, TEXT, TRAFFIC, bounds, families, fresh, most, series, table
from tests.server.showing import StagedViews

WRITTEN = TEXT.read_text(encoding="utf-8")


def test_what_is_drawn_from_the_code_is_fresh() -> None:
    """
    If not: `python -m tests.server.documentation`.
    """
    assert fresh(WRITTEN) == WRITTEN
    assert table() in WRITTEN
    assert bounds() in WRITTEN


def test_everything_has_a_sample_and_a_meaning() -> None:
    """
    No metric is left out because nothing was staged for it, and none goes without a word.
    """
    for family in families([most()], [SOURCE]):
        assert family.samples, family.name
        assert family.documentation.endswith("."), family.name


def test_what_the_text_names_is_there() -> None:
    """
    Every metric that is spoken of below the table.
    """
    exposed = set(re.findall(r"\| `gpu_agent_scaler_(\w+)` \|", table()))
    spoken = set(re.findall(r"`(\w+_(?:seconds|total))`", WRITTEN.partition("## What the times mean")[2]))
    assert len(spoken) >= 5
    assert spoken <= exposed


@pytest.mark.parametrize("number", [1, 3, 50])
def test_series_grow_with_workloads_and_connections_alone(number: int) -> None:
    """
    Each costs the same as the one before, whatever it is called.
    """
    own, each, connection = series(), series([most()]) - series(), series(sources=[SOURCE]) - series()
    workloads = [most(f"agent-{index}") for index in range(number)]
    sources = [replace(SOURCE, connection=f"jobs-{index}", mode=WatchMode.POLLING) for index in range(number)]
    assert series(workloads, sources) == own + number * (each + connection)


def test_prometheus_finds_nothing_to_complain_of(tmp_path: Path) -> None:
    """
    `promtool check metrics`: names, units, endings, help.
    """
    views = StagedViews(known=[most(), most("other")], connections=[SOURCE])
    page = generate_latest(Exposition(Snapshot.take(views, TRAFFIC, views.workloads()), CollectorRegistry()))
    (tmp_path / "page.txt").write_bytes(page)
    assert promtool(tmp_path, "check", "metrics", given="page.txt") == (True, "")
    (tmp_path / "page.txt").write_text("# TYPE some_latency_milliseconds counter\nsome_latency_milliseconds 1\n")
    fine, said = promtool(tmp_path, "check", "metrics", given="page.txt")
    assert not fine
    assert "some_latency_milliseconds" in said
