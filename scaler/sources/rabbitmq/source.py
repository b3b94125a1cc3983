"""
RabbitMQ: the depth of queues, by AMQP, by the management API, or by both.

| addresses | waiting | in flight | a change is seen |
|---|---|---|---|
| AMQP | yes | no | at once |
| management | yes | yes | at once; of quorum queues up to 5 s later |
| both | yes | yes | waiting at once, in flight as above and at most 2.5 s later (see `both.py`) |

RabbitMQ announces no depths, so it is polled. What one look at 1,000 queues costs (RabbitMQ 3.10, two busy cores):

| by | takes | of our processor | of the broker's |
|---|---|---|---|
| AMQP | 80 ms | 30 ms | 30 ms, for the queues that are asked for |
| a listing | 150 ms | 10 ms | 65 ms, for all queues of the virtual host |

So AMQP tells what waits wherever there is an AMQP address, however many queues there are, and a broker with many queues
that are not ours is better asked by AMQP.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from scaler.domain.readings import QueueDepth
from scaler.settings.connections import RabbitConnection
from scaler.sources.base import ALL_TOGETHER, Answer, Answers, SourceError, Watcher
from scaler.sources.questions import Question, RabbitQueue
from scaler.sources.rabbitmq.amqp import AmqpAddress
from scaler.sources.rabbitmq.both import BothAddresses
from scaler.sources.rabbitmq.management import ManagementAddress

_CLOSE = 0.25
_CLOSE_AT_MOST = 5.0
"""A close watch's interval, in seconds: longer where reads take longer, so that neither side is kept busy by it."""

_SHARE = 2
"""
How many times as long as a read takes the interval is at least. Watching 1,000 queues of a busy machine every 250 to
300 ms then takes an eighth of a core of ours and as much of the broker's by AMQP, and a quarter of the broker's by
listings.
"""

_BY_AMQP_ALONE = (
    "it tells ready messages only; give `management` too, so that unacknowledged ones count "
    "and a quorum queue without a leader is not taken for an empty one"
)

_PORTION = 250
"""Queues that are asked together by AMQP, where each is asked for itself: the first need not wait for the last."""

_VHOSTS = 32
"""Virtual hosts that one connection may ask side by side: each costs a connection to the broker."""

_IDLE = 300.0
"""Seconds after which a virtual host that nobody asks about is forgotten."""


class _Address(Protocol):
    """
    A way to reach the queues of a broker.
    """

    async def depths(self, vhost: str, queues: Collection[str]) -> Mapping[str, QueueDepth | SourceError]: ...

    async def version(self, vhost: str) -> str: ...

    async def forget(self, vhost: str) -> None: ...

    async def aclose(self) -> None: ...


class RabbitSource:
    """
    The queues of one broker.
    """

    def __init__(self, name: str, settings: RabbitConnection) -> None:
        self.portion = ALL_TOGETHER if settings.management else _PORTION
        self.close_interval = _CLOSE
        self._took = 0.0
        self._name = name
        self._settings = settings
        self._address, self._way = _address(settings)
        self._used: dict[str, float] = {}

    async def read(self, questions: Sequence[Question]) -> Answers:
        """
        Answer the questions, those of each virtual host together.

        Raises:
            SourceError: if no virtual host could be asked.
        """
        begun = _now()
        answers: dict[Question, Answer] = {}
        by_vhost: dict[str, list[RabbitQueue]] = {}
        for question in dict.fromkeys(questions):
            if isinstance(question, RabbitQueue):
                vhost = self._settings.vhost if question.vhost is None else question.vhost
                by_vhost.setdefault(vhost, []).append(question)
            else:
                answers[question] = SourceError(
                    f"{self._name} is a RabbitMQ and knows nothing of {type(question).__name__}"
                )
        await self._forget_idle()
        depths = await asyncio.gather(*(self._depths(vhost, asked) for vhost, asked in by_vhost.items()))
        if depths and all(isinstance(found, SourceError) for found in depths):
            raise next(found for found in depths if isinstance(found, SourceError))
        for found, asked in zip(depths, by_vhost.values(), strict=True):
            for question in asked:
                answers[question] = found if isinstance(found, SourceError) else found[question.queue]
        self._pace(_now() - begun)
        return answers

    def watcher(self) -> Watcher | None:
        """
        Return None: RabbitMQ announces no depths.
        """
        return None

    async def probe(self) -> str:
        """
        Say which RabbitMQ is there, and how it is reached.

        Raises:
            SourceError: if it cannot be reached in one of the ways that the settings name.
        """
        vhost = self._settings.vhost
        found = f"{await self._address.version(vhost)} by {self._way}, virtual host {vhost!r}"
        return found if self._settings.management else f"{found}: {_BY_AMQP_ALONE}"

    async def aclose(self) -> None:
        """
        Close every connection.
        """
        await self._address.aclose()

    def _pace(self, took: float) -> None:
        # One slow read is a hiccup; two in a row are what reads take.
        self._took, usual = took, min(took, self._took)
        self.close_interval = min(max(_CLOSE, _SHARE * usual), _CLOSE_AT_MOST)

    async def _depths(
        self, vhost: str, questions: Sequence[RabbitQueue]
    ) -> Mapping[str, QueueDepth | SourceError] | SourceError:
        if len(self._used) >= _VHOSTS and vhost not in self._used and vhost != self._settings.vhost:
            return SourceError(f"connection {self._name} asks {_VHOSTS} virtual hosts already: use another connection")
        self._used[vhost] = _now()
        try:
            return await self._address.depths(vhost, {question.queue: None for question in questions})
        except SourceError as error:
            return error

    async def _forget_idle(self) -> None:
        now = _now()
        for vhost in [vhost for vhost, used in self._used.items() if now - used > _IDLE]:
            del self._used[vhost]
            await self._address.forget(vhost)


def _address(settings: RabbitConnection) -> tuple[_Address, str]:
    if settings.management is None:
        return AmqpAddress(settings), "AMQP"
    management = ManagementAddress(settings)
    if settings.amqp is None:
        return management, "the management API"
    return BothAddresses(AmqpAddress(settings), management, settings.timeout), "AMQP and the management API"


def _now() -> float:
    return asyncio.get_running_loop().time()
