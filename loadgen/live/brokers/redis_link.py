"""
A Redis as workers and publishers reach it: every call has a deadline, and foreign errors become ours.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from socket import gaierror
from typing import Any
from urllib.parse import urlsplit

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError, ResponseError

from loadgen.live.brokers.base import BrokerError

_DEADLINE = 5.0
_LONGEST_REASON = 200


class RedisLink:
    """
    Connections to one server.

    Attributes:
        commands: the client. Any, because redis-py types each command for its blocking and its asyncio client at once.
        unbroken_since: since when every call was answered, by the monotonic clock; None until the first answer after a
            failure.
    """

    def __init__(self, url: str, clock: Callable[[], float] = time.monotonic) -> None:
        # It tries nothing again by itself, so that every break is seen. No socket_timeout: with one, redis-py works
        # under `asyncio.wait_for`, which loses cancellations before Python 3.12. RESP2, so that answers have one shape.
        self.commands: Any = Redis.from_url(
            url, protocol=2, retry=Retry(NoBackoff(), 0), socket_timeout=None, socket_connect_timeout=_DEADLINE
        )
        self.unbroken_since: float | None = None
        self.clock = clock
        self._where = f"Redis at {where(url)}"

    @asynccontextmanager
    async def asked(self, waiting: float = 0.0) -> AsyncIterator[Any]:
        """
        Yield the client; what is asked of it may take *waiting* seconds longer than usual.

        Raises:
            BrokerError: there was no answer, or it was a refusal.
        """
        try:
            async with asyncio.timeout(_DEADLINE + waiting):
                yield self.commands
        except TimeoutError as error:
            self.unbroken_since = None
            sentence = f"{self._where} does not answer within {_DEADLINE + waiting:g} s"
            raise BrokerError(sentence, in_doubt=True) from error
        except (RedisError, OSError) as error:
            self.unbroken_since = None
            sentence = f"{self._where} cannot be used: {_reason(error)}"
            raise BrokerError(sentence, in_doubt=not _never_asked(error)) from error
        if self.unbroken_since is None:
            self.unbroken_since = self.clock()

    async def aclose(self) -> None:
        """
        Close the connections.
        """
        await self.commands.aclose()


def where(url: str) -> str:
    """
    Return the host and port of a URL, without its credentials.
    """
    return urlsplit(url).netloc.rpartition("@")[2]


def _never_asked(error: Exception) -> bool:
    # It declined, or there was no connection to ask it by.
    return isinstance(error, ResponseError) or isinstance(error.__context__, ConnectionRefusedError | gaierror)


def _reason(error: Exception) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= _LONGEST_REASON else f"{text[:_LONGEST_REASON]}…"
