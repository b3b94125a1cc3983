"""
Task frameworks' queues in Redis: which keys a queue has, what waits in them, and what is in flight.

Keys carry the frameworks' default prefixes. Delayed jobs do not wait; where a job's time can be told cheaply (arq,
BullMQ) it waits from then on, elsewhere from when a running process of the framework moves it to the queue.
"""

from __future__ import annotations

from collections.abc import Sequence

from scaler.domain.readings import QueueDepth
from scaler.sources.redis.plans import Plan, Reply, count, text

_MOST_LOOKED_AT = 100

# kombu keeps messages of a higher priority in lists beside the queue's own: its default separator and the one that
# Celery's documentation shows, and every step that priorities from 0 to 9 can be cut into.
CELERY_SEPARATORS = ("\x06\x16", ":")
_CELERY_PRIORITIES = range(1, 10)


def celery_keys(queue: str) -> tuple[str, ...]:
    """
    Return the lists of a Celery queue, one a priority.
    """
    return (queue, *(f"{queue}{mark}{step}" for mark in CELERY_SEPARATORS for step in _CELERY_PRIORITIES))


def celery_depth(queue: str) -> Plan[QueueDepth]:
    """
    Count what the queue's lists hold. What is in flight is kept in one hash for all queues: see `CeleryCensus`.
    """
    lengths = yield [("LLEN", key) for key in celery_keys(queue)]
    return QueueDepth(sum(map(count, lengths)))


def rq_keys(queue: str) -> tuple[str, ...]:
    """
    Return the keys of an RQ queue: jobs that wait, that a worker is taking, and that are being worked on.
    """
    return (f"rq:queue:{queue}", f"rq:queue:{queue}:intermediate", f"rq:wip:{queue}")


def rq_depth(queue: str) -> Plan[QueueDepth]:
    """
    Count the list as waiting, and as in flight the executions whose worker still gives signs of life.

    An execution's score is the time by which its worker must give the next sign, in seconds. Scheduled, deferred and
    rate-limited jobs do not wait: RQ puts them on the queue when their time has come.
    """
    waiting, taking, working = rq_keys(queue)
    now = yield from _milliseconds()
    waits, taken, worked_on = yield [
        ("LLEN", waiting),
        ("LLEN", taking),
        ("ZCOUNT", working, f"({now // 1000}", "+inf"),
    ]
    return QueueDepth(count(waits), count(taken) + count(worked_on))


def bullmq_keys(queue: str) -> tuple[str, ...]:
    """
    Return the keys of a BullMQ queue: waiting, waiting with a priority, delayed, active, and its settings.
    """
    return tuple(f"bull:{queue}:{part}" for part in ("wait", "prioritized", "delayed", "active", "meta"))


def bullmq_depth(queue: str) -> Plan[QueueDepth]:
    """
    Count as waiting what a worker would take now: of a paused queue nothing, of delayed jobs those that are due.

    A worker moves delayed jobs over itself when they are due; with no worker up, nobody does. Their scores are
    milliseconds times 4096. Before version 5 the list could end in a marker that is no job ("0:" and a time).
    """
    wait, prioritized, delayed, active, meta = bullmq_keys(queue)
    now = yield from _milliseconds()
    waits, last, ranked, due, working, paused = yield [
        ("LLEN", wait),
        ("LINDEX", wait, -1),
        ("ZCARD", prioritized),
        ("ZCOUNT", delayed, "-inf", f"({(now + 1) * 4096}"),
        ("LLEN", active),
        ("HEXISTS", meta, "paused"),
    ]
    marker = last is not None and text(last).startswith("0:")
    waiting = 0 if paused else max(count(waits) - marker, 0) + count(ranked) + count(due)
    return QueueDepth(waiting, count(working))


def arq_depth(queue: str) -> Plan[QueueDepth]:
    """
    Count the jobs that are due, and find out which of them are in flight.

    The queue is a sorted set by the time when a job may start, in milliseconds; a job leaves it when it is finished.
    What is in flight has a key of its own beside it. The hundred oldest jobs are looked at; if more are in flight, they
    are told as waiting, and the total is right all the same.
    """
    now = yield from _milliseconds()
    due, oldest = yield [
        ("ZCOUNT", queue, "-inf", now),
        ("ZRANGEBYSCORE", queue, "-inf", now, "LIMIT", 0, _MOST_LOOKED_AT),
    ]
    started: Sequence[Reply] = (yield [("EXISTS", b"arq:in-progress:" + job) for job in oldest]) if oldest else ()
    in_flight = sum(map(count, started))
    return QueueDepth(max(count(due) - in_flight, 0), in_flight)


def dramatiq_keys(queue: str) -> tuple[str, ...]:
    """
    Return the keys of a Dramatiq queue: the list of what waits, and the hash of all messages.
    """
    return (f"dramatiq:{queue}", f"dramatiq:{queue}.msgs")


def dramatiq_depth(queue: str) -> Plan[QueueDepth]:
    """
    Count the list as waiting, and the messages that are only in the hash as in flight.

    A message stays in the list until a worker takes it, and in the hash until it is acknowledged. The two are read
    one after the other, so their difference can be off while messages move.
    """
    in_list, in_hash = dramatiq_keys(queue)
    waiting, messages = yield [("LLEN", in_list), ("HLEN", in_hash)]
    return QueueDepth(count(waiting), max(count(messages) - count(waiting), 0))


def sidekiq_depth(queue: str) -> Plan[QueueDepth]:
    """
    Count the queue's list. What is in flight is kept by each process for all its queues: see `sidekiq_census`.
    """
    (waiting,) = yield [("LLEN", f"queue:{queue}")]
    return QueueDepth(count(waiting))


def _milliseconds() -> Plan[int]:
    # The server's clock: one clock for everybody, whatever that of this machine says.
    ((seconds, microseconds),) = yield [("TIME",)]
    return int(seconds) * 1000 + int(microseconds) // 1000
