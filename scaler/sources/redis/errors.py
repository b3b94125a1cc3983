"""
What an error of Redis, or on the way to it, means to an operator.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from scaler.sources.base import SourceError
from scaler.sources.sentences import one_line, reason

_NONSENSE = "gives answers that make no sense: is it a Redis?"
_UNSERVED = "is down as a Cluster: some of its hash slots are served by nobody"
_NEEDS_PASSWORD = "asks for a password: give the connection one"  # noqa: S105 - a sentence
_WRONG_PASSWORD = "refuses the user name or the password"  # noqa: S105 - the same
_IN_CLUSTER = "is a node of a Redis Cluster: use mode: cluster"

# By the code that an error begins with; of these the server can answer nothing at all.
_DISABLING = {
    "LOADING": "is still loading its data; it answers when that is done",
    "MASTERDOWN": "is a replica that has lost its master; it answers when it has found it again",
    "CLUSTERDOWN": _UNSERVED,
    "ASK": _IN_CLUSTER,
    "MOVED": _IN_CLUSTER,
    "NOAUTH": _NEEDS_PASSWORD,
    "WRONGPASS": _WRONG_PASSWORD,
}

# By what is said, where there is no code for it.
_HINTS = {
    "Authentication required": _NEEDS_PASSWORD,
    "already authenticated": _NEEDS_PASSWORD,
    "without any password configured": _WRONG_PASSWORD,
    "no password is set": _WRONG_PASSWORD,
    "invalid password": _WRONG_PASSWORD,
    "DENIED": "is in protected mode and refuses clients from other machines: give it a password or a bind address",
    "DB index": "does not have that database: check the connection's database",
    "unknown command": "does not know a command that is needed: is it a Redis, and not a proxy?",
    "Cluster mode is not enabled": "is not a Redis Cluster: use mode: standalone",
    "slots are not covered": _UNSERVED,
}

# Said with a sentence that means something by itself.
_CODES = {*_DISABLING, "ERR", "NOPERM", "READONLY", "NOSCRIPT", "EXECABORT", "OOM", "TRYAGAIN", "CROSSSLOT"}

_REPEATED = ", with args"


class ReplyError(Exception):
    """
    An error that Redis replied with.

    Attributes:
        code: the word in capitals that it began with, if it is a known one; it is left out of the text.
    """

    def __init__(self, said: str) -> None:
        code, _, rest = said.partition(" ")
        self.code = code if code in _CODES else ""
        super().__init__(rest if self.code else said)

    @property
    def disabling(self) -> bool:
        """
        Whether the server can answer nothing.
        """
        return self.code in _DISABLING


class NonsenseError(Exception):
    """
    What was received is not Redis's protocol.
    """


class LostError(ConnectionError):
    """
    The connection broke.
    """


@contextmanager
def translated(where: str) -> Iterator[None]:
    """
    Turn whatever Redis answers or the network raises into a SourceError that begins with *where*.
    """
    try:
        yield
    except (ReplyError, OSError) as error:
        _forget_arguments(error)
        raise SourceError(f"{where} {_trouble(error)}") from error
    except (NonsenseError, ValueError, TypeError, AttributeError, LookupError) as nonsense:
        # What is stumbled over in answers that are no Redis's.
        raise SourceError(f"{where} {_NONSENSE}") from nonsense


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
    if not isinstance(link, ReplyError | LostError):
        return None
    code = link.code if isinstance(link, ReplyError) else ""
    if code == "NOPERM":
        return f"does not allow this user what is needed: {one_line(said)}"
    told = [_DISABLING[code]] if code in _DISABLING else []
    told += [meaning for hint, meaning in _HINTS.items() if hint in said]
    if told:
        return told[0]
    return f"answers with an error: {one_line(said)}" if isinstance(link, ReplyError) else None


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
