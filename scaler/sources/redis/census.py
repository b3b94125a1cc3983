"""
Censuses: what is in flight in frameworks that keep it in one place for all queues. One count answers for all of them.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence

from scaler.sources.redis.frameworks import CELERY_SEPARATORS
from scaler.sources.redis.plans import Plan, count, text

Census = Callable[[], Plan[Mapping[str, int] | None]]
"""Counts what is in flight by queue; None if it cannot be told at a bounded cost."""

_MOST_MESSAGES = 5000
_MOST_FETCHED = 200
_MOST_PROCESSES = 500
_MOST_WILDCARDS = 2
_PARTS = 3


class CeleryCensus:
    """
    Counts what Celery's workers took and did not acknowledge yet.

    kombu keeps it in the hash `unacked`: by delivery tag, the whole message with its exchange and routing key, which
    lead to the queue as kombu itself would go when it gives a message back. Messages may be large and do not change, so
    each is fetched once and where it came from is remembered for as long as it is in flight.

    Celery acknowledges a task when it *starts*, unless `acks_late` is set: without it a task that is being worked on
    is not in Redis any more and cannot be counted.
    """

    def __init__(self) -> None:
        self._origins: dict[bytes, tuple[str, str]] = {}

    def __call__(self) -> Plan[Mapping[str, int] | None]:
        """
        Count by queue. If there are many new messages, a part of them is looked at and stands for the others.
        """
        (total,) = yield [("HLEN", "unacked")]
        if not 0 < count(total) <= _MOST_MESSAGES:
            self._origins.clear()
            return None if total else {}
        (tags,) = yield [("HKEYS", "unacked")]
        unseen = [tag for tag in tags if tag not in self._origins]
        looked_at = unseen[:_MOST_FETCHED]
        messages = (yield [("HGET", "unacked", tag) for tag in looked_at]) if looked_at else []
        known = self._origins | {tag: _origin(each) for tag, each in zip(looked_at, messages, strict=True) if each}
        self._origins = {tag: known[tag] for tag in tags if tag in known}
        taken = Counter(self._origins.values())
        queues_of = yield from _routes(taken)
        share = 1 + (len(unseen) - len(looked_at)) / max(taken.total(), 1)
        in_flight: Counter[str] = Counter()
        for origin, number in taken.items():
            in_flight.update(dict.fromkeys(queues_of(*origin), number))
        return {queue: round(number * share) for queue, number in in_flight.items()}


def _origin(message: bytes) -> tuple[str, str]:
    _, exchange, routing_key = json.loads(message)
    return str(exchange or ""), str(routing_key or "")


def _routes(origins: Iterable[tuple[str, str]]) -> Plan[Callable[[str, str], Sequence[str]]]:
    """
    Return what finds the queues of an exchange and routing key, from kombu's tables of bindings.

    A table's members are a routing key, a pattern (of topic exchanges only) and a queue.
    """
    exchanges = sorted({exchange for exchange, _ in origins if exchange})
    tables = (yield [("SMEMBERS", f"_kombu.binding.{exchange}") for exchange in exchanges]) if exchanges else []
    bindings = {
        exchange: [
            parts for member in table for mark in CELERY_SEPARATORS if len(parts := text(member).split(mark)) == _PARTS
        ]
        for exchange, table in zip(exchanges, tables, strict=True)
    }

    def queues_of(exchange: str, routing_key: str) -> Sequence[str]:
        if not exchange:
            return (routing_key,)
        return [
            queue
            for bound, pattern, queue in bindings[exchange]
            if bound == routing_key or (pattern and _topic_matches(bound, routing_key))
        ]

    return queues_of


def _topic_matches(bound: str, routing_key: str) -> bool:
    # The table has a regular expression too, but whoever may write to that Redis could make it one that never ends.
    if bound.count("#") > _MOST_WILDCARDS:
        return False
    words = ({"*": "[^.]+", "#": ".*"}.get(word, re.escape(word)) for word in bound.split("."))
    return re.fullmatch(r"\.".join(words), routing_key) is not None


def sidekiq_census() -> Plan[Mapping[str, int] | None]:
    """
    Count what Sidekiq's processes are working on, as each of them writes it down every ten seconds.

    Each has a hash of its busy threads: `<process>:work`, and before version 7 `<process>:workers`.
    """
    (processes,) = yield [("SMEMBERS", "processes")]
    if not processes:
        return {}
    if len(processes) > _MOST_PROCESSES:
        return None
    keys = [f"{text(process)}:{suffix}" for process in processes for suffix in ("work", "workers")]
    works = yield [("HVALS", key) for key in keys]
    return Counter(str(json.loads(job)["queue"]) for jobs in works for job in jobs)
