"""
Plans: what is asked of Redis, one step after the other, as generators without any I/O.

A plan yields commands, is sent their replies, and returns what it found out. All plans of a read advance together, so
that a read takes as many round trips as its longest plan has steps, however many plans there are.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Generator, Iterable, Sequence
from functools import partial
from itertools import islice
from typing import Any, TypeVar

from scaler.sources.base import SourceError
from scaler.sources.redis.errors import ReplyError
from scaler.sources.sentences import one_line

Command = tuple[str | bytes | int, ...]
"""The command in one word, its subcommand included ("XINFO GROUPS"), then its key if it has one, then the rest."""

Reply = Any
"""What is made of a reply; its shape depends on the protocol's version. Errors are values here."""

Exchange = Callable[[Sequence[Command]], Awaitable[list[Reply]]]
"""Sends commands and returns their replies in the same order, in one round trip."""

CHUNK = 100
"""Things done after which others get their turn: a thousand at once would hold up the event loop."""

Found = TypeVar("Found")
Plan = Generator[Sequence[Command], list[Reply], Found]
_Step = Callable[[], Sequence[Command]]

_KINDS = {"L": "list", "X": "stream", "Z": "sorted set", "H": "hash", "S": "set"}


class CommandFailedError(Exception):
    """
    Redis answered a command with an error. A plan may expect that, and go on.
    """

    def __init__(self, command: Command, error: Exception) -> None:
        super().__init__(str(error))
        self.name = str(command[0])
        self.key = text(command[1]) if len(command) > 1 else ""
        self.error = error

    @property
    def no_such_key(self) -> bool:
        """
        Tell whether the command needs a key that is not there.
        """
        return "no such key" in str(self.error)

    @property
    def wrong_type(self) -> bool:
        """
        Tell whether the key holds something else.
        """
        return str(self.error).startswith("WRONGTYPE")


async def carry_out(plans: Sequence[Plan[Found]], exchange: Exchange) -> list[Found | SourceError]:
    """
    Carry out all *plans* together and return what each found; trouble with one of them is its SourceError.

    Raises:
        whatever *exchange* raises.
    """
    found: dict[int, Found | SourceError] = {}
    turns: list[tuple[int, Plan[Found], _Step]] = [
        (place, plan, plan.__next__) for place, plan in enumerate(map(_explained, plans))
    ]
    while turns:
        asked: list[tuple[int, Plan[Found], Sequence[Command]]] = []
        for turn, (place, plan, step) in enumerate(turns):
            try:
                asked.append((place, plan, step()))
            except StopIteration as end:
                found[place] = end.value
            except SourceError as trouble:
                found[place] = trouble
            if turn % CHUNK == CHUNK - 1:
                await asyncio.sleep(0)
        replies = iter(await exchange([command for _, _, commands in asked for command in commands]) if asked else ())
        turns = [
            (place, plan, _step(plan, commands, list(islice(replies, len(commands)))))
            for place, plan, commands in asked
        ]
    return [found[place] for place in range(len(plans))]


def _step(plan: Plan[Found], commands: Sequence[Command], replies: list[Reply]) -> _Step:
    for command, reply in zip(commands, replies, strict=True):
        if isinstance(reply, Exception):
            return partial(plan.throw, CommandFailedError(command, reply))
    return partial(plan.send, replies)


def _explained(plan: Plan[Found]) -> Plan[Found]:
    # What a plan did not expect becomes a sentence; a key of the wrong type is worth asking which type it has.
    try:
        return (yield from plan)
    except CommandFailedError as failed:
        if not failed.wrong_type:
            raise SourceError(_refusal(failed)) from failed.error
        found = yield from _type_of(failed.key)
        wanted = _KINDS.get(failed.name[0], "other kind of key")
        raise SourceError(f"the Redis key {failed.key!r} holds a {found}, not a {wanted}") from failed.error
    except (ValueError, TypeError, LookupError, RecursionError) as nonsense:
        raise SourceError(f"Redis gave an answer that makes no sense ({one_line(nonsense)})") from nonsense


def _type_of(key: str) -> Plan[str]:
    try:
        (kind,) = yield [("TYPE", key)]
    except CommandFailedError:
        return "value of another type"
    return {"zset": "sorted set"}.get(text(kind), text(kind))


def _refusal(failed: CommandFailedError) -> str:
    asked = f"{failed.name} of the key {failed.key!r}" if failed.key else failed.name
    said = one_line(failed.error)
    if isinstance(failed.error, ReplyError) and failed.error.code == "NOPERM":
        command = failed.name.lower().replace(" ", "|")
        key = f" and ~{one_line(failed.key)}" if failed.key else ""
        return f"Redis does not allow {asked} to this user ({said}); allow it by ACL rules such as +{command}{key}"
    if isinstance(failed.error, ReplyError):
        return f"Redis answered {asked} with an error: {said}"
    return f"Redis did not answer {asked}: {said}"


def count(reply: Reply) -> int:
    """
    Return a reply that must be a number of things.

    Raises:
        ValueError: if it is not.
    """
    if type(reply) is not int or reply < 0:
        raise ValueError(f"{reply!r} is not a number of things")
    return reply


def text(value: Reply) -> str:
    """
    Return what may be bytes as text.
    """
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)


def fields(reply: Reply) -> dict[str, Reply]:
    """
    Return a map, which is a flat list of names and values in the protocol's version 2, under names that are text.
    """
    pairs: Iterable[tuple[Reply, Reply]] = (
        reply.items() if isinstance(reply, dict) else zip(reply[::2], reply[1::2], strict=True)
    )
    return {text(name): value for name, value in pairs}
