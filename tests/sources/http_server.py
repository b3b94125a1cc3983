"""
An HTTP server on the loopback address that answers as a test wants it to.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable

from aiohttp import web

from tests.servers.ports import free_port

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


class HttpServer:
    """
    Remembers what it was asked; stops, comes back on its port, and hangs.

    Attributes:
        answer: what answers every request.
        requests: all requests since it was made.
        listening: addresses of the loopback network that it listens on.
    """

    def __init__(self, answer: Answer, *, tls: ssl.SSLContext | None = None, listening: tuple[str, ...] = ()) -> None:
        self.answer = answer
        self.requests: list[web.Request] = []
        self.port = free_port()
        self.listening = listening or ("127.0.0.1",)
        self._tls = tls
        self._runner: web.AppRunner | None = None
        self._speaking = asyncio.Event()
        self._speaking.set()

    @property
    def host(self) -> str:
        """
        Address and port.
        """
        return f"{self.listening[0]}:{self.port}"

    @property
    def url(self) -> str:
        """
        The address as a URL.
        """
        return f"http{'s' if self._tls else ''}://{self.host}"

    async def start(self) -> None:
        """
        Listen, if it does not.
        """
        if self._runner is not None:
            return
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._handle)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        for address in self.listening:
            await web.TCPSite(self._runner, address, self.port, ssl_context=self._tls).start()

    async def stop(self) -> None:
        """
        Close all connections and refuse new ones.
        """
        self.resume()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    def hang(self) -> None:
        """
        Take requests and say nothing.
        """
        self._speaking.clear()

    def resume(self) -> None:
        """
        End what `hang` began.
        """
        self._speaking.set()

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        self.requests.append(request)
        await self._speaking.wait()
        return await self.answer(request)


def text(body: str, status: int = 200, content_type: str = "text/plain", **headers: str) -> Answer:
    """
    Answer everything with one text.
    """

    async def answer(_: web.Request) -> web.Response:
        return web.Response(text=body, status=status, content_type=content_type, headers=headers)

    return answer
