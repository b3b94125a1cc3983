"""
The demo: the real scaler in an embedded world, telling and checking its own story on one machine.
"""

from __future__ import annotations

import asyncio
import signal
from importlib.util import find_spec

from rich.console import Console

_FAILED = 1
_INTERRUPTED = 128 + signal.SIGINT
_TERMINATED = 128 + signal.SIGTERM


def run_demo(*, fast: bool, plain: bool | None = None) -> int:
    """
    Run the demo and return its exit status: 0 if the story went as told, 1 if not, 130 after Ctrl-C.

    *plain* tells it line by line even where there is a terminal to draw on.
    """
    console = Console()
    if find_spec("fakeredis") is None:
        console.print("The demo needs fakeredis: in a clone, pip install '.[demo]'", markup=False, highlight=False)
        return _FAILED
    try:
        return asyncio.run(_run(console, fast=fast, plain=bool(plain)))
    except KeyboardInterrupt:
        return _INTERRUPTED
    except asyncio.CancelledError:
        return _TERMINATED


async def _run(console: Console, *, fast: bool, plain: bool) -> int:
    # Imported here, because fakeredis is an extra that a service has no use for.
    from scaler.demo.picture import can_draw  # noqa: PLC0415
    from scaler.demo.runner import run_story  # noqa: PLC0415
    from scaler.demo.summary import print_summary  # noqa: PLC0415
    from scaler.demo.tempo import FAST, NORMAL  # noqa: PLC0415

    picture = not plain and can_draw(console)
    telling = asyncio.create_task(run_story(FAST if fast else NORMAL, console, picture=picture))
    for ending in (signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(ending, telling.cancel)
    outcome = await telling
    print_summary(outcome, console)
    return 0 if outcome.as_told else _FAILED
