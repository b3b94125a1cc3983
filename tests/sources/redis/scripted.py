"""
A server that speaks Redis's protocol and says what a test wrote down: for what no real server does when asked to.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Self


class ScriptedRedis:
    """
    A server on a free port of the loopback address.

    Attributes:
        replies: what is answered, by command (`LLEN`, or `CLIENT_TRACKING` with its subcommand); `+OK` otherwise.
        heard: the commands that came, in order.
        hold_until: no reply is sent before so many commands came.
        connections: how many were ever opened.
    """

    def __init__(self, replies: Mapping[str, bytes]) -> None:
        self.replies = dict(replies)
        self.heard: list[list[str]] = []
        self.hold_until = 0
        self.connections = 0
        self._writers: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None

    @property
    def address(self) -> str:
        """
        Host and port.
        """
        assert self._server is not None
        return f"127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    def say(self, said: bytes) -> None:
        """
        Say something unasked on every connection.
        """
        for writer in self._writers:
            writer.write(said)

    def hang_up(self) -> None:
        """
        Close every connection.
        """
        for writer in self._writers:
            writer.close()

    async def __aenter__(self) -> Self:
        """
        Start it.
        """
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *_: object) -> None:
        """
        Close it and every connection.
        """
        assert self._server is not None
        self._server.close()
        self.hang_up()
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._writers.add(writer)
        held: list[bytes] = []
        try:
            while line := await reader.readline():
                command = [await _bulk(reader) for _ in range(int(line[1:]))]
                self.heard.append(command)
                held.append(self._reply(command))
                if len(self.heard) >= self.hold_until:
                    writer.writelines(held)
                    held.clear()
        finally:
            self._writers.discard(writer)
            writer.close()

    def _reply(self, command: list[str]) -> bytes:
        names = ("_".join(command[:2]).upper(), command[0].upper())
        return next((self.replies[name] for name in names if name in self.replies), b"+OK\r\n")


async def _bulk(reader: asyncio.StreamReader) -> str:
    size = int((await reader.readline())[1:])
    return (await reader.readexactly(size + 2))[:-2].decode()
