"""
Measures what the scaler promises: `python -m tests.bench [SCENARIO ...]`, all of them if none is named.

The real scaler runs as a process of its own with one core to itself; KEDA's side has the others, and the brokers run
where they like. All figures are printed with their goals, and written to build/bench.json. The exit status is 0 if
everything could be measured, whatever the figures are: they depend on the machine, and on who else is using it.
"""

from __future__ import annotations

import asyncio
import gc
import os
import sys
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console

from tests.bench.brokers import RedisJobs, redis_server
from tests.bench.bursts import all_at_once, in_turn
from tests.bench.crowds import at_cadence, read_together, scraped
from tests.bench.deciding import decide_alone, decide_by_price
from tests.bench.figures import Figures
from tests.bench.scaler import cores
from tests.bench.waking import wake_by_polling, wake_by_tracking, wake_rabbitmq
from tests.bench.world import Sizes, World
from tests.servers.place import NoServersError

SCENARIOS: Mapping[str, Callable[[World], Awaitable[None]]] = {
    "tracking": wake_by_tracking,
    "polling": wake_by_polling,
    "rabbitmq": wake_rabbitmq,
    "cadence": at_cadence,
    "together": read_together,
    "metrics": scraped,
    "bursts": all_at_once,
    "memory": in_turn,
    "deciding": decide_alone,
    "by-price": decide_by_price,
}
RESULTS = Path("build/bench.json")
_AT_MOST = 120.0
"""Seconds for one scenario."""


def main(names: Sequence[str]) -> int:
    """
    Measure and show; return the exit status.
    """
    if unknown := [name for name in names if name not in SCENARIOS]:
        print(f"There is no scenario {unknown[0]!r}; there are: {', '.join(SCENARIOS)}.", file=sys.stderr)
        return 2
    if not hasattr(os, "sched_setaffinity"):
        print("The scaler's core and memory can be told on Linux only.", file=sys.stderr)
        return 2
    os.sched_setaffinity(0, cores()[1])
    gc.disable()  # what KEDA's side has to tidy up is not to be measured
    console, figures = Console(highlight=False), Figures()
    try:
        failed = asyncio.run(_measure(names or tuple(SCENARIOS), figures, console))
    except NoServersError as error:
        print(error, file=sys.stderr)
        return 1
    console.print(figures.table())
    for remark, times in figures.remarks.most_common(5):
        console.print(f"{times} calls: {remark}", markup=False)
    figures.write(RESULTS)
    return 1 if failed else 0


async def _measure(names: Sequence[str], figures: Figures, console: Console) -> bool:
    failed = False
    with TemporaryDirectory(prefix="scaler-bench-") as folder, redis_server(Path(folder)) as port:
        redis = RedisJobs(port)
        world = World(Path(folder), redis, figures, Sizes())
        for name in names:
            begun = time.monotonic()
            try:
                async with asyncio.timeout(_AT_MOST):
                    await SCENARIOS[name](world)
            except (TimeoutError, RuntimeError) as error:
                failed = True
                console.print(f"{name} could not be measured: {error or 'it took too long'}", markup=False)
            console.print(f"{name}: {time.monotonic() - begun:.0f} s", style="dim")
        await redis.aclose()
    return failed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
