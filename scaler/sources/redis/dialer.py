"""
Ways to a Redis: addresses, TLS, credentials, Sentinels. Secrets and certificates are read anew for each connection.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from redis import CredentialProvider
from redis.asyncio import Redis, RedisCluster
from redis.asyncio.cluster import ClusterNode
from redis.asyncio.connection import Connection, SSLConnection
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import MasterNotFoundError, Sentinel
from redis.backoff import NoBackoff
from redis.exceptions import TimeoutError as SilentError

from scaler.settings.connections import RedisConnection, Tls
from scaler.settings.values import Secret
from scaler.sources.base import SourceError
from scaler.sources.credentials import read_secret
from scaler.sources.redis.errors import translated

Address = tuple[str, int]


class Dialer:
    """
    Makes connections to what a connection's settings name.
    """

    def __init__(self, settings: RedisConnection) -> None:
        self.timeout = settings.timeout
        self._settings = settings
        self._addresses = [_address(each) for each in settings.addresses]
        self._there = ", ".join(settings.addresses)

    @property
    def where(self) -> str:
        """
        What is dialled, as an error's sentence begins.
        """
        match self._settings.mode:
            case "standalone":
                return f"Redis at {self._there}"
            case "sentinel":
                return f"the Redis {self._settings.sentinelMaster!r} behind the Sentinels at {self._there}"
            case "cluster":
                return f"the Redis Cluster at {self._there}"

    async def address(self) -> Address:
        """
        Return where the one server is now, which the Sentinels may have to be asked for.

        Raises:
            SourceError: no Sentinel answers, or none knows the master.
        """
        if self._settings.mode != "sentinel":
            return self._addresses[0]
        with translated(f"a Sentinel at {self._there}"):
            return await self._master()

    async def dial(self, address: Address, **protocol: Any) -> Connection:
        """
        Connect to a server and log in; *protocol* are redis-py's arguments that choose how to talk.

        Raises:
            SourceError: it cannot be reached, or refuses the credentials.
        """
        settings = self._settings
        connection = (SSLConnection if settings.tls else Connection)(
            host=address[0],
            port=address[1],
            db=settings.database,
            **self._common(),
            **_tls(settings.tls),
            **_credentials(settings.username, settings.password),
            **{"protocol": 2, **protocol},
        )
        try:
            with translated(self.where):
                await connection.connect()  # type: ignore[no-untyped-call]  # redis-py's
        except BaseException:
            await connection.disconnect(nowait=True)
            raise
        return connection

    def cluster(self) -> RedisCluster:
        """
        Return a client for the Cluster, not connected yet.
        """
        settings = self._settings
        return RedisCluster(
            startup_nodes=[ClusterNode(host, port) for host, port in self._addresses],
            protocol=2,
            ssl=settings.tls is not None,
            **self._common(self.timeout),
            **_tls(settings.tls),
            **_credentials(settings.username, settings.password),
        )

    async def _master(self) -> Address:
        settings = self._settings
        sentinel = Sentinel(  # type: ignore[no-untyped-call]  # redis-py's
            self._addresses,
            sentinel_kwargs={
                "protocol": 2,
                "ssl": settings.tls is not None,
                # All of them may have to be asked, one after the other, within one timeout.
                **self._common(self.timeout / (len(self._addresses) + 1)),
                **_tls(settings.tls),
                **_credentials(settings.sentinelUsername, settings.sentinelPassword),
            },
        )
        clients: Sequence[Redis] = sentinel.sentinels
        try:
            host, port = await sentinel.discover_master(str(settings.sentinelMaster))
        except MasterNotFoundError as error:
            cause = "no Sentinel answers, or none knows a healthy master of that name"
            raise SourceError(f"{self.where} was not found: {cause}") from error
        finally:
            await asyncio.gather(*(client.aclose() for client in clients))
        return str(host), int(port)

    def _common(self, timeout: float | None = None) -> dict[str, Any]:
        # Without a timeout here, whoever uses the connection bounds what it does with it.
        return {
            "socket_timeout": timeout,
            "socket_connect_timeout": timeout or self.timeout,
            "socket_keepalive": True,
            "retry": Retry(NoBackoff(), 0),
        }


async def hang_up(connection: Connection) -> None:
    """
    Close a connection and wait until it is closed, for which TLS needs the server; never for long.
    """
    with suppress(SilentError):
        await connection.disconnect()


class _Login(CredentialProvider):
    """
    A user name and a password that is read when a connection logs in.
    """

    def __init__(self, username: str | None, password: Secret | None) -> None:
        self._username = username
        self._password = password

    def get_credentials(self) -> tuple[str] | tuple[str, str]:
        """
        Return what AUTH is given.

        Raises:
            SourceError: the secret is not there.
        """
        password = read_secret(self._password) if self._password else ""
        return (self._username, password) if self._username else (password,)

    async def get_credentials_async(self) -> tuple[str] | tuple[str, str]:
        """
        Return the same: the file of a secret is small and near.
        """
        return self.get_credentials()


def _credentials(username: str | None, password: Secret | None) -> dict[str, Any]:
    return {"credential_provider": _Login(username, password)} if username or password else {}


def _tls(tls: Tls | None) -> dict[str, Any]:
    if tls is None:
        return {}
    return {
        "ssl_ca_certs": _path(tls.ca),
        "ssl_certfile": _path(tls.cert),
        "ssl_keyfile": _path(tls.key),
        "ssl_cert_reqs": "none" if tls.insecureSkipVerify else "required",
        "ssl_check_hostname": not tls.insecureSkipVerify,
    }


def _path(path: object) -> str | None:
    return None if path is None else str(path)


def _address(text: str) -> Address:
    host, _, port = text.rpartition(":")
    return host.strip("[]"), int(port)
