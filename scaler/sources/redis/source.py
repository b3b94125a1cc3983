"""
Redis: queues in lists, streams, sorted sets and the keys of task frameworks.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from scaler.settings.connections import RedisConnection
from scaler.sources.base import Answers, WatchRefusedError
from scaler.sources.questions import Question
from scaler.sources.redis.dialer import Dialer
from scaler.sources.redis.lines import Line, ServerLine
from scaler.sources.redis.plans import Reply, text
from scaler.sources.redis.questions import TOGETHER, Recipes, answer
from scaler.sources.redis.tracking import RedisWatcher, dial_tracking

_INFO = re.compile(r"^(\w+):(.*?)\r?$", re.MULTILINE)


class RedisSource:
    """
    One Redis: a server, the master that Sentinels name, or a Cluster.
    """

    portion = TOGETHER
    close_interval = 0.25

    def __init__(self, name: str, settings: RedisConnection) -> None:
        self.name = name
        self._settings = settings
        self._dialer = Dialer(settings)
        self._line: Line = _line(self._dialer)
        self._recipes = Recipes()

    async def read(self, questions: Sequence[Question]) -> Answers:
        """
        Answer all *questions* in as many round trips as the most intricate of them takes: one for plain structures.

        Raises:
            SourceError: Redis cannot be reached, or can answer nothing.
        """
        return await answer(questions, self._recipes, self._line.exchange)

    def watcher(self) -> RedisWatcher | None:
        """
        Return a new watcher, unless the settings forbid it or the server is a Cluster, where keys move about.
        """
        if not self._settings.tracking or self._settings.mode == "cluster":
            return None
        return RedisWatcher(self._dialer, self._recipes)

    async def probe(self) -> str:
        """
        Say which version it is, and whether it announces changes.

        Raises:
            SourceError: it cannot be reached.
        """
        (info,) = await self._line.exchange([("INFO", "server")])
        return f"{_version(info)}, {self._settings.mode}, {await self._tracking()}"

    async def aclose(self) -> None:
        """
        Close the connections. Watchers have their own.
        """
        await self._line.aclose()

    async def _tracking(self) -> str:
        if self.watcher() is None:
            return "no tracking"
        try:
            connection = await dial_tracking(self._dialer)
        except WatchRefusedError as refusal:
            return f"no tracking ({refusal})"
        await connection.hang_up(self._dialer.timeout)
        return "tracking allowed"


def _line(dialer: Dialer) -> Line:
    if dialer.settings.mode != "cluster":
        return ServerLine(dialer)
    from scaler.sources.redis.cluster import ClusterLine  # noqa: PLC0415 - redis-py costs 7 MB

    return ClusterLine(dialer)


def _version(info: Reply) -> str:
    # A Cluster's client parses it, a connection does not, and the user may not be allowed to ask.
    told = info if isinstance(info, dict) else dict(_INFO.findall(text(info)))
    return f"Redis {told.get('redis_version', 'of a version that it does not tell')}"
