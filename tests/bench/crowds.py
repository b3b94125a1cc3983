"""
A thousand workloads: asked at KEDA's own cadence, and their lists read together.
"""

from __future__ import annotations

import asyncio
import time

from tests.bench.figures import percentile
from tests.bench.keda import Answered, at_rate, crowd
from tests.bench.scaler import Scaler
from tests.bench.slow_line import SlowLine
from tests.bench.world import World

_CADENCE = 100.0
"""Rounds a second that KEDA's polls and the HPA's syncs of 1,000 ScaledObjects make together, at their defaults."""

_FAR = 0.1
"""Seconds that a far server is away, each way."""

_INTERVAL, _TICKS = 2, 4
_SCRAPES, _SCRAPE_EVERY = 10, 1.0
_SOURCE = '{connection="queues",type="redis"}'
_READS = f"gpu_agent_scaler_source_reads_total{_SOURCE}"
_SPENT = f"gpu_agent_scaler_source_read_latency_seconds_sum{_SOURCE}"


async def at_cadence(world: World) -> None:
    """
    Half of the workloads have work, half of them sleep, and each is asked as KEDA does.
    """
    refs, figures, seconds = crowd(world.sizes.many), world.figures, world.sizes.watched
    async with world.scaler(world.redis.connection()) as (scaler, keda):
        await world.redis.fill(ref.scalerMetadata["queue"] for ref in refs[::2])
        await keda.introduce(refs)
        answered = Answered()
        busy = scaler.cpu_seconds()
        await at_rate(_CADENCE, seconds, lambda number: keda.rounds([refs[number % len(refs)]], answered))
        figures.note("workloads_1000_cpu_percent", (scaler.cpu_seconds() - busy) / seconds * 100)
    figures.note("workloads_1000_rpc_errors", len(answered.errors))
    figures.remark(answered.errors)
    figures.note_times("workloads_1000_rpc", answered.seconds)
    figures.note("workloads_1000_rpc_max_ms", max(answered.seconds) * 1000)


async def scraped(world: World) -> None:
    """
    Half of the workloads have work; their metrics are asked for in peace, then while KEDA calls at its cadence.
    """
    refs, figures = crowd(world.sizes.many), world.figures
    async with world.scaler(world.redis.connection()) as (scaler, keda):
        await world.redis.fill(ref.scalerMetadata["queue"] for ref in refs[::2])
        await keda.introduce(refs)
        busy = scaler.cpu_seconds()
        took = [await scaler.scrape() for _ in range(_SCRAPES)]
        figures.note("metrics_1000_cpu_ms", (scaler.cpu_seconds() - busy) / _SCRAPES * 1000)
        figures.note("metrics_1000_p50_ms", percentile(took, 50) * 1000)
        figures.note("metrics_1000_max_ms", max(took) * 1000)
        answered = Answered()
        scraping = asyncio.create_task(_scrape_on(scaler))
        await at_rate(_CADENCE, world.sizes.watched, lambda number: keda.rounds([refs[number % len(refs)]], answered))
        scraping.cancel()
    figures.note("metrics_1000_rpc_p99_ms", percentile(answered.seconds, 99) * 1000)
    figures.note("metrics_1000_rpc_max_ms", max(answered.seconds) * 1000)
    figures.remark(answered.errors)


async def _scrape_on(scaler: Scaler) -> None:
    while True:
        await scaler.scrape()
        await asyncio.sleep(_SCRAPE_EVERY)


async def read_together(world: World) -> None:
    """
    All workloads have work, so that their lists are read every interval; the server is far away: each wait shows.
    """
    refs, figures = crowd(world.sizes.many), world.figures
    async with SlowLine(world.redis.port, _FAR) as line:
        connection = world.redis.connection(addresses=[line.address])
        async with world.scaler(connection, interval=f"{_INTERVAL}s") as (scaler, keda):
            await world.redis.fill(ref.scalerMetadata["queue"] for ref in refs)
            await keda.introduce(refs)
            await _between_two_reads(scaler)
            ends_at = time.monotonic() + _TICKS * _INTERVAL  # asking for the metrics takes time itself
            lists, reads, spent = await world.redis.reads(), await scaler.metric(_READS), await scaler.metric(_SPENT)
            await asyncio.sleep(ends_at - time.monotonic())
            lists, reads = await world.redis.reads() - lists, await scaler.metric(_READS) - reads
            spent = await scaler.metric(_SPENT) - spent
            figures.note("redis_reads_per_tick_1000_lists", reads / _TICKS)
            figures.note("redis_lists_per_tick_1000_lists", lists / _TICKS)
            figures.note("redis_round_trips_per_read_1000_lists", spent / reads / line.round_trip)


async def _between_two_reads(scaler: Scaler) -> None:
    before = await scaler.metric(_READS)
    while await scaler.metric(_READS) == before:  # noqa: ASYNC110 - another process cannot wake us
        await asyncio.sleep(_INTERVAL / 10)
    await asyncio.sleep(_INTERVAL / 4)
