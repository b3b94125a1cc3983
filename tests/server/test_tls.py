"""
TLS: who is let in, and certificates that change while the server runs.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import grpc
import pytest

from scaler.server.grpc_server import GrpcServer
from scaler.server.tls import CertificateError, CertificateFiles, ServerCertificates
from scaler.server.wire import externalscaler_pb2 as pb
from scaler.server.wire.externalscaler_pb2_grpc import ExternalScalerStub
from tests.server.answering import CALLER, StagedAnswers
from tests.servers.certificates import Certificates, issue

REF = pb.ScaledObjectRef(name=CALLER.name, namespace=CALLER.namespace, scalerMetadata=CALLER.metadata)


class Secret:
    """
    A Kubernetes Secret as it is mounted: files that are links into `..data`, itself a link that is swapped.
    """

    def __init__(self, mount: Path) -> None:
        self._mount = mount
        self._versions = 0
        mount.mkdir()

    def put(self, files: Certificates) -> Certificates:
        """
        Replace the Secret by a server's identity and its authority, in one atomic step; return what a client needs.
        """
        self._versions += 1
        version = self._mount / f"..version-{self._versions}"
        version.mkdir()
        for name, file in (("tls.crt", files.server_cert), ("tls.key", files.server_key), ("ca.crt", files.ca)):
            (version / name).write_bytes(file.read_bytes())
            if not (self._mount / name).is_symlink():
                (self._mount / name).symlink_to(Path("..data") / name)
        (self._mount / "..data_tmp").symlink_to(version.name)
        (self._mount / "..data_tmp").rename(self._mount / "..data")
        return files

    def files(self, *, mutual: bool = False) -> CertificateFiles:
        """
        Return the paths that a server is given.
        """
        return CertificateFiles(
            self._mount / "tls.crt", self._mount / "tls.key", self._mount / "ca.crt" if mutual else None
        )


@pytest.fixture
def secret(tmp_path: Path) -> Secret:
    """
    An empty Secret, mounted.
    """
    return Secret(tmp_path / "secret")


@pytest.fixture
def issued(tmp_path: Path) -> Callable[[str], Certificates]:
    """
    Issue certificates of an authority that is called so.
    """
    return lambda authority: issue(tmp_path / authority)


@asynccontextmanager
async def running(certificates: ServerCertificates) -> AsyncIterator[int]:
    """
    Run a server and give its port.
    """
    server = GrpcServer(StagedAnswers(), host="127.0.0.1", port=0, certificates=certificates)
    try:
        yield await server.start()
    finally:
        await server.stop(within=1)


async def is_served(port: int, trusted: Certificates, *, own: Certificates | None = None) -> bool:
    """
    Tell whether a client gets an answer over a new connection; *own* gives it a certificate of its own.
    """
    credentials = grpc.ssl_channel_credentials(
        root_certificates=trusted.ca.read_bytes(),
        private_key=own.client_key.read_bytes() if own else None,
        certificate_chain=own.client_cert.read_bytes() if own else None,
    )
    async with grpc.aio.secure_channel(f"localhost:{port}", credentials) as channel:
        code = await ExternalScalerStub(channel).IsActive(REF, timeout=10).code()
    assert code in {grpc.StatusCode.OK, grpc.StatusCode.UNAVAILABLE}
    return code is grpc.StatusCode.OK


async def test_a_client_must_trust_the_authority(secret: Secret, issued: Callable[[str], Certificates]) -> None:
    """
    One that trusts it is served; one that trusts another is not, nor is one without TLS.
    """
    ours, other = secret.put(issued("ours")), issued("other")
    async with running(ServerCertificates(secret.files())) as port:
        assert await is_served(port, ours)
        assert not await is_served(port, other)
        async with grpc.aio.insecure_channel(f"localhost:{port}") as channel:
            with pytest.raises(grpc.aio.AioRpcError):
                await ExternalScalerStub(channel).IsActive(REF, timeout=10)


async def test_mutual_tls_asks_for_a_certificate(secret: Secret, issued: Callable[[str], Certificates]) -> None:
    """
    None is refused, one of another authority too; the right one is served.
    """
    ours, other = secret.put(issued("ours")), issued("other")
    async with running(ServerCertificates(secret.files(mutual=True))) as port:
        assert not await is_served(port, ours)
        assert not await is_served(port, ours, own=other)
        assert await is_served(port, ours, own=ours)


async def test_a_new_certificate_is_used_without_a_restart(
    secret: Secret, issued: Callable[[str], Certificates]
) -> None:
    """
    The Secret is swapped: the next connection meets the new certificate, and clients of the new authority are let in.
    """
    old = secret.put(issued("old"))
    certificates = ServerCertificates(secret.files(mutual=True))
    async with running(certificates) as port:
        assert await is_served(port, old, own=old)
        new = secret.put(issued("new"))
        assert await is_served(port, new, own=new)
        assert not await is_served(port, old, own=old)
    assert certificates.reload_failures == 0


async def test_a_broken_pair_leaves_the_old_one_in_force(
    secret: Secret, issued: Callable[[str], Certificates], caplog: pytest.LogCaptureFixture
) -> None:
    """
    A certificate with another's key is refused once, with one line in the log; later a right pair is taken.
    """
    old = secret.put(issued("old"))
    certificates = ServerCertificates(secret.files())
    async with running(certificates) as port:
        new = issued("new")
        new.server_key.write_bytes(old.server_key.read_bytes())
        secret.put(new)
        assert await is_served(port, old)
        assert await is_served(port, old)
        assert certificates.reload_failures == 1
        (record,) = [record for record in caplog.records if record.levelno == logging.ERROR]
        assert "tls.key cannot be used (key values mismatch)" in record.getMessage()
        assert record.exc_info is None
        newer = secret.put(issued("newer"))
        assert await is_served(port, newer)
        assert certificates.reload_failures == 1


async def test_a_secret_that_vanishes_leaves_the_old_one_in_force(
    secret: Secret, issued: Callable[[str], Certificates]
) -> None:
    """
    Deleted files are a change like any other that cannot be used.
    """
    old = secret.put(issued("old"))
    certificates = ServerCertificates(secret.files())
    async with running(certificates) as port:
        secret.files().key.unlink()
        assert await is_served(port, old)
        assert certificates.reload_failures == 1


@pytest.mark.parametrize(
    ("broken", "sentence"),
    [
        ("tls.crt", "tls.crt and the key .*tls.key cannot be used .*: give a PEM certificate and its own PEM key"),
        ("tls.key", "tls.crt and the key .*tls.key cannot be used .*: give a PEM certificate and its own PEM key"),
        ("ca.crt", "client authorities .*ca.crt cannot be used .*: give PEM certificates"),
    ],
)
def test_what_cannot_be_used_from_the_start_is_a_clear_error(
    secret: Secret, issued: Callable[[str], Certificates], broken: str, sentence: str
) -> None:
    """
    The sentence names the file and what to give.
    """
    secret.put(issued("ours"))
    files = secret.files(mutual=True)
    files.cert.with_name(broken).write_text("not a certificate")
    with pytest.raises(CertificateError, match=sentence):
        ServerCertificates(files)


def test_a_missing_file_is_a_clear_error(secret: Secret) -> None:
    """
    The sentence names the file.
    """
    with pytest.raises(CertificateError, match=r"tls\.key cannot be read \(No such file or directory\): mount it"):
        ServerCertificates(secret.files())


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1_1 is deprecated:DeprecationWarning")
@pytest.mark.parametrize(
    ("newest", "agreed"),
    [(ssl.TLSVersion.TLSv1_1, None), (ssl.TLSVersion.TLSv1_2, "TLSv1.2"), (ssl.TLSVersion.TLSv1_3, "TLSv1.3")],
    ids=["1.1", "1.2", "1.3"],
)
async def test_nothing_older_than_tls_1_2_is_spoken(
    secret: Secret, issued: Callable[[str], Certificates], newest: ssl.TLSVersion, agreed: str | None
) -> None:
    """
    A client that knows 1.1 at most is sent away by the server; the others get the newest they know.
    """
    ours = secret.put(issued("ours"))
    context = ssl.create_default_context(cafile=ours.ca)
    context.set_alpn_protocols(["h2"])
    context.set_ciphers("DEFAULT@SECLEVEL=0")
    context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    context.maximum_version = newest
    async with running(ServerCertificates(secret.files())) as port:
        if agreed is None:
            with pytest.raises(ssl.SSLError, match=r"EOF occurred|alert protocol version"):
                await asyncio.to_thread(_version, port, context)
        else:
            assert await asyncio.to_thread(_version, port, context) == agreed


def _version(port: int, context: ssl.SSLContext) -> str | None:
    with (
        socket.create_connection(("127.0.0.1", port), timeout=10) as plain,
        context.wrap_socket(plain, server_hostname="localhost") as encrypted,
    ):
        return encrypted.version()
