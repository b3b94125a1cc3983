"""
The scaler's chart with each of its value files: it runs, its own test passes, its configuration changes while it runs.
"""

from __future__ import annotations

import json
from collections.abc import Generator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.charts import CHART_PATHS, Grounds, Release, certificates, everywhere, here, left
from tests.e2e.kubectl import apply, eventually, get, kubectl
from tests.e2e.names import PREFIX
from tests.e2e.stage import SCALER_IMAGE, Stage, secret

_FOLDER = CHART_PATHS["agent-scaler"] / "ci"
_FILES = {path.stem.removesuffix("-values"): path for path in sorted(_FOLDER.glob("*.yaml"))}
_FILES.pop("everything")  # An image by its digest: only admitted.
_AT_A_TIME = 3
_CHANGED_WITHIN = 150.0
_GRAFANA = "-grafana"
_HERE: dict[str, Any] = {
    "image": here(SCALER_IMAGE),
    "resources": {"requests": {"cpu": "20m", "memory": "64Mi"}},
}


def _values(name: str, namespace: str) -> dict[str, Any]:
    """
    Return what is said beside a file: the image, and what the whole cluster shares.
    """
    match name:
        case "mutual-tls":
            return {**_HERE, "keda": {"authentication": {"name": f"{PREFIX}-scaler-trust"}}}
        case "cert-manager":
            # The file is for an install beside KEDA, whose Secret KEDA then reads.
            return {**_HERE, "keda": {"namespace": namespace}}
        case "monitoring":
            # The namespace of Grafana, which is not everywhere.
            return {**_HERE, "dashboard": {"namespace": f"{namespace}{_GRAFANA}"}}
        case "sources":
            # Namespaces and a class of volumes that are not everywhere.
            claim = {"claim": {"storageClassName": ""}}
            return {**_HERE, "observer": {"namespaces": [namespace]}, "state": claim}
        case _:
            return _HERE


def _secrets(name: str, release: Release) -> None:
    """
    Make the Secrets that a file names, or that cert-manager would make for it.
    """
    where = release.namespace
    match name:
        case "cert-manager":
            asked = get("certificates.cert-manager.io", "-n", where)["items"]
            of_usage = {use: each["spec"] for each in asked for use in each["spec"]["usages"]}
            server, client = of_usage["server auth"], of_usage["client auth"]
            assert f"{release.name}.{where}.svc" in server["dnsNames"]
            certificates(where, release.name, server["secretName"], client["secretName"])
        case "mutual-tls" | "tls":
            certificates(where, release.name, "scaler-certificate", "keda-certificate")
            ca = get("secret", "-n", where, "scaler-certificate")["data"]["ca.crt"]
            apply({**secret(where, "clients"), "data": {"ca.crt": ca}})
        case "sources":
            apply(secret(where, "redis", **{"password": "none", "ca.crt": "none"}))
            apply(secret(where, "rabbitmq-credentials", **{"rabbitmq-password": "none"}))
            apply(secret(where, "sentinel", password="none"))


@pytest.fixture(scope="module")
def run(stage: Stage, grounds: Grounds) -> Generator[dict[str, Future[Release]]]:
    """
    All of them, some at a time.
    """
    with ThreadPoolExecutor(_AT_A_TIME) as pool:
        yield {name: pool.submit(_run, stage, grounds, name, path) for name, path in _FILES.items()}


def _run(stage: Stage, grounds: Grounds, name: str, path: Path) -> Release:
    release = Release(stage, "agent-scaler", f"{PREFIX}-agent-scaler-{name}", grounds.namespace(f"scaler-{name}"))
    if name == "monitoring":
        grounds.namespace(f"scaler-{name}{_GRAFANA}")
    first = name != "cert-manager"
    if first:
        _secrets(name, release)
    release.install(_values(name, release.namespace), path)
    if not first:
        _secrets(name, release)
    stage.rolled_out(f"deploy/{release.name}", release.namespace)
    release.test()
    cluster_wide = everywhere(release.name)
    release.uninstall()
    kinds = {each.partition("/")[0].partition(".")[0] for each in cluster_wide}
    trusting = {"clustertriggerauthentication"} if name in ("cert-manager", "mutual-tls") else set()
    # A scaler that observes everywhere has a role for it; one that observes some namespaces has roles in them.
    observing = set() if name == "sources" else {"clusterrole", "clusterrolebinding"}
    assert kinds == trusting | observing
    return release


@pytest.mark.parametrize("name", _FILES)
def test_a_scaler_runs(run: dict[str, Future[Release]], name: str) -> None:
    """With these values the scaler becomes ready, answers `helm test`, and can be uninstalled."""
    run[name].result(timeout=300)


def test_nothing_is_left_of_a_scaler(run: dict[str, Future[Release]]) -> None:
    """After `helm uninstall` there is nothing but the Secrets that were made by others."""
    gone = [each.result(timeout=300) for each in run.values()]
    made = {
        f"{each['metadata']['namespace']}/Secret/{each['metadata']['name']}"
        for each in get("secrets", "-A", "--field-selector=type=Opaque")["items"]
    }
    namespaces = {each.namespace for each in gone} | {f"{run['monitoring'].result().namespace}{_GRAFANA}"}
    left(namespaces, {each for each in made if each.partition("/")[0] in namespaces})
    assert not everywhere(*(each.name for each in gone))


def test_a_configuration_changes_while_the_scaler_runs(stage: Stage, grounds: Grounds) -> None:
    """`helm upgrade` with another document takes effect in the same pod, which tells the configuration's number."""
    release = Release(stage, "agent-scaler", "agent-scaler", grounds.namespace("upgrade"))
    document = {"connections": {"jobs": {"type": "redis", "addresses": ["redis:6379"]}}}
    release.install({**_HERE, "config": {**document, "policies": _policies("1m")}})
    stage.rolled_out("deploy/agent-scaler", release.namespace)
    (before,) = release.pods("scaler")
    assert _reloaded(release) == []
    release.upgrade({**_HERE, "config": {**document, "policies": _policies("7m")}})
    # The kubelet looks after a pod's volumes about once a minute, and at once when the pod itself is changed.
    kubectl("-n", release.namespace, "annotate", "pod", before["metadata"]["name"], "e2e/look=now")
    told = eventually("the scaler has the new one", lambda: _reloaded(release) or None, _CHANGED_WITHIN)
    assert told == ["configuration reloaded: number 2 is in force"]
    (after,) = release.pods("scaler")
    assert after["metadata"]["uid"] == before["metadata"]["uid"]
    assert not after["status"]["containerStatuses"][0]["restartCount"]
    release.uninstall()


def _policies(window: str) -> dict[str, Any]:
    return {"default": {"queue": {"connection": "jobs", "target": 1}, "idleWindow": window}}


def _reloaded(release: Release) -> list[str]:
    lines = kubectl("-n", release.namespace, "logs", "deploy/agent-scaler").splitlines()
    messages: list[str] = [json.loads(line)["message"] for line in lines]
    return [message for message in messages if message.startswith("configuration ")]
