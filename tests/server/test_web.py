"""
HTTP as it travels: what clients may send, and how connections end.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from scaler.server.web import Request, Response, Web
from tests.server.bounded import becomes

LARGE = b"x" * 32 * 2**20
"""More than sockets keep for a client that does not read."""


class Site:
    """
    Answers with the method and the path; what is asked of `/slow` waits, what is asked of `/large` is large.
    """

    def __init__(self) -> None:
        self.asked: list[Request] = []
        self.go_on = asyncio.Event()
        self.web = Web(self.answer, lambda status: Response(b"refused", status=status))

    async def answer(self, request: Request) -> Response:
        """
        Answer.
        """
        self.asked.append(request)
        if request.path == "/slow":
            await self.go_on.wait()
        return Response(LARGE if request.path == "/large" else f"{request.method} {request.path}".encode())


class Client:
    """
    A client that sends bytes as it likes.
    """

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    def send(self, text: str) -> None:
        """
        Send text, its lines ended as HTTP has it.
        """
        self._writer.write(text.replace("\n", "\r\n").encode("latin-1"))

    async def head(self) -> tuple[str, dict[str, str]]:
        """
        Return the status line and the headers of the next answer.
        """
        async with asyncio.timeout(10):
            status, *lines = (await self._reader.readuntil(b"\r\n\r\n")).decode().strip().split("\r\n")
        return status, {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}

    async def answer(self) -> tuple[str, str]:
        """
        Return the status line and the body of the next answer.
        """
        status, headers = await self.head()
        async with asyncio.timeout(10):
            return status, (await self._reader.readexactly(int(headers["content-length"]))).decode()

    async def rest(self) -> bytes:
        """
        Return what comes until the connection ends.
        """
        async with asyncio.timeout(10):
            return await self._reader.read()

    async def close(self) -> None:
        """
        Close the connection.
        """
        self._writer.transport.abort()


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    """
    A site that listens once it is visited.
    """
    site = Site()
    yield site
    await site.web.stop(patience=0)


@pytest.fixture
async def client(site: Site) -> AsyncIterator[Client]:
    """
    A connection to the site.
    """
    client = Client(*await asyncio.open_connection("127.0.0.1", await site.web.start("127.0.0.1", 0)))
    yield client
    await client.close()


async def test_a_connection_is_kept_for_the_next_request(client: Client) -> None:
    """
    One after the other, or both at once: the answers come in the order of the questions.
    """
    client.send("GET /a?b=c HTTP/1.1\nHost: x\n\n")
    assert await client.answer() == ("HTTP/1.1 200 OK", "GET /a")
    client.send("GET /b HTTP/1.1\nHost: x\n\nGET /c HTTP/1.1\nHost: x\n\n")
    assert await client.answer() == ("HTTP/1.1 200 OK", "GET /b")
    assert await client.answer() == ("HTTP/1.1 200 OK", "GET /c")


@pytest.mark.parametrize("request_", ["GET / HTTP/1.0\n\n", "GET / HTTP/1.1\nHost: x\nConnection: close\n\n"])
async def test_a_client_that_wants_one_answer_gets_one(client: Client, request_: str) -> None:
    """
    The connection ends after it.
    """
    client.send(request_)
    assert await client.answer() == ("HTTP/1.1 200 OK", "GET /")
    assert await client.rest() == b""


async def test_a_head_is_all_that_is_sent_of_an_answer_to_head(client: Client) -> None:
    """
    With the length that the body has for others; the next answer follows it at once.
    """
    client.send("HEAD /a HTTP/1.1\nHost: x\n\nGET /b HTTP/1.1\nHost: x\n\n")
    status, headers = await client.head()
    assert (status, headers["content-length"]) == ("HTTP/1.1 200 OK", str(len("HEAD /a")))
    assert headers["date"].endswith(" GMT")
    assert await client.answer() == ("HTTP/1.1 200 OK", "GET /b")


async def test_a_body_is_passed_over(client: Client, site: Site) -> None:
    """
    What follows it on the connection is the next request; names of headers are in lower case.
    """
    client.send("POST /a HTTP/1.1\nHost: x\nX-A: b\nContent-Length: 5\n\nGET /GET /b HTTP/1.1\nHost: x\n\n")
    assert await client.answer() == ("HTTP/1.1 200 OK", "POST /a")
    assert await client.answer() == ("HTTP/1.1 200 OK", "GET /b")
    assert site.asked[0].headers["x-a"] == "b"


async def test_nobody_is_asked_for_a_body_that_is_not_wanted(client: Client) -> None:
    """
    A client that waits to be told to go on gets its answer instead, and the connection ends.
    """
    client.send("POST /a HTTP/1.1\nHost: x\nContent-Length: 5\nExpect: 100-continue\n\n")
    assert await client.answer() == ("HTTP/1.1 200 OK", "POST /a")
    assert await client.rest() == b""


async def test_a_body_without_an_end_is_not_waited_for(client: Client) -> None:
    """
    A client that sends and sends is answered, and hung up on.
    """
    client.send("POST /a HTTP/1.1\nHost: x\nContent-Length: 1000000\n\n" + 100_000 * "x")
    assert await client.answer() == ("HTTP/1.1 200 OK", "POST /a")


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("hello\n\n", "HTTP/1.1 400 Bad Request"),
        ("GET / HTTP/1.1\n\n", "HTTP/1.1 400 Bad Request"),
        ("POST / HTTP/1.1\nHost: x\nTransfer-Encoding: chunked\n\nzz\n", "HTTP/1.1 400 Bad Request"),
        (f"GET /{100_000 * 'a'}", "HTTP/1.1 431 Request Header Fields Too Large"),
    ],
)
async def test_what_is_no_http_is_told_so(client: Client, site: Site, text: str, status: str) -> None:
    """
    And the connection ends; nobody else is bothered.
    """
    client.send(text)
    assert await client.answer() == (status, "refused")
    assert site.asked == []


async def test_the_form_that_proxies_use_is_understood(client: Client) -> None:
    """
    The address before the path is left out.
    """
    client.send("GET http://scaler:8080/healthz HTTP/1.1\nHost: scaler\n\n")
    assert await client.answer() == ("HTTP/1.1 200 OK", "GET /healthz")


async def test_stopping_lets_an_answer_be_finished_and_closes_what_is_idle(client: Client, site: Site) -> None:
    """
    Nobody new is let in, and the client of the last answer is told that it is the last.
    """
    client.send("GET /slow HTTP/1.1\nHost: x\n\n")
    await becomes(lambda: bool(site.asked))
    stopping = asyncio.create_task(site.web.stop(patience=10))
    await asyncio.sleep(0)
    site.go_on.set()
    status, headers = await client.head()
    assert (status, headers["connection"]) == ("HTTP/1.1 200 OK", "close")
    assert await client.rest() == b"GET /slow"
    async with asyncio.timeout(5):
        await stopping


async def test_stopping_closes_a_connection_that_waits_for_its_next_request(client: Client, site: Site) -> None:
    """
    At once, however long the patience.
    """
    client.send("GET /a HTTP/1.1\nHost: x\n\n")
    await client.answer()
    async with asyncio.timeout(5):
        await site.web.stop(patience=60)
    assert await client.rest() == b""


@pytest.mark.parametrize("path", ["/slow", "/large"])
async def test_stopping_waits_no_longer_than_its_patience(client: Client, site: Site, path: str) -> None:
    """
    Neither for an answer that is not there, nor for a client that does not take it.
    """
    client.send(f"GET {path} HTTP/1.1\nHost: x\n\n")
    await becomes(lambda: bool(site.asked))
    async with asyncio.timeout(5):
        await site.web.stop(patience=0.1)
    assert len(await client.rest()) < len(LARGE)
