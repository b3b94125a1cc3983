"""
What an HTTP request carries to be let in: headers and TLS, read anew each time so that rotated secrets take effect.
"""

from __future__ import annotations

import base64
import re

from scaler.settings.connections import PrometheusConnection, ScrapeConnection
from scaler.settings.values import Secret
from scaler.sources.base import SourceError

_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")


def read_secret(secret: Secret) -> str:
    """
    Return a secret as it is now.

    Raises:
        SourceError: it is not there; the sentence names the file or variable.
    """
    try:
        return secret.read()
    except ValueError as error:
        raise SourceError(str(error)) from error


def headers_of(settings: PrometheusConnection | ScrapeConnection) -> dict[str, str]:
    """
    Return the headers that a connection's settings ask for, its bearer token among them.

    Raises:
        SourceError: a secret is not there, or cannot be sent in a header.
    """
    headers = {
        name: read_secret(value) if isinstance(value, Secret) else value for name, value in settings.headers.items()
    }
    if settings.bearerToken is not None:
        headers["Authorization"] = f"Bearer {read_secret(settings.bearerToken)}"
    for name, value in headers.items():
        # HTTP libraries repeat in their errors what they refuse to send.
        if not _HEADER_NAME.fullmatch(name) or not value.isascii() or not value.isprintable():
            raise SourceError(f"the header {name!r} has a name or value that HTTP cannot carry (a line break?)")
    return headers


def basic(username: str, password: str) -> str:
    """
    Return the value of an `Authorization` header of the scheme Basic, in UTF-8 (RFC 7617).
    """
    return "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode()
