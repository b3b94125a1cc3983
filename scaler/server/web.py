"""
HTTP/1.1 as far as a port needs it that is only read: requests come in, answers go out. h11 knows the protocol.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from urllib.parse import parse_qsl

import h11

_CHUNK = 64 * 2**10
_LARGEST_HEAD = 32 * 2**10
_LARGEST_BODY = 64 * 2**10
_SILENCE = 75.0
"""Seconds within which a client must have sent its next request, or have taken an answer."""


@dataclass(frozen=True, slots=True)
class Request:
    """
    What a client asks: its body, if it has one, is not looked at.

    Attributes:
        method: GET, HEAD, ...
        path: the path as it was sent, without its query.
        headers: the last value of each header, by its name in lower case.
        query: the query as it was sent, without its question mark.
    """

    method: str
    path: str
    headers: Mapping[str, str]
    query: str = ""

    @property
    def arguments(self) -> Mapping[str, str]:
        """
        What the query says: the last value of each name.
        """
        return dict(parse_qsl(self.query, errors="replace"))


@dataclass(frozen=True, slots=True)
class Response:
    """
    What a client gets. Its length is told by itself, and a client that asked for the head alone gets no body.
    """

    body: bytes
    content_type: str = "text/plain; charset=utf-8"
    status: int = HTTPStatus.OK
    headers: Mapping[str, str] = field(default_factory=dict)


Answer = Callable[[Request], Awaitable[Response]]
Refuse = Callable[[int], Response]


class Web:
    """
    Listens, and has every request answered; connections are kept for the next request.

    Args:
        answer: answers a request; it raises nothing.
        refuse: answers what is no HTTP, by the status that says so.
    """

    def __init__(self, answer: Answer, refuse: Refuse) -> None:
        self._answer = answer
        self._refuse = refuse
        self._server: asyncio.Server | None = None
        self._visits: dict[asyncio.Task[None], _Visit] = {}

    async def start(self, host: str | None, port: int) -> int:
        """
        Start, once, and return the port.

        Raises:
            OSError: the address cannot be had.
        """
        self._server = await asyncio.start_server(self._welcome, host, port)
        chosen: int = self._server.sockets[0].getsockname()[1]
        return chosen

    async def stop(self, patience: float) -> None:
        """
        Stop listening, close what is idle, and let answers that are being made or written be finished.

        Args:
            patience: seconds that they may take; then they are cut off.
        """
        server, self._server = self._server, None
        if server is None:
            return
        server.close()
        for visit in self._visits.values():
            visit.end()
        if self._visits:
            _, late = await asyncio.wait(self._visits, timeout=patience)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        await server.wait_closed()

    def _welcome(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        visit = _Visit(reader, writer, self._answer, self._refuse)
        task = asyncio.get_running_loop().create_task(visit.run())
        self._visits[task] = visit
        task.add_done_callback(self._visits.pop)


class _Visit:
    """
    One connection: requests and answers in turn, until either side has enough.
    """

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, answer: Answer, refuse: Refuse
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._answer = answer
        self._refuse = refuse
        self._http = h11.Connection(h11.SERVER, max_incomplete_event_size=_LARGEST_HEAD)
        self._answering = False
        self._ending = False

    def end(self) -> None:
        """
        Close the connection now if it is idle, otherwise after the answer.
        """
        self._ending = True
        if not self._answering:
            self._writer.close()

    async def run(self) -> None:
        """
        Answer until the connection ends.
        """
        try:
            while not self._ending and await self._exchange():
                self._http.start_next_cycle()
            self._writer.close()
            async with asyncio.timeout(_SILENCE):
                await self._writer.wait_closed()
        except OSError:
            pass  # the client is gone, or takes nothing
        finally:
            self._writer.transport.abort()

    async def _exchange(self) -> bool:
        """
        Answer one request; return whether another may follow.
        """
        method = b"GET"
        try:
            async with asyncio.timeout(_SILENCE):
                head = await self._event()
                if not isinstance(head, h11.Request):
                    return False
                self._answering, method = True, head.method
                await self._skip_body()
            response = await self._answer(_request(head))
        except h11.RemoteProtocolError as error:
            if self._http.our_state not in (h11.IDLE, h11.SEND_RESPONSE):
                return False
            self._answering, response = True, self._refuse(error.error_status_hint)
        async with asyncio.timeout(_SILENCE):
            await self._send(response, method)
        self._answering = False
        return self._http.our_state is h11.DONE and self._http.their_state is h11.DONE

    async def _event(self) -> object:
        while (event := self._http.next_event()) is h11.NEED_DATA:
            self._http.receive_data(await self._reader.read(_CHUNK))
        return event

    async def _skip_body(self) -> None:
        # A connection that is closed with a body unread may lose the answer. Who asks before sending one is answered
        # right away; one that is too large is not worth the trouble.
        size = 0
        while size < _LARGEST_BODY and not self._http.they_are_waiting_for_100_continue:
            event = await self._event()
            if not isinstance(event, h11.Data):
                return
            size += len(event.data)

    async def _send(self, response: Response, method: bytes) -> None:
        headers = {
            "Date": time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime()),
            "Content-Type": response.content_type,
            "Content-Length": str(len(response.body)),
            **response.headers,
        }
        if self._ending or self._http.their_state is not h11.DONE:
            headers["Connection"] = "close"
        reason = HTTPStatus(response.status).phrase
        events: list[h11.Event] = [
            h11.Response(status_code=response.status, headers=list(headers.items()), reason=reason),
            *([h11.Data(data=response.body)] if method != b"HEAD" else []),
            h11.EndOfMessage(),
        ]
        for event in events:
            self._writer.write(self._http.send(event) or b"")
        await self._writer.drain()


def _request(head: h11.Request) -> Request:
    target = head.target.decode("ascii", "replace")
    if not target.startswith("/"):  # a proxy's form, with scheme and host
        target = "/" + target.partition("://")[2].partition("/")[2]
    headers = {name.decode("ascii"): value.decode("latin-1") for name, value in head.headers}
    path, _, query = target.partition("?")
    return Request(head.method.decode("ascii"), path, headers, query)
