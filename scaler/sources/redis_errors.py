"""
What an error of Redis, or on the way to it, means to an operator.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from redis.exceptions import (
    AuthenticationError,
    BusyLoadingError,
    ClusterDownError,
    NoPermissionError,
    RedisClusterException,
    RedisError,
    ResponseError,
    SlotNotCoveredError,
)

from scaler.sources.base import SourceError
from scaler.sources.sentences import one_line, reason

# Errors in a reply that are not about the question but about the server, by the word they begin with.
_SERVER_TROUBLE = {
    "MASTERDOWN": "is a replica that has lost its master; it answers when it has found it again",
    "CLUSTERDOWN": "is down as a Cluster: some of its hash slots are served by nobody",
    "MOVED": "is a node of a Redis Cluster: use mode: cluster",
    "NOAUTH": "asks for a password: give the connection one",
    "NOREPLICAS": "has lost its replicas, and refuses to answer without them",
}


_HINTS = {
    "DENIED": "is in protected mode and refuses clients from other machines: give it a password or a bind address",
    "DB index": "does not have that database: check the connection's database",
    "unknown command": "does not know a command that is needed: is it a Redis, and not a proxy?",
}

_REPEATED = ", with args"


@contextmanager
def translated(where: str) -> Iterator[None]:
    """
    Turn whatever redis-py or the network raises into a SourceError that begins with *where*.

    What the server said is repeated only if it cannot hold a part of the credentials.
    """
    try:
        yield
    except (RedisError, RedisClusterException, OSError, TimeoutError) as error:
        _forget_arguments(error)
        raise SourceError(f"{where} {_trouble(error)}") from error
    except (ValueError, TypeError, AttributeError, LookupError) as nonsense:
        # What redis-py stumbles over in answers that are no Redis's.
        raise SourceError(f"{where} gives answers that make no sense: is it a Redis?") from nonsense


def server_trouble(error: Exception) -> bool:
    """
    Tell whether an error in one reply says that the server can answer nothing.
    """
    return isinstance(error, ClusterDownError) or str(error).partition(" ")[0] in _SERVER_TROUBLE


def _trouble(error: BaseException) -> str:
    meanings = (_meaning(link) for link in _chain(error))
    return next((meaning for meaning in meanings if meaning), f"cannot be reached: {reason(error)}")


def _meaning(link: BaseException) -> str | None:
    said = str(link)
    match link:
        case SourceError():
            meaning = f"cannot be asked: {said}"
        case AuthenticationError() if "required" in said or "already authenticated" in said:
            meaning = _SERVER_TROUBLE["NOAUTH"]
        case AuthenticationError():
            meaning = "refuses the user name or the password"
        case BusyLoadingError():
            meaning = "is still loading its data; it answers when that is done"
        case NoPermissionError():
            meaning = f"does not allow this user what is needed: {one_line(said)}"
        case ClusterDownError() | SlotNotCoveredError():
            meaning = _SERVER_TROUBLE["CLUSTERDOWN"]
        case ResponseError():
            meaning = _said(said)
        case RedisClusterException() if "not enabled" in said:
            meaning = "is not a Redis Cluster: use mode: standalone"
        case _:
            return None
    return meaning


def _forget_arguments(error: BaseException) -> None:
    # An old server, or a proxy, repeats what it was sent and does not know: AUTH or HELLO with the password.
    for link in _chain(error):
        link.args = tuple(str(arg).partition(_REPEATED)[0] for arg in link.args)


def _said(said: str) -> str:
    word = said.partition(" ")[0]
    known = (meaning for hint, meaning in _HINTS.items() if hint in said)
    return _SERVER_TROUBLE.get(word) or next(known, f"answers with an error: {one_line(said)}")


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
