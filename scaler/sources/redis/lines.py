"""
Lines to a Redis: commands go in, replies come out in the same order, in one round trip however many they are.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from time import monotonic
from typing import Protocol

from scaler.sources.base import SourceError
from scaler.sources.redis.dialer import Address, Dialer
from scaler.sources.redis.errors import LostError, ReplyError, translated
from scaler.sources.redis.plans import CHUNK, Command, Reply
from scaler.sources.redis.wire import Connection


class Line(Protocol):
    """
    A connection to Redis that opens itself when it is needed, and again after it broke.
    """

    async def exchange(self, commands: Sequence[Command]) -> list[Reply]:
        """
        Send commands and return their replies; an error in a reply is a value.

        Raises:
            SourceError: nothing could be asked.
        """
        ...

    async def aclose(self) -> None:
        """
        Close it.
        """
        ...


class ServerLine:
    """
    A line to one server, by itself or behind Sentinels. Exchanges that overlap wait for one another.

    After a failover the old master may still be there, cut off from the others, and say what is true no more. So the
    Sentinels are asked again now and then, after *address_good_for* seconds.
    """

    def __init__(self, dialer: Dialer, address_good_for: float = 10.0) -> None:
        self._dialer = dialer
        self._address_good_for = address_good_for
        self._turn = asyncio.Lock()
        self._connection: Connection | None = None
        self._address: Address | None = None
        self._asked_address = 0.0

    async def exchange(self, commands: Sequence[Command]) -> list[Reply]:
        """
        Converse on the kept connection or a new one, within the connection's timeout.

        A kept connection that turns out to be closed is replaced once: commands only read, and a server that was
        restarted in the meantime is there.
        """
        async with self._turn:
            with translated(self._dialer.where):
                async with asyncio.timeout(self._dialer.timeout):
                    await self._follow()
                    if self._connection is not None:
                        with suppress(LostError):
                            return await self._converse(self._connection, commands)
                    return await self._converse(await self._dialer.dial(await self._whereabouts()), commands)

    async def aclose(self) -> None:
        """
        Close the connection.
        """
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.hang_up(self._dialer.timeout)

    async def _converse(self, connection: Connection, commands: Sequence[Command]) -> list[Reply]:
        self._connection = connection
        try:
            replies = await converse(connection, commands)
        except BaseException:
            # Replies that were not read would be taken for those of the next exchange.
            self._drop()
            raise
        return replies

    async def _whereabouts(self) -> Address:
        self._asked_address = monotonic()
        self._address = await self._dialer.address()
        return self._address

    async def _follow(self) -> None:
        if self._connection is None or monotonic() - self._asked_address < self._address_good_for:
            return
        before = self._address
        # Sentinels that do not answer are no reason to leave a server that does, and must leave it the time to.
        with suppress(SourceError, TimeoutError):
            async with asyncio.timeout(self._dialer.timeout / 2):
                if await self._whereabouts() != before:
                    self._drop()

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.drop()


async def converse(connection: Connection, commands: Sequence[Command]) -> list[Reply]:
    """
    Send all commands, then read all replies.

    Raises:
        LostError: the connection broke.
        ReplyError: the server can answer nothing.
    """
    await send(connection, commands)
    replies: list[Reply] = []
    for number in range(len(commands)):
        if number % CHUNK == CHUNK - 1:
            await asyncio.sleep(0)
        replies.append(await connection.hear())
    check(replies)
    return replies


async def send(connection: Connection, commands: Sequence[Command]) -> None:
    """
    Send commands, and give others their turn in between.
    """
    for start in range(0, len(commands), CHUNK):
        await connection.send(commands[start : start + CHUNK])
        await asyncio.sleep(0)


def check(replies: Sequence[Reply]) -> None:
    """
    Raise the error among replies that says that the server can answer nothing, if there is one.
    """
    for reply in replies:
        if isinstance(reply, ReplyError) and reply.disabling:
            raise reply
