"""
Sentences about trouble: foreign text and foreign exceptions, made fit for one line that an operator reads.
"""

from __future__ import annotations

import os
import socket
import ssl
from collections.abc import Iterator

_LONGEST = 200


def one_line(text: object, longest: int = _LONGEST) -> str:
    """
    Return foreign text on one line, without control characters, cut where it is too long.
    """
    line = " ".join("".join(letter if letter.isprintable() else " " for letter in str(text)[: 4 * longest]).split())
    return line if len(line) <= longest else f"{line[: longest - 1]}…"


def reason(error: BaseException) -> str:
    """
    Return why a connection failed, in half a sentence, from the most telling exception behind *error*.

    Only texts of the operating system and of OpenSSL are repeated: those of HTTP libraries may hold a header's value.
    """
    causes = list(_causes(error))
    for cause in causes:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"its certificate is not trusted ({one_line(cause.verify_message)})"
    for cause in causes:
        # aiohttp's errors are SSLErrors too, without a reason of their own.
        if isinstance(cause, ssl.SSLError) and getattr(cause, "reason", None):
            return f"TLS failed ({one_line(cause.reason)})"
    for cause in causes:
        if isinstance(cause, socket.gaierror):
            return f"its name does not resolve ({cause.strerror})"
    for cause in causes:
        if isinstance(cause, TimeoutError):
            return "it did not answer in time"
        if isinstance(cause, OSError) and cause.errno and cause.errno > 0:
            return os.strerror(cause.errno).lower()
        if isinstance(cause, ConnectionError):
            return "it closed the connection"
    return f"the connection broke ({type(error).__name__})"


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
