"""
Who we are to a RabbitMQ.
"""

from __future__ import annotations

from scaler.settings.connections import RabbitConnection
from scaler.sources.base import SourceError
from scaler.sources.credentials import read_secret

_WELL_KNOWN = "guest"


def password_of(settings: RabbitConnection) -> str:
    """
    Return the password as it is now; only the user `guest` has a well-known one.

    Raises:
        SourceError: there is none, or it cannot be read.
    """
    if settings.password is not None:
        return read_secret(settings.password)
    if settings.username == _WELL_KNOWN:
        return _WELL_KNOWN
    raise SourceError(f"RabbitMQ's user {settings.username!r} has no password: give `password` a file or an env")
