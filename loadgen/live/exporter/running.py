"""
An exporter put together as a process: what it shows, how often it looks, and its port.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from pathlib import Path

from aiohttp import web

from loadgen.errors import CommandError, UsageError
from loadgen.live.dcgm import CONTENT_TYPE, Reading, page
from loadgen.live.exporter.document import Node, read_node
from loadgen.live.exporter.workers import Workers
from loadgen.live.values import Address

_LOG = logging.getLogger(__name__)

Look = Callable[[], Awaitable[Sequence[Reading]]]


class File:
    """
    A file that describes a node; one that becomes invalid is complained of, and what was valid stays.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._node = read_node(path)
        self._complaint = ""

    async def readings(self) -> Sequence[Reading]:
        """
        Return what the file says now.
        """
        try:
            self._node, self._complaint = read_node(self._path), ""
        except UsageError as error:
            if str(error) != self._complaint:
                _LOG.warning("%s; what was valid before is still shown", error)
                self._complaint = str(error)
        return list(self._node.readings())


def look_at(node: Node | None, file: Path | None, workers: Sequence[str]) -> Look:
    """
    Return what tells the readings: a node, a file, or workers.

    Raises:
        UsageError: the file is invalid.
    """
    if file is not None:
        return File(file).readings
    if node is None:
        return Workers(workers).readings

    async def unchanging() -> Sequence[Reading]:
        return list(node.readings())

    return unchanging


def export(look: Look, address: Address, collect_every: float, *, exported: bool) -> None:
    """
    Serve `/metrics` until SIGTERM or SIGINT; *look* is called that often, as DCGM collects that often.

    Raises:
        CommandError: the address cannot be listened at.
    """
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="loadgen: %(message)s", force=True)
    asyncio.run(_export(look, address, collect_every, exported=exported))


async def _export(look: Look, address: Address, collect_every: float, *, exported: bool) -> None:
    loop, stopping = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    shown = page(await look(), exported=exported)

    async def show(_: web.Request) -> web.Response:
        return web.Response(body=shown.encode(), headers={"Content-Type": CONTENT_TYPE})

    app = web.Application()
    app.router.add_get("/metrics", show)
    app.router.add_get("/health", _healthy)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await _listen(runner, address)
        while not stopping.is_set():
            with suppress(TimeoutError):
                async with asyncio.timeout(collect_every):
                    await stopping.wait()
            shown = page(await look(), exported=exported)
    finally:
        await runner.cleanup()


async def _healthy(_: web.Request) -> web.Response:
    return web.Response(text="OK")


async def _listen(runner: web.AppRunner, address: Address) -> None:
    try:
        await web.TCPSite(runner, address.host, address.port).start()
    except OSError as error:
        where = f"{address.host or ''}:{address.port}"
        raise CommandError(f"{where} cannot be listened at: {error.strerror}; give another --http") from error
    _LOG.info("showing GPUs on port %d", runner.addresses[0][1])
