"""
TLS towards a system: the context that a connection's settings ask for, made anew so that rotated files take effect.
"""

from __future__ import annotations

import ssl

from scaler.settings.connections import Tls
from scaler.sources.base import SourceError


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
