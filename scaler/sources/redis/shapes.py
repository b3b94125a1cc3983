"""
Plain Redis structures as queues: lists, streams with consumer groups, sorted sets. A missing key is an empty queue.
"""

from __future__ import annotations

from scaler.domain.readings import QueueDepth
from scaler.sources.redis.plans import CommandFailedError, Plan, count, fields, text

_PAGE = 100
_MOST_COUNTED = 1000
_BEFORE_ALL = "0-0"


def list_depth(key: str, processing: str | None = None) -> Plan[QueueDepth]:
    """
    Take the list's length as waiting, and that of the list where workers keep what they took as in flight.
    """
    keys = (key,) if processing is None else (key, processing)
    lengths = yield [("LLEN", each) for each in keys]
    return QueueDepth(*map(count, lengths))


def sorted_set_depth(key: str) -> Plan[QueueDepth]:
    """
    Take the number of members as waiting, whatever their scores mean.
    """
    (members,) = yield [("ZCARD", key)]
    return QueueDepth(count(members))


def stream_length(key: str) -> Plan[QueueDepth]:
    """
    Take the number of entries as waiting: without a group nobody knows what was read.
    """
    (length,) = yield [("XLEN", key)]
    return QueueDepth(count(length))


def stream_depth(key: str, group: str) -> Plan[QueueDepth]:
    """
    Take what the group was not given yet (its lag) as waiting, what it did not acknowledge (pending) as in flight.

    Without the group every entry waits and none is in flight: a worker that creates its group when it starts, as is
    usual, must be woken by the first entry. If it then creates it at the stream's end, nothing waits from there on.

    Entries that were trimmed before anybody read them still count in the lag that Redis tells (up to 7.2 at least),
    and would wait for ever; so no more can wait than the stream has entries.
    """
    try:
        groups, length = yield [("XINFO GROUPS", key), ("XLEN", key)]
    except CommandFailedError as failed:
        if failed.no_such_key:
            return QueueDepth(0, 0)
        raise
    entries = count(length)
    ours = next((each for each in map(fields, groups) if text(each["name"]) == group), None)
    if ours is None:
        return QueueDepth(entries, 0)
    lag = ours.get("lag")
    if lag is None:
        last = text(ours["last-delivered-id"])
        lag = entries if last == _BEFORE_ALL else (yield from _entries_after(key, last))
    return QueueDepth(min(count(lag), entries), count(ours["pending"]))


def _entries_after(key: str, last: str) -> Plan[int]:
    """
    Count the entries after an id, where Redis does not tell the lag: before 7.0, and after entries were deleted.

    There is no command for it, so the entries themselves are fetched, a page at a time; a thousand and more are told
    as a thousand, which is enough to want many replicas and little enough to be asked often.
    """
    counted = 0
    while counted < _MOST_COUNTED:
        (page,) = yield [("XRANGE", key, _next_id(last), "+", "COUNT", _PAGE)]
        counted += len(page)
        if len(page) < _PAGE:
            break
        last = text(page[-1][0])
    return counted


def _next_id(last: str) -> str:
    # Exclusive ranges came with Redis 6.2 only.
    milliseconds, sequence = last.split("-")
    return f"{milliseconds}-{int(sequence) + 1}"
