"""
The embedded world's queue server: it speaks the Redis protocol, can be stopped, and keeps its data until started again.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from types import TracebackType
from typing import Any, Self

from fakeredis import TcpFakeServer

_LOG = logging.getLogger(__name__)
HOST = "127.0.0.1"
_STOP_LATENCY = 0.05
"""How often, in seconds, a serving thread looks whether it is to stop."""


class _Server(TcpFakeServer):
    """
    fakeredis' server, silent about clients that go away in the middle of a call.
    """

    def handle_error(self, request: Any, client_address: Any) -> None:
        """
        Log what the standard library would print over the picture.
        """
        del request
        _LOG.debug("a call from %s broke off", client_address, exc_info=True)


class QueueServer:
    """
    A Redis-protocol server on a port of its own, as a context manager.

    Stopping it closes its port and every connection, as a real outage does; what it holds stays in memory, so that
    starting it again is a server coming back with its data.
    """

    def __init__(self) -> None:
        self._server: _Server | None = None
        self._thread: threading.Thread | None = None
        self._data: Any = None
        self.port = 0

    @property
    def address(self) -> str:
        """
        Where it listens, as host:port; the port is known once it has been started.
        """
        return f"{HOST}:{self.port}"

    @property
    def up(self) -> bool:
        """
        Whether it can be reached at the moment.
        """
        return self._server is not None

    async def start(self) -> None:
        """
        Listen: on a free port the first time, on the same port from then on.

        Raises:
            OSError: if the port was taken by somebody else while the server was down.
        """
        if self._server is not None:
            return
        server = _Server((HOST, self.port))
        if self._data is not None:
            server.fake_server = self._data
        self._server, self._data, self.port = server, server.fake_server, server.server_address[1]
        self._thread = threading.Thread(target=server.serve_forever, args=(_STOP_LATENCY,), name="demo-queue-server")
        self._thread.start()

    async def stop(self) -> None:
        """
        Go down: connections break at once, new ones are refused.
        """
        server, thread = self._server, self._thread
        self._server = self._thread = None
        if server is not None and thread is not None:
            await asyncio.to_thread(_take_down, server, thread)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()


def _take_down(server: _Server, thread: threading.Thread) -> None:
    # The order matters: `server_close` waits for the connections' threads, and they leave because of `shutdown`.
    server.shutdown()
    server.server_close()
    thread.join()
