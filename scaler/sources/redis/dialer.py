"""
Ways to a Redis: addresses, TLS, credentials, Sentinels. Secrets and certificates are read anew for each connection.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from ssl import SSLContext

from scaler.settings.connections import RedisConnection
from scaler.settings.values import Secret
from scaler.sources.base import SourceError
from scaler.sources.credentials import read_secret
from scaler.sources.redis.errors import ReplyError, translated
from scaler.sources.redis.plans import Command, Reply, fields, text
from scaler.sources.redis.wire import Connection, connect
from scaler.sources.tls import client_context

Address = tuple[str, int]

RESP2, RESP3 = 2, 3
_DOWN = {"s_down", "o_down"}


class Dialer:
    """
    Makes connections to what a connection's settings name.
    """

    def __init__(self, settings: RedisConnection) -> None:
        self.timeout = settings.timeout
        self.settings = settings
        self.addresses = [_address(each) for each in settings.addresses]
        self._there = ", ".join(settings.addresses)

    @property
    def where(self) -> str:
        """
        What is dialled, as an error's sentence begins.
        """
        match self.settings.mode:
            case "standalone":
                return f"Redis at {self._there}"
            case "sentinel":
                return f"the Redis {self.settings.sentinelMaster!r} behind the Sentinels at {self._there}"
            case "cluster":
                return f"the Redis Cluster at {self._there}"

    async def address(self) -> Address:
        """
        Return where the one server is now, which the Sentinels may have to be asked for.

        Raises:
            SourceError: no Sentinel answers, or none knows the master.
        """
        if self.settings.mode != "sentinel":
            return self.addresses[0]
        with translated(f"a Sentinel at {self._there}"):
            return await self._master()

    async def dial(self, address: Address, protocol: int = RESP2) -> Connection:
        """
        Connect to a server and log in.

        Raises:
            SourceError: it cannot be reached, or refuses the credentials.
        """
        settings = self.settings
        greeting = [("SELECT", settings.database)] if settings.database else []
        with translated(self.where):
            async with asyncio.timeout(self.timeout):
                return await self._open(address, settings.username, settings.password, greeting, protocol)

    async def _open(
        self,
        address: Address,
        username: str | None,
        secret: Secret | None,
        greeting: Sequence[Command] = (),
        protocol: int = RESP2,
    ) -> Connection:
        try:
            tls = self._tls()
            password = None if secret is None else read_secret(secret)
        except SourceError as error:
            raise SourceError(f"{self.where} cannot be asked: {error}") from error
        connection = await connect(*address, tls)
        try:
            await _log_in(connection, username, password, protocol)
            await _all_well(connection, greeting)
        except BaseException:
            connection.drop()
            raise
        return connection

    def _tls(self) -> SSLContext | None:
        return None if self.settings.tls is None else client_context(self.settings.tls)

    async def _master(self) -> Address:
        """
        Ask one Sentinel after the other, all of them within one timeout.
        """
        refusal: ReplyError | None = None
        for address in self.addresses:
            try:
                async with asyncio.timeout(self.timeout / (len(self.addresses) + 1)):
                    known = await self._known_master(address)
            except OSError:
                continue
            except ReplyError as error:
                refusal = error
                continue
            if known is not None:
                return known
        if refusal is not None:
            raise refusal
        cause = "no Sentinel answers, or none knows a healthy master of that name"
        raise SourceError(f"{self.where} was not found: {cause}")

    async def _known_master(self, sentinel: Address) -> Address | None:
        settings = self.settings
        connection = await self._open(sentinel, settings.sentinelUsername, settings.sentinelPassword)
        try:
            (masters,) = await _all_well(connection, [("SENTINEL MASTERS",)])
        finally:
            connection.drop()
        for master in map(fields, masters):
            flags = text(master["flags"]).split(",")
            if text(master["name"]) == settings.sentinelMaster and "master" in flags and not _DOWN.intersection(flags):
                return text(master["ip"]), int(master["port"])
        return None


async def _log_in(connection: Connection, username: str | None, password: str | None, protocol: int) -> None:
    if not username and password is None:
        login: Command = ()
    else:
        login = (username or "default", password or "")
    if protocol == RESP3:
        await _all_well(connection, [("HELLO", RESP3, "AUTH", *login) if login else ("HELLO", RESP3)])
        return
    try:
        await _all_well(connection, [("AUTH", *(login if username else login[1:]))] if login else [])
    except ReplyError as error:
        if not username or "wrong number of arguments" not in str(error):
            raise
        await _all_well(connection, [("AUTH", *login[1:])])  # before Redis 6 there are no users


async def _all_well(connection: Connection, commands: Sequence[Command]) -> list[Reply]:
    """
    Send commands and return their replies, none of which is an error.

    Raises:
        ReplyError: one of them is.
    """
    if not commands:
        return []
    await connection.send(commands)
    replies = [await connection.hear() for _ in commands]
    for reply in replies:
        if isinstance(reply, ReplyError):
            raise reply
    return replies


def _address(text: str) -> Address:
    host, _, port = text.rpartition(":")
    return host.strip("[]"), int(port)
