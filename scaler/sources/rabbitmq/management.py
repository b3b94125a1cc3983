"""
RabbitMQ by its management API: ready and unacknowledged messages, from one listing of a virtual host.

The listing is asked for with `disable_stats` and `enable_queue_totals` (RabbitMQ 3.8 and later): then the queues
themselves are asked, and not the statistics, which are up to ten seconds old and call a queue `running` that has lost
its leader. It costs the broker about 60 µs for each queue of the virtual host, asked for or not. (A question for one
queue gives such totals since 3.13 only.)

The user needs the tag `management` and access to the virtual host.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit

import aiohttp
from yarl import URL

from scaler.domain.readings import QueueDepth
from scaler.settings.connections import RabbitConnection
from scaler.sources.base import SourceError
from scaler.sources.credentials import basic
from scaler.sources.rabbitmq.login import password_of
from scaler.sources.rabbitmq.trouble import no_queue
from scaler.sources.sentences import one_line, reason
from scaler.sources.tls import Trust

_LISTING = (
    "/api/queues/{vhost}?disable_stats=true&enable_queue_totals=true"
    "&columns=name,type,state,messages_ready,messages_unacknowledged"
)

_IN_SERVICE = {"running", "idle", "flow"}
"""States in which a queue's counts are its own: not down, stopped, crashed, recovering, in a minority."""

_TICK = 5.0
"""Seconds between two counts of a quorum queue (its `quorum_tick_interval`); a classic queue counts when asked."""

_OK, _UNAUTHORIZED, _FORBIDDEN, _NOT_FOUND = 200, 401, 403, 404


@dataclass(frozen=True, slots=True)
class Counts:
    """
    What a queue holds: messages *ready*, and *unacknowledged* by those who took them.

    Attributes:
        since: the event loop's time up to which everything is counted; what came later may be missing.
    """

    ready: int
    unacknowledged: int
    since: float


@dataclass(frozen=True, slots=True)
class Listing:
    """
    The queues of a virtual host, as the management API told them.

    Attributes:
        asked: the event loop's time when they were asked for.
    """

    vhost: str
    asked: float
    rows: Mapping[str, Mapping[str, Any]]

    def counts(self, queue: str) -> Counts | SourceError | None:
        """
        Return what a queue holds, or why that is not known; None if it is not in the listing.
        """
        row = self.rows.get(queue)
        if row is None:
            return None
        kind, state = row.get("type"), str(row.get("state", "running"))
        there = f"queue {queue!r} in virtual host {self.vhost!r}"
        if kind == "stream":
            return SourceError(f"{there} is a stream: its messages stay when they are read, so it has no depth")
        if state not in _IN_SERVICE:
            return SourceError(f"{there} is {one_line(state)}")
        since = self.asked - (0 if kind == "classic" else _TICK)
        match row.get("messages_ready"), row.get("messages_unacknowledged"):
            case int(ready), int(unacknowledged) if min(ready, unacknowledged) >= 0:
                return Counts(ready, unacknowledged, since)
        return SourceError(f"the management API gives no counts of {there}")


class ManagementAddress:
    """
    The management API of a broker.
    """

    def __init__(self, settings: RabbitConnection) -> None:
        self._settings = settings
        self._url = str(settings.management).rstrip("/")
        self._host = urlsplit(self._url).netloc
        self._trust = None if settings.tls is None else Trust(settings.tls)
        self._session: aiohttp.ClientSession | None = None

    async def depths(self, vhost: str, queues: Collection[str]) -> Mapping[str, QueueDepth | SourceError]:
        """
        Return how many messages are ready and unacknowledged on each queue.

        Raises:
            SourceError: if the virtual host's queues cannot be listed.
        """
        listing = await self.listing(vhost)
        answers: dict[str, QueueDepth | SourceError] = {}
        for queue in queues:
            match listing.counts(queue):
                case Counts(ready, unacknowledged):
                    answers[queue] = QueueDepth(ready, unacknowledged)
                case trouble:
                    answers[queue] = trouble or no_queue(vhost, queue)
        return answers

    async def listing(self, vhost: str) -> Listing:
        """
        Return all queues of a virtual host.

        Raises:
            SourceError: if they cannot be listed.
        """
        asked = asyncio.get_running_loop().time()
        found = await self._get(_LISTING.format(vhost=quote(vhost, safe="")), vhost)
        try:
            return Listing(vhost, asked, {row["name"]: row for row in found})
        except (TypeError, KeyError) as error:
            raise self._stranger() from error

    async def version(self, vhost: str) -> str:
        """
        Return what the broker says it is, once it has listed the queues of a virtual host.

        Raises:
            SourceError: if it does not.
        """
        await self.listing(vhost)
        overview = await self._get("/api/overview?columns=product_name,rabbitmq_version", vhost)
        try:
            return f"{overview.get('product_name', 'RabbitMQ')} {overview.get('rabbitmq_version', '')}".strip()
        except AttributeError as error:
            raise self._stranger() from error

    async def forget(self, vhost: str) -> None:
        """
        Nothing is kept for a virtual host.
        """

    async def aclose(self) -> None:
        """
        Close all connections.
        """
        if self._session is not None:
            await self._session.close()

    async def _get(self, path: str, vhost: str) -> Any:
        """
        Return the JSON under a path that is percent-encoded already.
        """
        headers = {"Authorization": basic(self._settings.username, password_of(self._settings))}
        url = URL(self._url + path, encoded=True)
        trust = True if self._trust is None else self._trust.context()
        try:
            async with self._opened().get(url, headers=headers, ssl=trust, allow_redirects=False) as response:
                status, body = response.status, await response.read()
        except aiohttp.ClientResponseError as error:
            raise self._stranger() from error
        except (aiohttp.ClientError, OSError) as error:
            raise SourceError(
                f"RabbitMQ's management API at {self._host} cannot be reached: {reason(error)}"
            ) from error
        if status != _OK:
            raise self._refusal(status, body, vhost)
        try:
            return json.loads(body)
        except ValueError as error:
            raise self._stranger() from error

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                cookie_jar=aiohttp.DummyCookieJar(), timeout=aiohttp.ClientTimeout(total=self._settings.timeout)
            )
        return self._session

    def _refusal(self, status: int, body: bytes, vhost: str) -> SourceError:
        there, user = f"RabbitMQ's management API at {self._host}", self._settings.username
        said = _said(body)
        if status in {_UNAUTHORIZED, _FORBIDDEN}:
            return SourceError(
                f"{there} refused user {user!r}{said}: check username and password, "
                f"the user's tag `management`, and its permissions in virtual host {vhost!r}"
            )
        if status == _NOT_FOUND:
            return SourceError(f"{there} knows no virtual host {vhost!r}{said}: check it and the path of the URL")
        return SourceError(f"{there} answered with status {status}{said}")

    def _stranger(self) -> SourceError:
        return SourceError(f"{self._host} does not answer as RabbitMQ's management API does: check the URL")


def _said(body: bytes) -> str:
    try:
        return f" ({one_line(json.loads(body)['reason'])})"
    except (ValueError, TypeError, KeyError):
        return ""
