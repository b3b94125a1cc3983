"""
Which class serves which kind of queue.
"""

from __future__ import annotations

from loadgen.errors import UsageError
from loadgen.live.brokers.base import Intake, Outlet
from loadgen.live.brokers.rabbitmq import RabbitIntake, RabbitOutlet
from loadgen.live.brokers.redis_link import RedisLink
from loadgen.live.brokers.redis_list import RedisListIntake, RedisListOutlet
from loadgen.live.brokers.redis_stream import RedisStreamIntake, RedisStreamOutlet


def intake(url: str, kind: str, queue: str, *, group: str, lease: float, concurrency: int, books: str | None) -> Intake:
    """
    Return the worker's side of a queue; nothing is connected yet.

    Raises:
        UsageError: the URL has something that its client refuses.
    """
    try:
        if kind == "list":
            return RedisListIntake(RedisLink(url), queue, lease, books)
        if kind == "stream":
            return RedisStreamIntake(RedisLink(url), queue, group, lease, books)
        return RabbitIntake(url, queue, concurrency, books)
    except (ValueError, TypeError) as error:
        raise _refused(error) from error


def outlet(url: str, kind: str, queue: str) -> Outlet:
    """
    Return the publisher's side of a queue; nothing is connected yet.

    Raises:
        UsageError: the URL has something that its client refuses.
    """
    try:
        if kind == "list":
            return RedisListOutlet(RedisLink(url), queue)
        if kind == "stream":
            return RedisStreamOutlet(RedisLink(url), queue)
        return RabbitOutlet(url, queue)
    except (ValueError, TypeError) as error:
        raise _refused(error) from error


def _refused(error: Exception) -> UsageError:
    # The client's own words may quote the URL, and with it a password.
    return UsageError(f"--broker or LOADGEN_BROKER: is refused by the broker's client ({type(error).__name__})")
