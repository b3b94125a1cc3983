"""
What of the charts' value files this cluster can only admit: every object is taken, and every pod is made.

The pods get no further, for the reason that stands in the test's name. What can run has run in the other tests.
"""

from __future__ import annotations

import json
from collections.abc import Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.chart.charts import SOURCES
from tests.e2e.charts import Grounds, Release, everywhere, kept, left
from tests.e2e.default_install import DefaultInstall
from tests.e2e.kubectl import eventually, get, kubectl
from tests.e2e.names import PREFIX
from tests.e2e.stage import Stage, note

ONLY_ADMITTED = {
    "agent-70b": "no node with four GPUs of 80 GiB",
    "http-gateway": "no GPU of 48 GiB and no gateway",
    "proxmox": "no storage classes of Proxmox",
    "ai-agent/cilium": "no Cilium",
    "ai-agent/claims": "no driver that allocates devices",
    "ai-agent/dapr": "no Dapr",
    "ai-agent/document": "no Redis in a namespace ai",
    "ai-agent/elsewhere": "no Redis in a namespace ai",
    "ai-agent/everything": "no registry with its images",
    "ai-agent/istio": "no Istio",
    "ai-agent/job": "no image of Celery",
    "ai-agent/mig": "no GPU that is cut up",
    "ai-agent/model-image": "no GPU of AMD and no image of a model",
    "ai-agent/monitoring": "no operator of Prometheus",
    "ai-agent/neighbours": "no External Secrets",
    "ai-agent/openshift": "no OpenShift",
    "ai-agent/plain": "no image of the agent",
    "ai-agent/shared-models": "no storage class cephfs",
    "ai-agent/tls": "no Redis with TLS",
    "ai-agent/trust": "no scaler of that name",
    "agent-scaler/everything": "no registry with its image",
}
"""Why the pods of a value file do not run here; what is not named runs in one of the other tests."""

IN_OTHER_TESTS = {
    "agent-7b": "test_charts_models",
    "cpu-small": "test_charts_examples",
    "queue-redis": "test_charts_examples",
    "queue-rabbitmq": "test_charts_examples",
    "ai-agent/minimal": "test_charts_whole",
}
"""Where a value file of the agent runs; the scaler's run in `test_charts_scaler`."""

_MADE_WITHIN = 60.0
_AT_A_TIME = 4


def _named(chart: str, path: Path) -> str:
    stem = path.stem.removesuffix("-values")
    return stem if path.parent.name == "examples" else f"{chart}/{stem}"


_FILES = {_named(source.name, path): (source.name, path) for source in SOURCES for path in source.files}


def test_every_value_file_has_its_test() -> None:
    """Each value file runs somewhere, or it is said why it does not."""
    run = IN_OTHER_TESTS.keys() | {name for name in _FILES if name.startswith("agent-scaler/")}
    assert _FILES.keys() == ONLY_ADMITTED.keys() | (run - ONLY_ADMITTED.keys())
    assert not IN_OTHER_TESTS.keys() & ONLY_ADMITTED.keys()


@dataclass(frozen=True, slots=True)
class _Gone:
    """
    What was installed and uninstalled: the release, its namespace, and what should be left.
    """

    release: str
    namespace: str
    kept: frozenset[str]


@pytest.fixture(scope="module")
def tried(stage: Stage, grounds: Grounds, default_install: DefaultInstall) -> Generator[dict[str, Future[_Gone]]]:
    """
    All of them, some at a time. The default install has begun before: it takes minutes, and needs nobody.
    """
    note(f"{default_install.release.name} is installed, and goes on beside")
    with ThreadPoolExecutor(_AT_A_TIME) as pool:
        yield {name: pool.submit(_admit, stage, grounds, *_FILES[name]) for name in ONLY_ADMITTED}
        pool.shutdown(cancel_futures=True)


@pytest.mark.parametrize("name", [pytest.param(name, id=f"{name}: {why}") for name, why in ONLY_ADMITTED.items()])
def test_only_admitted(tried: dict[str, Future[_Gone]], name: str) -> None:
    """All objects are taken as they are, and the pods are made under restricted pod security."""
    tried[name].result(timeout=300)
    note(f"only admitted, and not run: {name} ({ONLY_ADMITTED[name]})")


def test_claims_to_keep_are_all_that_is_left(tried: dict[str, Future[_Gone]]) -> None:
    """After `helm uninstall` there is nothing in the namespaces but claims that are to be kept, nor elsewhere."""
    gone = [each.result(timeout=300) for each in tried.values()]
    expected = {name for each in gone for name in each.kept}
    assert expected
    left({each.namespace for each in gone}, expected)
    assert not everywhere(*(each.release for each in gone))


def _admit(stage: Stage, grounds: Grounds, chart: str, path: Path) -> _Gone:
    stem = path.stem.removesuffix("-values")
    namespace = grounds.namespace(f"{chart.rpartition('-')[2]}-{stem}")
    release = Release(stage, chart, f"{PREFIX}-{stem}", namespace)
    if stem == "shared-models":
        kubectl("create", "serviceaccount", "downloader", "-n", namespace)
    objects = release.install(_elsewhere(chart, stem, namespace), path).objects
    kubectl("get", "-f", "-", stdin=json.dumps({"apiVersion": "v1", "kind": "List", "items": objects}))
    _makes_pods(objects, namespace)
    release.uninstall()
    if stem == "shared-models":
        kubectl("delete", "serviceaccount", "downloader", "-n", namespace)
    return _Gone(release.name, namespace, frozenset(kept(objects)))


def _elsewhere(chart: str, stem: str, namespace: str) -> dict[str, Any]:
    """
    Return what has to be said beside a file.

    The pods are left to a scheduler or a node that is not there, so that none takes a volume, a GPU or a processor
    from the tests where they run; and objects for other namespaces come into ours.
    """
    nowhere = {"nodeSelector": {"e2e": "nowhere"}}
    if chart == "agent-scaler":
        return nowhere
    chosen: dict[str, Any] = {"schedulerName": "nobody", "scaler": nowhere}
    if stem == "neighbours":
        chosen["litellm"] = {"externalSecret": {"namespace": namespace}}
    if stem == "monitoring":
        chosen["dashboard"] = {"namespace": namespace}
    return chosen


def _makes_pods(objects: list[dict[str, Any]], namespace: str) -> None:
    """
    Wait until every workload has its pods; of one that makes none now, see whether they would be taken.
    """
    eventually(f"{namespace}: all pods are made", lambda: _made(namespace), _MADE_WITHIN)
    for each in objects:
        if each["kind"] in ("ScaledJob", "CronJob"):
            for number, template in enumerate(_templates(each["spec"])):
                metadata = {**template.get("metadata", {}), "name": f"{each['metadata']['name']}-{number}"}
                pod = {"apiVersion": "v1", "kind": "Pod", **template, "metadata": metadata}
                kubectl("create", "--dry-run=server", "-n", namespace, "-f", "-", stdin=json.dumps(pod))


def _made(namespace: str) -> bool:
    refused = get("events", "-n", namespace, "--field-selector=reason=FailedCreate")["items"]
    assert not refused, [each["message"] for each in refused]
    workloads = get("deployments,jobs", "-n", namespace)["items"]
    return all(
        each["status"].get("active") if each["kind"] == "Job" else each["status"].get("replicas") for each in workloads
    )


def _templates(node: Any) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict):
        if "containers" in node.get("spec", {}):
            yield node
        else:
            for value in node.values():
                yield from _templates(value)
