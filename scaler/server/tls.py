"""
The server's certificate, read again when its files change; clients' certificates are asked for where it says so.

gRPC takes TLS 1.2 and 1.3 only. It calls back before every handshake, so nothing has to watch the files: a mounted
Secret changes by an atomic swap of its `..data` link, which a look at the files behind the links notices.
"""

from __future__ import annotations

import logging
import ssl
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

import grpc

_log = logging.getLogger(__name__)

_Fingerprint = tuple[tuple[int, int, int, int] | None, ...]


class CertificateError(Exception):
    """
    A certificate cannot be used; the message names the file and what to do. The operator must act.
    """


@dataclass(frozen=True, slots=True)
class CertificateFiles:
    """
    The PEM files of a server's identity.

    Attributes:
        cert: the server's certificate, followed by those between it and the authority.
        key: its private key, without a passphrase.
        client_ca: the authorities whose clients are let in (mutual TLS); None lets in any client.
    """

    cert: Path
    key: Path
    client_ca: Path | None = None

    def fingerprint(self) -> _Fingerprint:
        """
        Return what changes when one of the files does, without reading them.
        """
        return tuple(_mark(path) for path in (self.cert, self.key, self.client_ca) if path is not None)

    def configuration(self) -> grpc.ServerCertificateConfiguration:
        """
        Read the files and return what they say.

        Raises:
            CertificateError: if they cannot be read, or do not belong together.
        """
        pair = (_read(self.key), _read(self.cert))
        authorities = None if self.client_ca is None else _read(self.client_ca)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        try:
            # Without a password OpenSSL would ask for one on the terminal.
            context.load_cert_chain(self.cert, self.key, password="")
        except OSError as error:
            raise CertificateError(
                f"the certificate {self.cert} and the key {self.key} cannot be used ({_said(error)}): "
                "give a PEM certificate and its own PEM key, without a passphrase"
            ) from error
        if self.client_ca is not None:
            try:
                context.load_verify_locations(self.client_ca)
            except OSError as error:
                raise CertificateError(
                    f"the client authorities {self.client_ca} cannot be used ({_said(error)}): give PEM certificates"
                ) from error
        return grpc.ssl_server_certificate_configuration([pair], root_certificates=authorities)


class ServerCertificates:
    """
    The certificate in force: the newest one that could be used.

    Attributes:
        reload_failures: how many changes of the files were refused; the one before stayed in force.

    Raises:
        CertificateError: if the files cannot be used from the start.
    """

    def __init__(self, files: CertificateFiles) -> None:
        self._files = files
        self._lock = Lock()
        self._seen = files.fingerprint()
        self._first = files.configuration()
        self.reload_failures = 0

    def credentials(self) -> grpc.ServerCredentials:
        """
        Return credentials for a server's port, that follow the files.
        """
        return grpc.dynamic_ssl_server_credentials(
            self._first,
            self._changed,  # type: ignore[arg-type] # the stub forgets that None means "no change"
            require_client_authentication=self._files.client_ca is not None,
        )

    def _changed(self) -> grpc.ServerCertificateConfiguration | None:
        # Called by gRPC's own threads, one for each handshake.
        with self._lock:
            found = self._files.fingerprint()
            if found == self._seen:
                return None
            self._seen = found
            try:
                configuration = self._files.configuration()
            except CertificateError as error:
                self.reload_failures += 1
                _log.error("the certificate in force stays: %s", error)
                return None
            _log.info("the certificate %s was read again", self._files.cert)
            return configuration


def _mark(path: Path) -> tuple[int, int, int, int] | None:
    try:
        stat = path.stat()
    except OSError:
        return None
    return stat.st_dev, stat.st_ino, stat.st_mtime_ns, stat.st_size


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise CertificateError(f"{path} cannot be read ({error.strerror}): mount it or correct its path") from error


def _said(error: OSError) -> str:
    reason = error.reason if isinstance(error, ssl.SSLError) else error.strerror
    return (reason or "not PEM").lower().replace("_", " ")
