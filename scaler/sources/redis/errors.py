"""
What an error of Redis, or on the way to it, means to an operator.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from redis.exceptions import (
    AskError,
    AuthenticationError,
    BusyLoadingError,
    ClusterDownError,
    InvalidResponse,
    MasterDownError,
    NoPermissionError,
    RedisClusterException,
    RedisError,
    ResponseError,
    SlotNotCoveredError,
)

from scaler.sources.base import SourceError
from scaler.sources.sentences import one_line, reason

_NONSENSE = "gives answers that make no sense: is it a Redis?"
_UNSERVED = "is down as a Cluster: some of its hash slots are served by nobody"

# By class, a subclass before its base.
_MEANINGS: dict[type[Exception], str] = {
    BusyLoadingError: "is still loading its data; it answers when that is done",
    MasterDownError: "is a replica that has lost its master; it answers when it has found it again",
    ClusterDownError: _UNSERVED,
    SlotNotCoveredError: _UNSERVED,
    AskError: "is a node of a Redis Cluster: use mode: cluster",
    InvalidResponse: _NONSENSE,
}

# By what is said, where there is no class for it.
_HINTS = {
    "Authentication required": "asks for a password: give the connection one",
    "already authenticated": "asks for a password: give the connection one",
    "DENIED": "is in protected mode and refuses clients from other machines: give it a password or a bind address",
    "DB index": "does not have that database: check the connection's database",
    "unknown command": "does not know a command that is needed: is it a Redis, and not a proxy?",
    "Cluster mode is not enabled": "is not a Redis Cluster: use mode: standalone",
    "slots are not covered": _UNSERVED,
}

_REPEATED = ", with args"


@contextmanager
def translated(where: str) -> Iterator[None]:
    """
    Turn whatever redis-py or the network raises into a SourceError that begins with *where*.
    """
    try:
        yield
    except (RedisError, RedisClusterException, OSError, TimeoutError) as error:
        _forget_arguments(error)
        raise SourceError(f"{where} {_trouble(error)}") from error
    except (ValueError, TypeError, AttributeError, LookupError) as nonsense:
        # What redis-py stumbles over in answers that are no Redis's.
        raise SourceError(f"{where} {_NONSENSE}") from nonsense


def server_trouble(error: Exception) -> bool:
    """
    Tell whether an error in one reply says that the server can answer nothing.
    """
    return isinstance(error, AskError | ClusterDownError)


def _trouble(error: BaseException) -> str:
    for link in _chain(error):
        meaning = _meaning(link)
        if meaning is not None:
            return meaning
    return f"cannot be reached: {reason(error)}"


def _meaning(link: BaseException) -> str | None:
    said = str(link)
    if isinstance(link, SourceError):
        return f"cannot be asked: {said}"
    if isinstance(link, NoPermissionError):
        return f"does not allow this user what is needed: {one_line(said)}"
    if isinstance(link, RedisError | RedisClusterException):
        told = [meaning for kind, meaning in _MEANINGS.items() if isinstance(link, kind)]
        told += [meaning for hint, meaning in _HINTS.items() if hint in said]
        if told:
            return told[0]
    if isinstance(link, AuthenticationError):
        return "refuses the user name or the password"
    return f"answers with an error: {one_line(said)}" if isinstance(link, ResponseError) else None


def _forget_arguments(error: BaseException) -> None:
    # An old server, or a proxy, repeats what it was sent and does not know: AUTH or HELLO with the password.
    for link in _chain(error):
        said = str(link)
        if _REPEATED in said:
            link.args = (said.partition(_REPEATED)[0],)


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
