"""
A relay in front of a server's port, so that a test can cut one of its addresses off without ending the server.
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Callable
from contextlib import suppress

from tests.servers.ports import free_port


class Relay:
    """
    Passes on what comes in on its own port and what the server answers; stops, comes back on its port, and hangs.

    Attributes:
        accepted: connections since it was made.
        pieces: how many pieces its clients have sent since then.
    """

    def __init__(self, server_port: int) -> None:
        self.port = free_port()
        self.accepted = self.pieces = 0
        self._server_port = server_port
        self._listener: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._speaking = asyncio.Event()
        self._speaking.set()

    @property
    def address(self) -> str:
        """
        Host and port.
        """
        return f"127.0.0.1:{self.port}"

    async def start(self) -> None:
        """
        Listen, if it does not.
        """
        self.resume()
        if self._listener is None:
            self._listener = await asyncio.start_server(self._accept, "127.0.0.1", self.port)

    async def stop(self) -> None:
        """
        Break all connections and refuse new ones.
        """
        if self._listener is not None:
            self._listener.close()
            self._listener = None
        self.cut()

    def cut(self) -> None:
        """
        Break all connections.
        """
        for writer in self._writers:
            writer.transport.abort()

    def hang(self) -> None:
        """
        Pass nothing on.
        """
        self._speaking.clear()

    def resume(self) -> None:
        """
        Pass on again, also what came meanwhile.
        """
        self._speaking.set()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        self._writers.add(writer)
        with suppress(OSError):
            server_reader, server_writer = await asyncio.open_connection("127.0.0.1", self._server_port)
            self._writers.add(server_writer)
            await asyncio.gather(
                self._pass(reader, server_writer, self._sieve()), self._pass(server_reader, writer, lambda data: data)
            )
        self._writers.discard(writer)

    def _sieve(self) -> Callable[[bytes], bytes]:
        """
        Return what decides how much of a new client's data is passed on.
        """

        def count(data: bytes) -> bytes:
            self.pieces += 1
            return data

        return count

    async def _pass(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, sieve: Callable[[bytes], bytes]
    ) -> None:
        with suppress(OSError):
            while data := await reader.read(65536):
                await self._speaking.wait()
                writer.write(sieve(data))
                await writer.drain()
        writer.close()
        self._writers.discard(writer)


class MuteRelay(Relay):
    """
    A relay behind which one queue does not answer, nor anything that the same channel is asked after it.

    Attributes:
        muted: the queue's name; None lets new channels have their answers.
        ignored: how often the queue was asked for in vain.
    """

    muted: str | None = None
    ignored = 0

    def _sieve(self) -> Callable[[bytes], bytes]:
        """
        Hold back what a channel asks, from the queue's name on.
        """
        rest, greeting = b"", 8
        held: set[int] = set()

        def sieve(data: bytes) -> bytes:
            nonlocal rest, greeting
            rest += data
            passed, rest, greeting = rest[:greeting], rest[greeting:], max(greeting - len(rest), 0)
            while len(rest) >= 7:
                _, number, size = struct.unpack(">BHI", rest[:7])
                frame, after = rest[: size + 8], rest[size + 8 :]
                if len(frame) < size + 8:
                    break
                rest = after
                if self.muted is not None and self.muted.encode() in frame and number not in held:
                    held.add(number)
                    self.ignored += 1
                passed += b"" if number in held else frame
            return passed

        return sieve
