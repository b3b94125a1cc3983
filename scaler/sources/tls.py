"""
TLS towards a system: the context that a connection's settings ask for.
"""

from __future__ import annotations

import ssl

from scaler.settings.connections import Tls
from scaler.sources.base import SourceError


class Trust:
    """
    The context for connections that a client keeps by context: one and the same until one of its files changes.
    """

    def __init__(self, tls: Tls) -> None:
        self._tls = tls
        self._made: tuple[ssl.SSLContext, list[int | None]] | None = None

    def context(self) -> ssl.SSLContext:
        """
        Return the context, made anew if a file was rotated.

        Raises:
            SourceError: a file cannot be used; the sentence names it.
        """
        paths = [path for path in (self._tls.ca, self._tls.cert, self._tls.key) if path is not None]
        found = [path.stat().st_mtime_ns if path.exists() else None for path in paths]
        if self._made is None or self._made[1] != found:
            self._made = client_context(self._tls), found
        return self._made[0]


def client_context(tls: Tls) -> ssl.SSLContext:
    """
    Return a context that trusts what the settings trust, and shows our certificate if they name one.

    Raises:
        SourceError: a file cannot be used; the sentence names it.
    """
    try:
        context = ssl.create_default_context(cafile=tls.ca)
    except OSError as error:
        raise SourceError(f"the authorities {tls.ca} cannot be used ({_said(error)}): give PEM certificates") from error
    if tls.cert is not None:
        try:
            # Without a password OpenSSL would ask for one on the terminal.
            context.load_cert_chain(tls.cert, tls.key, password="")
        except OSError as error:
            raise SourceError(
                f"the certificate {tls.cert} and the key {tls.key} cannot be used ({_said(error)}): "
                "give a PEM certificate and its own PEM key, without a passphrase"
            ) from error
    if tls.insecureSkipVerify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _said(error: OSError) -> str:
    reason = error.reason if isinstance(error, ssl.SSLError) else error.strerror
    return (reason or "not PEM").lower().replace("_", " ")
