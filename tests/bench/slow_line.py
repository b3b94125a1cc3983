"""
A line to a server that is far away: whatever goes through it arrives later, as much at a time as one likes.
"""

from __future__ import annotations

import asyncio
from collections import deque
from types import TracebackType
from typing import Self

_AT_ONCE = 65536


class SlowLine:
    """
    Forwards a port of the loopback address, each way with a delay, as an asynchronous context.
    """

    def __init__(self, port: int, delay: float) -> None:
        self._target = port
        self._delay = delay
        self._server: asyncio.Server
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def address(self) -> str:
        """
        Host and port of the near end.
        """
        host, port = self._server.sockets[0].getsockname()
        return f"{host}:{port}"

    @property
    def round_trip(self) -> float:
        """
        Seconds to the server and back.
        """
        return 2 * self._delay

    async def __aenter__(self) -> Self:
        """
        Listen.
        """
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)  # however its ends were left

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", self._target)
        for source, sink in ((reader, back), (there, writer)):
            task = asyncio.create_task(self._forward(source, sink))
            self._tasks.add(task)

    async def _forward(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        loop = asyncio.get_running_loop()
        under_way: deque[bytes] = deque()
        try:
            while data := await source.read(_AT_ONCE):
                under_way.append(data)
                loop.call_later(self._delay, lambda: sink.write(under_way.popleft()))
        finally:
            sink.close()
