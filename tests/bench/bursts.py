"""
Ten thousand workloads: all at once, as after a restart of the scaler or of KEDA, then steadily; and what they cost.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from scaler.server.wire.externalscaler_pb2 import ScaledObjectRef
from tests.bench.figures import Figures, percentile
from tests.bench.keda import CALLS, Answered, Keda, at_rate, crowd
from tests.bench.scaler import Scaler
from tests.bench.world import World

_STEADY = 1000.0
"""Calls a second."""

_TIDIED_AFTER = 17.0
"""Seconds after which the scaler has given back what a burst needed."""


async def all_at_once(world: World) -> None:
    """
    Everybody asks at once, first as strangers, then as old acquaintances; at last they ask in turn.
    """
    refs, figures = crowd(world.sizes.most), world.figures
    async with world.scaler(world.redis.connection()) as (scaler, keda):
        figures.note("rss_start_mb", scaler.memory_mb())
        await _burst(scaler, keda, refs, "first_burst", figures)
        await _burst(scaler, keda, refs, "burst", figures)
        figures.note("rss_burst_mb", scaler.memory_mb())
        await _steadily(keda, refs, world)
        figures.note("rss_mb", scaler.memory_mb())
        figures.note("rss_peak_mb", scaler.memory_mb("VmHWM"))
        await _streams(scaler, keda, refs[: world.sizes.streams], figures)


async def in_turn(world: World) -> None:
    """
    What a workload costs where no burst has left its traces.
    """
    refs, figures = crowd(world.sizes.most), world.figures
    async with world.scaler(world.redis.connection()) as (scaler, keda):
        before = scaler.memory_mb()
        await keda.introduce(refs)
        await asyncio.sleep(_TIDIED_AFTER)
        figures.note("workload_kb", (scaler.memory_mb() - before) * 1024 / len(refs))


async def _burst(scaler: Scaler, keda: Keda, refs: Sequence[ScaledObjectRef], name: str, figures: Figures) -> None:
    answered, busy = Answered(), scaler.cpu_seconds()
    await keda.burst(refs, answered)
    figures.note(f"{name}_30000_cpu_s", scaler.cpu_seconds() - busy)
    figures.note(f"{name}_30000_errors", len(answered.errors))
    figures.note(f"{name}_30000_drain_s", max(answered.seconds))
    figures.remark(answered.errors)


async def _steadily(keda: Keda, refs: Sequence[ScaledObjectRef], world: World) -> None:
    answered, figures = Answered(), world.figures
    rate = _STEADY / CALLS
    await at_rate(rate, world.sizes.watched, lambda number: keda.rounds([refs[number % len(refs)]], answered))
    figures.note("steady_1000_rpc_errors", len(answered.errors))
    figures.note_times("steady_1000_rpc", answered.seconds)
    third = len(answered.seconds) // 3
    for part, seconds in (("first", answered.seconds[:third]), ("last", answered.seconds[-third:])):
        figures.note(f"steady_1000_rpc_{part}_third_p50_ms", percentile(seconds, 50) * 1000)
    figures.remark(answered.errors)


async def _streams(scaler: Scaler, keda: Keda, refs: Sequence[ScaledObjectRef], figures: Figures) -> None:
    before = scaler.memory_mb()
    streams = [keda.stream(ref) for ref in refs]
    for stream in streams:
        await stream.read()
    figures.note("stream_kb", (scaler.memory_mb() - before) * 1024 / len(refs))
    for stream in streams:
        stream.cancel()
