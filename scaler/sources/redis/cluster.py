"""
A line to a Redis Cluster, on redis-py: it knows which node has which key.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from redis import CredentialProvider
from redis.asyncio import RedisCluster
from redis.asyncio.cluster import ClusterNode
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import InvalidResponse, RedisClusterException, RedisError, ResponseError

from scaler.settings.connections import Tls
from scaler.settings.values import Secret
from scaler.sources.credentials import read_secret
from scaler.sources.redis.dialer import RESP2, Dialer
from scaler.sources.redis.errors import LostError, NonsenseError, ReplyError, translated
from scaler.sources.redis.plans import CHUNK, Command, Reply


class ClusterLine:
    """
    A line to a Cluster: commands go to the nodes that have their keys, one pipeline a node.
    """

    def __init__(self, dialer: Dialer) -> None:
        self._dialer = dialer
        self._turn = asyncio.Lock()
        self._client: RedisCluster | None = None

    async def exchange(self, commands: Sequence[Command]) -> list[Reply]:
        """
        Converse with the nodes; a node that cannot be reached is trouble for its own keys only.

        Raises:
            SourceError: nothing could be asked.
        """
        async with self._turn:
            with translated(self._dialer.where), _understood():
                async with asyncio.timeout(self._dialer.timeout):
                    return await self._converse(commands)

    async def aclose(self) -> None:
        """
        Close all connections.
        """
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()

    async def _converse(self, commands: Sequence[Command]) -> list[Reply]:
        if self._client is None:
            self._client = _client(self._dialer)
        replies: list[Reply] = []
        try:
            for start in range(0, len(commands), CHUNK):
                pipeline = self._client.pipeline()
                for command in commands[start : start + CHUNK]:
                    pipeline.execute_command(*command)
                replies += map(_reply, await pipeline.execute(raise_on_error=False))
        except BaseException:
            await self.aclose()
            raise
        lost = [reply for reply in replies if isinstance(reply, LostError)]
        if lost:
            # Another node may have the slots by now: find out before the next exchange.
            await self.aclose()
        if lost and len(lost) == len(replies):
            raise lost[0]
        return replies


def _client(dialer: Dialer) -> RedisCluster:
    settings = dialer.settings
    return RedisCluster(
        startup_nodes=[ClusterNode(host, port) for host, port in dialer.addresses],
        protocol=RESP2,
        socket_timeout=dialer.timeout,
        socket_connect_timeout=dialer.timeout,
        socket_keepalive=True,
        retry=Retry(NoBackoff(), 0),
        **_tls(settings.tls),
        **_credentials(settings.username, settings.password),
    )


def _tls(tls: Tls | None) -> dict[str, Any]:
    if tls is None:
        return {}
    return {
        "ssl": True,
        "ssl_ca_certs": _path(tls.ca),
        "ssl_certfile": _path(tls.cert),
        "ssl_keyfile": _path(tls.key),
        "ssl_cert_reqs": "none" if tls.insecureSkipVerify else "required",
        "ssl_check_hostname": not tls.insecureSkipVerify,
    }


def _path(path: object) -> str | None:
    return None if path is None else str(path)


def _credentials(username: str | None, password: Secret | None) -> dict[str, Any]:
    return {"credential_provider": _Login(username, password)} if username or password else {}


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


@contextmanager
def _understood() -> Iterator[None]:
    """
    Turn what redis-py raises into what a connection of our own would raise, and what is behind it, too.
    """
    try:
        yield
    except (RedisError, RedisClusterException) as error:
        raise _own(error)  # noqa: B904 - what is behind it is behind its translation


def _own(error: Exception) -> Exception:
    own: Exception
    code = error.status_code if isinstance(error, RedisError) else None
    if code is not None or isinstance(error, ResponseError):
        own = ReplyError(f"{code} {error}" if code else str(error))
    else:
        own = NonsenseError() if isinstance(error, InvalidResponse) else LostError(str(error))
    behind = error.__cause__ or error.__context__
    own.__cause__ = _own(behind) if isinstance(behind, RedisError | RedisClusterException) else behind
    return own


def _reply(reply: Reply) -> Reply:
    return _own(reply) if isinstance(reply, RedisError | RedisClusterException) else reply
