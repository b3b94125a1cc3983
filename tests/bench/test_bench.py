"""
The benchmark works: a few samples of everything that is quick. How fast anything is, is not tested here.
"""

from __future__ import annotations

from pathlib import Path

from tests.bench.brokers import RedisJobs
from tests.bench.bursts import all_at_once
from tests.bench.crowds import scraped
from tests.bench.figures import FIGURES, Figures, percentile
from tests.bench.waking import wake_by_tracking
from tests.bench.world import Sizes, World
from tests.servers.redis import RedisServer

FEW = Sizes(announced=3, beside=(2,), many=20, most=30, streams=5, watched=1.0)


async def test_scenarios_note_their_figures(redis: RedisServer, tmp_path: Path) -> None:
    """
    A few wakes, a small burst and some scrapes against the real scaler: each figure is a number, and no call fails.
    """
    jobs = RedisJobs(redis.port)
    figures = Figures()
    try:
        world = World(tmp_path, jobs, figures, FEW)
        await wake_by_tracking(world)
        await all_at_once(world)
        await scraped(world)
    finally:
        await jobs.aclose()
    assert figures.remarks == {}
    assert {
        "wake_redis_tracking_1000_idle_p99_ms",
        "burst_30000_drain_s",
        "rss_mb",
        "metrics_1000_p50_ms",
    } <= figures.values.keys()
    figures.write(tmp_path / "bench.json")
    assert figures.table().row_count == len(figures.values)


def test_percentiles_are_samples() -> None:
    """
    Nearest rank: of a hundred values the 99th is not exceeded by 99 of them; of one it is that one.
    """
    assert percentile(range(1, 101), 99) == 99
    assert percentile([3, 1, 2], 50) == 2
    assert percentile([7], 99) == 7


def test_every_figure_has_a_name_of_its_own() -> None:
    """
    Names are keys of the results.
    """
    assert len({figure.name for figure in FIGURES}) == len(FIGURES)
