"""
The pods that `helm test` runs, and what runs in them.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web

from scaler.app import running
from scaler.settings.process import Address, ProcessSettings
from tests.chart.charts import AGENT, given
from tests.chart.helm import Chart
from tests.chart.rendered import Object, containers, objects
from tests.servers.certificates import issue

SCRIPT = AGENT.path / "files/check.py"
ANY = Address("127.0.0.1", 0)
THERE = "scaler.enabled: false, keda.trigger: {address: 's.keda.svc:6000', policy: p}"
NEIGHBOURS = "qdrant.enabled: true, litellm: {enabled: true, virtualKeySecret: {name: key}}"
GPU = "gpu: {enabled: true, type: nvidia.com/mig-1g.10gb, nodeSelector: {gpu-node: 'true'}}"
MODELS = "models: {enabled: true, accessMode: ReadWriteMany}, sharedModels.enabled: true"


def looking(chart: Chart, values: str = "") -> dict[str, Object]:
    """
    Return this chart's test pods, by the last part of their names.
    """
    found = objects(chart.template(*given(f"{{{values}}}")))
    prefix = "ai-agent-test-"
    return {
        each["metadata"]["name"].removeprefix(prefix): each
        for each in found
        if each["kind"] == "Pod" and each["metadata"]["name"].startswith(prefix)
    }


def variables(pod: Object, number: int = 0) -> dict[str, str]:
    """
    Return a container's variables.
    """
    return {each["name"]: each["value"] for each in containers(pod)[number]["env"]}


async def checked(check: str, **environment: str) -> tuple[int | None, str]:
    """
    Run the script once, and return its exit status and what it said.
    """
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        SCRIPT,
        env={"CHECK": check, "CHECK_PATIENCE": "0", "GRPC_VERBOSITY": "NONE", **environment},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    return process.returncode, said.decode()


@asynccontextmanager
async def serving(path: str) -> AsyncIterator[str]:
    """
    Serve one page, and nothing else, and yield the server's address.
    """

    async def answer(_: web.Request) -> web.Response:
        return web.Response(text="ok")

    application = web.Application()
    application.router.add_get(path, answer)
    runner = web.AppRunner(application)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


def test_there_is_a_test_for_what_there_is(newest: Chart) -> None:
    """
    None where there is nothing to ask; the scaler that comes along has one of its own.
    """
    assert looking(newest) == {}
    assert "ai-agent-agent-scaler-test" in {each["metadata"]["name"] for each in objects(newest.template())}
    assert looking(newest, f"{NEIGHBOURS}, {GPU}, {MODELS}").keys() == {"connections", "gpu", "models"}
    assert looking(newest, f"{GPU}, {MODELS}, test: {{gpu: false, models: false}}") == {}
    assert looking(newest, f"{NEIGHBOURS}, {GPU}, {MODELS}, test.enabled: false") == {}
    assert looking(newest, THERE).keys() == {"connections"}
    assert looking(newest, f"{THERE}, test.scaler: false") == {}


def test_each_asks_one_question(newest: Chart) -> None:
    """
    By the script that is tested below, in the scaler's image; run by `helm test` alone, and cleared away.
    """
    pods = looking(newest, f"{THERE}, {NEIGHBOURS}, {GPU}, {MODELS}")
    checks = []
    for pod in pods.values():
        assert pod["metadata"]["annotations"]["helm.sh/hook"] == "test"
        assert "hook-succeeded" in pod["metadata"]["annotations"]["helm.sh/hook-delete-policy"]
        assert pod["spec"]["restartPolicy"] == "Never"
        for container in containers(pod):
            assert container["command"][:2] == ["python", "-c"]
            assert container["command"][2].strip() == SCRIPT.read_text().strip()
            assert container["image"] == "gpu-agent-scaler:0.1.0"
            checks.append(next(each["value"] for each in container["env"] if each["name"] == "CHECK"))
    assert checks == ["scaler", "qdrant", "litellm", "gpu", "models"]
    assert variables(pods["connections"])["SCALER_ADDRESS"] == "s.keda.svc:6000"
    assert variables(pods["connections"], 1)["QDRANT_URL"] == "http://qdrant.ai.svc.cluster.local:6333"
    assert variables(pods["connections"], 2)["LITELLM_BASE_URL"] == "http://litellm.ai.svc.cluster.local:4000"


def test_the_image_can_be_another(newest: Chart) -> None:
    """
    With its registry and digest.
    """
    image = "test.image: {registry: r.example.com, repository: checks, tag: '1', pullPolicy: Always}"
    (container,) = containers(looking(newest, f"{THERE}, {image}")["connections"])
    assert (container["image"], container["imagePullPolicy"]) == ("r.example.com/checks:1", "Always")


@pytest.mark.parametrize(
    ("tls", "meant", "keys"),
    [
        ("{enabled: true}", "public", None),
        ("{enabled: true, secretName: trust}", "server", [{"key": "ca.crt", "path": "ca.crt"}]),
        ("{enabled: true, secretName: trust, mutual: true}", "mutual", None),
    ],
)
def test_a_scaler_with_tls_is_asked_as_keda_asks(
    newest: Chart, tls: str, meant: str, keys: list[Object] | None
) -> None:
    """
    With the Secret that KEDA reads.
    """
    there = "scaler.enabled: false, keda.trigger: {address: 's.keda.svc:6000', policy: p, tls: %s}"
    pod = looking(newest, there % tls)["connections"]
    assert variables(pod)["SCALER_TLS"] == meant
    if meant == "public":
        assert "volumes" not in pod["spec"]
        return
    (volume,) = pod["spec"]["volumes"]
    assert volume["secret"]["secretName"] == "trust"
    assert volume["secret"].get("items") == keys
    assert containers(pod)[0]["volumeMounts"] == [{"name": volume["name"], "mountPath": "/trust", "readOnly": True}]


def test_the_gpu_is_looked_for_where_the_agent_runs(newest: Chart) -> None:
    """
    With one of the same resource, or a claim of the same template, on the same nodes, under the same runtime.
    """
    pod = looking(newest, f"{GPU}, runtimeClassName: nvidia")["gpu"]
    (container,) = containers(pod)
    for part in ("requests", "limits"):
        assert container["resources"][part]["nvidia.com/mig-1g.10gb"] == "1"
    assert pod["spec"]["nodeSelector"] == {"gpu-node": "true"}
    assert pod["spec"]["tolerations"][-1]["operator"] == "Exists"
    assert pod["spec"]["runtimeClassName"] == "nvidia"
    claimed = GPU.replace("type: nvidia.com/mig-1g.10gb", "dra: {enabled: true}")
    pod = looking(newest, claimed)["gpu"]
    assert containers(pod)[0]["resources"]["claims"] == [{"name": "gpu"}]
    text = newest.template(*given(f"{{{claimed}}}"))
    (template,) = (each for each in objects(text) if each["kind"] == "ResourceClaimTemplate")
    assert pod["spec"]["resourceClaims"] == [{"name": "gpu", "resourceClaimTemplateName": template["metadata"]["name"]}]


def test_the_model_volumes_are_looked_at_where_they_are_mounted(newest: Chart) -> None:
    """
    All of them, read-only, beside an agent; free space is asked for only where something is still written.
    """
    pod = looking(newest, f"{MODELS}, test.freeGiB: 5")["models"]
    stores = json.loads(variables(pod)["CHECK_STORES"])
    assert stores == [{"path": "/models", "freeGiB": 5}, {"path": "/shared-models", "freeGiB": 0}]
    mounts = containers(pod)[0]["volumeMounts"]
    assert [(each["mountPath"], each["readOnly"]) for each in mounts] == [("/models", True), ("/shared-models", True)]
    assert {each["name"] for each in mounts} == {each["name"] for each in pod["spec"]["volumes"]}
    (near,) = pod["spec"]["affinity"]["podAffinity"]["preferredDuringSchedulingIgnoredDuringExecution"]
    assert near["podAffinityTerm"]["labelSelector"]["matchLabels"]["app.kubernetes.io/component"] == "agent"
    filled = f"{MODELS}, model.name: org/name, download: {{enabled: true, files: [{{url: 'https://m.example.com/a'}}]}}"
    stores = json.loads(variables(looking(newest, filled)["models"])["CHECK_STORES"])
    assert stores[0] == {"path": "/models", "freeGiB": 1}
    read = "models: {enabled: true, accessMode: ReadWriteMany, readOnly: true}"
    assert json.loads(variables(looking(newest, read)["models"])["CHECK_STORES"])[0]["freeGiB"] == 0


@pytest.mark.parametrize(
    ("check", "variable", "path"),
    [("qdrant", "QDRANT_URL", "/readyz"), ("litellm", "LITELLM_BASE_URL", "/health/readiness")],
)
async def test_a_neighbour_that_answers_passes(check: str, variable: str, path: str) -> None:
    """
    At the page that it has; one that has another only does not, nor does one that is not there.
    """
    async with serving(path) as address:
        assert await checked(check, **{variable: f"{address}/"}) == (0, f"{address}{path} answers 200\n")
    async with serving("/health") as address:
        status, said = await checked(check, **{variable: address})
        assert status == 1
        assert f"{address}{path} does not answer (HTTP Error 404" in said
    status, said = await checked(check, **{variable: "http://127.0.0.1:1"})
    assert status == 1
    assert "does not answer" in said
    assert "Traceback" not in said


@pytest.mark.parametrize("tls", ["", "server", "mutual"])
async def test_a_scaler_that_serves_passes(tmp_path: Path, tls: str) -> None:
    """
    In plain text, by TLS, and with a certificate; one that is not there does not, and the network policy is thought of.
    """
    document = tmp_path / "config.yaml"
    document.write_text("{}")
    made = issue(tmp_path / "certificates")
    trust = tmp_path / "trust"
    trust.mkdir()
    for name, source in (("ca.crt", made.ca), ("tls.crt", made.client_cert), ("tls.key", made.client_key)):
        (trust / name).write_bytes(source.read_bytes())
    settings = ProcessSettings(
        config=document,
        grpc=ANY,
        http=ANY,
        tls_cert=made.server_cert if tls else None,
        tls_key=made.server_key if tls else None,
        tls_client_ca=made.ca if tls == "mutual" else None,
    )
    async with running(settings) as ports:
        address = f"localhost:{ports.grpc_port}"
        told = {"SCALER_ADDRESS": address, "SCALER_TLS": tls, "SCALER_TRUST": str(trust)}
        assert await checked("scaler", **told) == (0, f"the scaler at {address} serves\n")
    status, said = await checked("scaler", **told)
    assert status == 1
    assert "does not answer" in said
    assert "networkPolicy.ingress.extra" in said


@pytest.mark.parametrize(
    ("device", "named", "status"),
    [
        ("nvidia0", "", 0),
        ("kfd", "", 0),
        ("dri/renderD128", "", 0),
        ("", "GPU-fake-1", 0),
        ("", "void", 1),
        ("", "", 1),
        ("null", "", 1),
    ],
)
async def test_a_gpu_is_a_device_or_the_name_of_one(tmp_path: Path, device: str, named: str, status: int) -> None:
    """
    Of any vendor; `void` is NVIDIA's word for none.
    """
    if device:
        (tmp_path / device).parent.mkdir(exist_ok=True)
        (tmp_path / device).touch()
    found, said = await checked("gpu", CHECK_DEVICES=str(tmp_path), NVIDIA_VISIBLE_DEVICES=named)
    assert found == status
    assert said.startswith("visible: ") == (status == 0)


async def test_a_model_volume_is_a_mount_with_room(tmp_path: Path) -> None:
    """
    A directory that is none is told, and so is a full one.
    """
    stores = [{"path": "/proc", "freeGiB": 0}]
    assert await checked("models", CHECK_STORES=json.dumps(stores)) == (0, "/proc is mounted, 0.0 GiB free\n")
    status, said = await checked("models", CHECK_STORES=json.dumps([{"path": str(tmp_path), "freeGiB": 0}]))
    assert (status, said) == (1, f"{tmp_path} is not mounted\n")
    status, said = await checked("models", CHECK_STORES=json.dumps([{"path": "/proc", "freeGiB": 1}]))
    assert (status, said) == (1, "/proc has 0.0 GiB free, less than the 1 of test.freeGiB\n")
