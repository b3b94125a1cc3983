"""
A connection to a Redis: commands go out, and what comes in is taken apart by hiredis, Redis's own parser.

Not by redis-py, which knows a thousand commands that nobody needs here, and costs 7 MB: it is used for Clusters alone.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterable
from contextlib import suppress
from ssl import SSLContext

import hiredis

from scaler.sources.redis.errors import LostError, NonsenseError, ReplyError
from scaler.sources.redis.plans import Command, Reply

Pushed = hiredis.PushNotification
"""What a server says unasked, as a list."""

_CHUNK = 64 * 2**10
_MORE = object()


class Connection:
    """
    An open connection.
    """

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._parser = hiredis.Reader(protocolError=NonsenseError, replyError=ReplyError, notEnoughData=_MORE)

    async def send(self, commands: Iterable[Command]) -> None:
        """
        Send commands.

        Raises:
            LostError: the connection broke.
        """
        self._writer.write(b"".join(map(_packed, commands)))
        try:
            await self._writer.drain()
        except OSError as error:
            raise LostError from error

    async def hear(self) -> Reply:
        """
        Return the next thing that comes: a reply, an error as a value, or what is pushed.

        Raises:
            LostError: the connection broke.
            NonsenseError: what comes is not Redis's protocol.
        """
        while (heard := self._parser.gets()) is _MORE:
            try:
                data = await self._reader.read(_CHUNK)
            except OSError as error:
                raise LostError from error
            if not data:
                raise LostError
            self._parser.feed(data)
        return heard

    def drop(self) -> None:
        """
        Close it at once.
        """
        self._writer.transport.abort()

    async def hang_up(self, within: float) -> None:
        """
        Close it and wait until it is closed, for which TLS needs the server; *within* seconds at most.
        """
        self._writer.close()
        with suppress(OSError):
            async with asyncio.timeout(within):
                await self._writer.wait_closed()
        self.drop()


async def connect(host: str, port: int, tls: SSLContext | None) -> Connection:
    """
    Open a connection. Whoever is connected to says hello, if need be.

    Raises:
        OSError: it cannot be reached.
    """
    reader, writer = await asyncio.open_connection(host, port, ssl=tls)
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    return Connection(reader, writer)


def _packed(command: Command) -> bytes:
    name, *rest = command
    packed: bytes = hiredis.pack_command((*str(name).split(), *rest))  # type: ignore[arg-type]  # any number of words
    return packed
