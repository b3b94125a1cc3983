"""
Certificates for tests of TLS: an authority, a server's certificate and a client's, as files.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import trustme

NAMES = ("localhost", "127.0.0.1")


@dataclass(frozen=True, slots=True)
class Certificates:
    """
    The paths of PEM files. Server and client certificates are signed by the authority `ca`.
    """

    ca: Path
    server_cert: Path
    server_key: Path
    client_cert: Path
    client_key: Path


def issue(folder: Path, *names: str) -> Certificates:
    """
    Make an authority and its certificates in *folder*, replacing what is there; *names* default to this machine's.
    """
    folder.mkdir(parents=True, exist_ok=True)
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    files = Certificates(
        ca=folder / "ca.pem",
        server_cert=folder / "server.pem",
        server_key=folder / "server-key.pem",
        client_cert=folder / "client.pem",
        client_key=folder / "client-key.pem",
    )
    _write(authority.issue_cert(*(names or NAMES)), files.server_cert, files.server_key)
    _write(authority.issue_cert("client.test"), files.client_cert, files.client_key)
    return files


def _write(leaf: trustme.LeafCert, cert: Path, key: Path) -> None:
    cert.write_bytes(b"".join(pem.bytes() for pem in leaf.cert_chain_pems))
    key.write_bytes(leaf.private_key_pem.bytes())
