"""
Sentences about trouble: foreign text and foreign exceptions, made fit for one line that an operator reads.
"""

from __future__ import annotations

import os
import socket
import ssl
from collections.abc import Callable, Iterator, Sequence
from typing import Any

_LONGEST = 200


def one_line(text: object, longest: int = _LONGEST) -> str:
    """
    Return foreign text on one line, without control characters, cut where it is too long.
    """
    line = " ".join("".join(letter if letter.isprintable() else " " for letter in str(text)[: 4 * longest]).split())
    return line if len(line) <= longest else f"{line[: longest - 1]}…"


def _errno(error: OSError) -> str | None:
    # OpenSSL's and the resolver's numbers are not the operating system's.
    number = None if isinstance(error, ssl.SSLError | socket.gaierror) else error.errno
    return os.strerror(number).lower() if number is not None and number > 0 else None


def _verification(error: ssl.SSLCertVerificationError) -> str | None:
    # aiohttp's error of this kind has no such attribute; the original is behind it.
    message = getattr(error, "verify_message", None)
    return f"its certificate is not trusted ({one_line(message)})" if message else None


def _tls(error: ssl.SSLError) -> str | None:
    cause = getattr(error, "reason", None)  # the same
    return f"TLS failed ({one_line(cause)})" if cause else None


# The most telling first. Only texts of the operating system and of OpenSSL are repeated: those of HTTP libraries may
# hold the value of a header.
_WORDINGS: Sequence[tuple[type[BaseException], Callable[[Any], str | None]]] = (
    (ssl.SSLCertVerificationError, _verification),
    (ssl.SSLError, _tls),
    (socket.gaierror, lambda error: f"its name does not resolve ({error.strerror})"),
    (TimeoutError, lambda _: "it did not answer in time"),
    (OSError, _errno),
    (ConnectionError, lambda _: "it closed the connection"),
)


def reason(error: BaseException) -> str:
    """
    Return why a connection failed, in half a sentence, from the most telling exception behind *error*.
    """
    causes = list(_causes(error))
    told = (wording(cause) for kind, wording in _WORDINGS for cause in causes if isinstance(cause, kind))
    return next(filter(None, told), f"the connection broke ({type(error).__name__})")


def _causes(error: BaseException) -> Iterator[BaseException]:
    # Libraries keep the original in `__cause__`, `__context__`, their arguments, or a `reason` of their own.
    seen: set[int] = set()
    waiting: list[object] = [error]
    while waiting:
        one = waiting.pop(0)
        if not isinstance(one, BaseException) or id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        waiting += [*one.args, getattr(one, "reason", None), one.__cause__, one.__context__]
