"""
TLS between KEDA and the scaler, and the pod that `helm test` runs.
"""

from __future__ import annotations

import asyncio
import re
import sys
from pathlib import Path
from typing import Any

import pytest

from scaler.app import Running, running
from scaler.settings.process import Address, ProcessSettings
from tests.chart.charts import SCALER, given
from tests.chart.helm import Chart
from tests.chart.rendered import kind, objects
from tests.servers.certificates import Certificates, issue

ANY = Address("127.0.0.1", 0)


def parameters(authentication: dict[str, Any]) -> dict[str, tuple[str, str]]:
    """
    Return what KEDA reads: a Secret and a key for each parameter.
    """
    return {each["parameter"]: (each["name"], each["key"]) for each in authentication["spec"]["secretTargetRef"]}


def test_the_certificate_is_for_every_address_of_the_service(newest: Chart) -> None:
    """
    KEDA compares the host of `scalerAddress` with the certificate's names.
    """
    server, client = (
        each for each in objects(newest.template(*SCALER.file("cert-manager"))) if each["kind"] == "Certificate"
    )
    assert server["spec"]["dnsNames"] == [
        "agent-scaler",
        "agent-scaler.keda",
        "agent-scaler.keda.svc",
        "agent-scaler.keda.svc.cluster.local",
        "scaler.example.com",
    ]
    assert "server auth" in server["spec"]["usages"]
    assert "client auth" in client["spec"]["usages"]
    assert server["spec"]["issuerRef"] == client["spec"]["issuerRef"]
    address = re.search(r"scalerAddress: (\S+):6000", newest.notes(*SCALER.file("cert-manager")))
    assert address is not None
    assert address[1] in server["spec"]["dnsNames"]


def test_what_cert_manager_makes_is_mounted_and_shown(newest: Chart) -> None:
    """
    The server's Secret is the server's, the client's is KEDA's and the test's; both come from one authority.
    """
    text = newest.template(*SCALER.file("cert-manager"))
    server, client = (each["spec"]["secretName"] for each in objects(text) if each["kind"] == "Certificate")
    pod = kind(text, "Deployment")["spec"]["template"]["spec"]
    volumes = {volume["name"]: volume["secret"]["secretName"] for volume in pod["volumes"] if "secret" in volume}
    assert volumes == {"tls-server": server, "tls-clients": server}
    assert parameters(kind(text, "ClusterTriggerAuthentication")) == {
        "caCert": (client, "ca.crt"),
        "tlsClientCert": (client, "tls.crt"),
        "tlsClientKey": (client, "tls.key"),
    }
    assert kind(text, "Pod")["spec"]["volumes"][0]["secret"]["secretName"] == client


def test_secrets_of_ones_own(newest: Chart) -> None:
    """
    Nothing is made then; each Secret is where it was meant for.
    """
    text = newest.template(*SCALER.file("mutual-tls"))
    assert not [each for each in objects(text) if each["kind"] == "Certificate"]
    pod = kind(text, "Deployment")["spec"]["template"]["spec"]
    volumes = {volume["name"]: volume["secret"]["secretName"] for volume in pod["volumes"] if "secret" in volume}
    assert volumes == {"tls-server": "scaler-certificate", "tls-clients": "clients"}
    authentication = kind(text, "ClusterTriggerAuthentication")
    assert authentication["metadata"]["name"] == "scaler-trust"
    assert "namespace" not in authentication["metadata"]
    assert {name for name, _ in parameters(authentication).values()} == {"keda-certificate"}


def test_without_client_certificates_keda_only_trusts(newest: Chart) -> None:
    """
    The authority alone, in the scaler's namespace for a TriggerAuthentication.
    """
    authentication = kind(newest.template(*SCALER.file("tls")), "TriggerAuthentication")
    assert parameters(authentication) == {"caCert": ("scaler-certificate", "ca.crt")}
    assert authentication["metadata"]["namespace"] == "keda"


def test_the_test_asks_the_service(newest: Chart) -> None:
    """
    The pod runs the script that is tested below, in the scaler's own image, and knows how to be let in.
    """
    for name, tls in (("minimal", None), ("tls", "server"), ("mutual-tls", "mutual")):
        text = newest.template(*SCALER.file(name))
        (container,) = kind(text, "Pod")["spec"]["containers"]
        assert container["command"][:2] == ["python", "-c"]
        assert container["command"][2].strip() == (SCALER.path / "files/health.py").read_text().strip()
        assert container["image"] == kind(text, "Deployment")["spec"]["template"]["spec"]["containers"][0]["image"]
        variables = {each["name"]: each["value"] for each in container["env"]}
        assert variables.pop("SCALER_HOST") == "agent-scaler.keda.svc"
        assert variables.get("SCALER_TLS") == tls
    assert kind(newest.template(), "Pod")["metadata"]["annotations"]["helm.sh/hook"] == "test"


def trust(folder: Path, certificates: Certificates) -> Path:
    """
    Return a folder as the client's Secret is mounted.
    """
    folder.mkdir()
    for name, source in (
        ("ca.crt", certificates.ca),
        ("tls.crt", certificates.client_cert),
        ("tls.key", certificates.client_key),
    ):
        (folder / name).write_bytes(source.read_bytes())
    return folder


async def health(ports: Running, **variables: str) -> tuple[int | None, str]:
    """
    Run the test's script against a scaler, once, and return its exit status and what it said.
    """
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        SCALER.path / "files/health.py",
        env={
            "SCALER_HOST": "localhost",
            "SCALER_GRPC_PORT": str(ports.grpc_port),
            "SCALER_HTTP_PORT": str(ports.http_port),
            "SCALER_PATIENCE": "0",
            "GRPC_VERBOSITY": "NONE",
            **variables,
        },
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    return process.returncode, said.decode()


@pytest.mark.parametrize("tls", ["", "server", "mutual"])
async def test_a_healthy_scaler_passes(tmp_path: Path, tls: str) -> None:
    """
    In plain text, by TLS, and with a certificate of the client's own where it is asked for.
    """
    document = tmp_path / "config.yaml"
    document.write_text("{}")
    certificates = issue(tmp_path / "certificates")
    settings = ProcessSettings(
        config=document,
        grpc=ANY,
        http=ANY,
        tls_cert=certificates.server_cert if tls else None,
        tls_key=certificates.server_key if tls else None,
        tls_client_ca=certificates.ca if tls == "mutual" else None,
    )
    secret = trust(tmp_path / "trust", certificates)
    async with running(settings) as ports:
        status, said = await health(ports, SCALER_TLS=tls, SCALER_TRUST=str(secret))
        assert (status, said.partition(";")[0]) == (0, "gRPC serves")
        if tls:
            status, said = await health(ports)
            assert status == 1
            assert f"gRPC at localhost:{ports.grpc_port} does not answer" in said


async def test_an_absent_scaler_does_not_pass() -> None:
    """
    It says what does not answer.
    """
    status, said = await health(Running(1, 1))
    assert status == 1
    assert "/readyz at localhost:1 does not answer" in said
    assert "Traceback" not in said


def test_the_issuer_is_the_one_that_was_named(newest: Chart) -> None:
    """
    An Issuer of the namespace, unless another kind is named.
    """
    values = "tls: {enabled: true, certManager: {enabled: true, issuerRef: {name: ca}}}"
    certificate = kind(newest.template(*given(values)), "Certificate")
    assert certificate["spec"]["issuerRef"] == {"name": "ca", "kind": "Issuer", "group": "cert-manager.io"}
