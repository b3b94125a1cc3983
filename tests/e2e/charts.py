"""
Charts in namespaces of their own: what has to be around them, a release, and what is left when it is gone.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from tests.chart.kinds import CUSTOM, OWN
from tests.e2e.kubectl import apply, create, eventually, get, kubectl
from tests.e2e.names import CHARTS, PREFIX
from tests.e2e.stage import IMAGES, ROOT, SCALER_IMAGE, Stage, secret
from tests.servers.certificates import issue

CHART_PATHS = {name: ROOT / "charts" / name for name in ("agent-scaler", "ai-agent")}
_MARK = "scaler-e2e"
_GONE_WITHIN = 120.0
_OURS = ("-l", f"{_MARK}={PREFIX}", "--ignore-not-found", "--timeout=110s")
_LEFT_WITHIN = 60.0
_OPERATORS = ("dapr", "external-secrets", "gateway-api", "prometheus-operator")
_IN_CATALOGUE = (
    (CUSTOM / "catalog", "cilium.io", "CiliumNetworkPolicy", "v2", "ciliumnetworkpolicies"),
    (OWN, "cert-manager.io", "Certificate", "v1", "certificates"),
)
_CLASSES = {"RuntimeClass": ("nvidia", "kata"), "PriorityClass": ("gpu-batch", "high")}
_ALWAYS_THERE = frozenset({"ConfigMap/kube-root-ca.crt", "ServiceAccount/default"})
_COME_AND_GO = ("events", "leases", "endpoints")


def here(image: str) -> dict[str, str]:
    """
    Return the values of an image that this cluster has.
    """
    repository, _, tag = image.rpartition(":")
    return {"registry": "", "repository": repository, "tag": tag}


IMAGES_HERE: dict[str, Any] = {
    "image": here(SCALER_IMAGE),
    "test": {"image": here(SCALER_IMAGE)},
    "redis": {"image": here(IMAGES["redis"])},
    "scaler": {"image": here(SCALER_IMAGE)},
}
"""The agent's values that name the images which this cluster has."""

SMALL: dict[str, Any] = {
    "resources": {"requests": {"cpu": "20m", "memory": "64Mi"}},
    "scaler": {"resources": {"requests": {"cpu": "20m", "memory": "64Mi"}}},
}
"""The agent's values that let many of them have room on a small node."""


def definitions() -> list[dict[str, Any]]:
    """
    Return the definitions of other operators' kinds that the charts can write.

    They are whole where the operator's own file is there. Of Cilium and cert-manager there is a schema only: what it
    does not know is dropped by the API server there, and not refused.
    """
    found = [
        each
        for operator in _OPERATORS
        for path in sorted((CUSTOM / operator).glob("*.yaml"))
        for each in yaml.load_all(path.read_text(), yaml.CSafeLoader)
        if each
    ]
    for folder, group, kind, version, plural in _IN_CATALOGUE:
        schema = _open(json.loads((folder / group / f"{kind.lower()}_{version}.json").read_text()))
        served = {"name": version, "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
        spec = {"group": group, "scope": "Namespaced", "names": {"plural": plural, "kind": kind}, "versions": [served]}
        found.append(
            {
                "apiVersion": "apiextensions.k8s.io/v1",
                "kind": "CustomResourceDefinition",
                "metadata": {"name": f"{plural}.{group}"},
                "spec": spec,
            }
        )
    return found


def _open(node: Any) -> Any:
    """
    Return a schema without `additionalProperties: false`, which no definition may have.
    """
    if isinstance(node, list):
        return [_open(item) for item in node]
    if isinstance(node, dict):
        closes = node.get("additionalProperties") is False
        return {key: _open(value) for key, value in node.items() if not (closes and key == "additionalProperties")}
    return node


def _classes() -> list[dict[str, Any]]:
    runtime = {"apiVersion": "node.k8s.io/v1", "handler": "runc"}
    priority = {"apiVersion": "scheduling.k8s.io/v1", "value": 10}
    return [
        {**(runtime if kind == "RuntimeClass" else priority), "kind": kind, "metadata": {"name": name}}
        for kind, names in _CLASSES.items()
        for name in names
    ]


class Grounds:
    """
    Namespaces for charts, and the cluster-wide objects that their values name. What was there already is left alone.
    """

    def __init__(self, stage: Stage) -> None:
        self.stage = stage

    def build(self) -> None:
        """
        Take away what an earlier run left, and make what is missing.
        """
        self._remove()
        wanted = [*definitions(), *_classes()]
        listed = get("customresourcedefinitions,runtimeclasses,priorityclasses")["items"]
        there = {(each["kind"], each["metadata"]["name"]) for each in listed}
        missing = [each for each in wanted if (each["kind"], each["metadata"]["name"]) not in there]
        for each in missing:
            each["metadata"].setdefault("labels", {})[_MARK] = PREFIX
        if missing:
            create(*missing)
        names = [each["metadata"]["name"] for each in wanted if each["kind"] == "CustomResourceDefinition"]
        kubectl("wait", "--for=condition=Established", "--timeout=60s", *(f"crd/{name}" for name in names))

    def namespace(self, name: str) -> str:
        """
        Make a namespace with restricted pod security, and return its name.
        """
        whole = f"{CHARTS}-{name}"
        security = {f"pod-security.kubernetes.io/{what}": "restricted" for what in ("enforce", "warn")}
        metadata = {"name": whole, "labels": {_MARK: PREFIX, **security}}
        apply({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})
        account = f"serviceaccount/default -n {whole}".split()
        eventually(f"{whole} is ready", lambda: bool(kubectl("get", *account, "-o", "name", "--ignore-not-found")), 30)
        return whole

    def clear(self) -> None:
        """
        Remove what is marked as ours. It goes while others go on: the next one to build here waits for it.
        """
        self._remove("--wait=false")

    def _remove(self, *how: str) -> None:
        """
        Remove the namespaces, and the rest: ScaledObjects first, whose end KEDA has to be there for.
        """
        for each in get("scaledobjects.keda.sh,scaledjobs.keda.sh", "-A")["items"]:
            metadata = each["metadata"]
            if metadata["namespace"].startswith(f"{CHARTS}-"):
                kubectl("delete", each["kind"], "-n", metadata["namespace"], metadata["name"], within=_GONE_WITHIN)
        for kinds in ("namespaces", "runtimeclasses,priorityclasses,customresourcedefinitions"):
            kubectl("delete", kinds, *_OURS, *how, within=_GONE_WITHIN)


@dataclass(frozen=True, slots=True)
class Told:
    """
    What Helm told of an install: its notes, and the objects that it made.
    """

    notes: str
    objects: list[dict[str, Any]]


@dataclass(frozen=True)
class Release:
    """
    A chart installed in a namespace.

    Attributes:
        chart: `agent-scaler` or `ai-agent`.
    """

    stage: Stage
    chart: str
    name: str
    namespace: str

    def install(self, values: Mapping[str, Any], file: Path | None = None) -> Told:
        """
        Install it with the values of a file and others over them.
        """
        return self._put("install", values, file)

    def upgrade(self, values: Mapping[str, Any], file: Path | None = None) -> Told:
        """
        Change it to the values of a file and others over them.
        """
        return self._put("upgrade", values, file)

    def _put(self, verb: str, values: Mapping[str, Any], file: Path | None) -> Told:
        chosen = () if file is None else ("--values", str(file))
        chart = str(CHART_PATHS[self.chart])
        text = self.stage.helm(verb, self.name, chart, "-n", self.namespace, *chosen, "-o", "json", values=values)
        told = json.loads(text)
        objects = [each for each in yaml.load_all(told["manifest"], yaml.CSafeLoader) if each]
        return Told(told["info"]["notes"], objects)

    def test(self) -> str:
        """
        Run the chart's own tests.

        Raises:
            KubectlError: one of them failed.
        """
        return self.stage.helm("test", self.name, "-n", self.namespace, "--timeout", "120s")

    def uninstall(self, *, wait: bool = True) -> None:
        """
        Remove it; returns when its objects are gone, if that is waited for.
        """
        how = ("--wait", "--timeout", "120s") if wait else ()
        self.stage.helm("uninstall", self.name, "-n", self.namespace, *how)

    def pods(self, component: str) -> list[dict[str, Any]]:
        """
        Return the pods of a component that are not on their way out.
        """
        labels = f"app.kubernetes.io/instance={self.name},app.kubernetes.io/component={component}"
        listed: list[dict[str, Any]] = get("pods", "-n", self.namespace, "-l", labels)["items"]
        return [pod for pod in listed if "deletionTimestamp" not in pod["metadata"]]


@cache
def _kinds(*, namespaced: bool) -> str:
    """
    Return every kind that can be listed and deleted, in one word for kubectl.
    """
    which = f"--namespaced={'true' if namespaced else 'false'}"
    listed = kubectl("api-resources", which, "--verbs=list,delete", "-o", "name").split()
    return ",".join(sorted(kind for kind in listed if kind.partition(".")[0] not in _COME_AND_GO))


def remaining(namespaces: AbstractSet[str]) -> set[str]:
    """
    Return all that is in some namespaces, as `namespace/kind/name`, but for what is in every namespace.
    """
    line = r"{.metadata.namespace}/{.kind}/{.metadata.name}{'\n'}"
    told = kubectl("get", _kinds(namespaced=True), "-A", "-o", f"jsonpath={{range .items[*]}}{line}{{end}}").split()
    split = [each.split("/", 1) for each in told]
    return {f"{where}/{what}" for where, what in split if where in namespaces and what not in _ALWAYS_THERE}


def left(namespaces: AbstractSet[str], expected: AbstractSet[str]) -> None:
    """
    Return when just this is left in some namespaces, each as `namespace/kind/name`.

    Raises:
        AssertionError: it stays otherwise.
    """
    found: set[str] = set()

    def only_that() -> bool:
        nonlocal found
        found = remaining(namespaces)
        return found == expected

    try:
        eventually("what is left is what should be", only_that, _LEFT_WITHIN)
    except AssertionError as error:
        raise AssertionError(f"left are {sorted(found)}, and not {sorted(expected)}") from error


def everywhere(*releases: str) -> set[str]:
    """
    Return the cluster-wide objects of some releases.
    """
    selector = f"app.kubernetes.io/instance in ({','.join(releases)})"
    return set(kubectl("get", _kinds(namespaced=False), "-l", selector, "-o", "name", "--ignore-not-found").split())


def kept(objects: Iterable[dict[str, Any]]) -> set[str]:
    """
    Return the objects of a release that stay when it goes, each as `namespace/kind/name`.
    """
    policy = "helm.sh/resource-policy"
    return {
        f"{each['metadata']['namespace']}/{each['kind']}/{each['metadata']['name']}"
        for each in objects
        if each["metadata"].get("annotations", {}).get(policy) == "keep"
    }


def certificates(namespace: str, release: str, server: str, client: str) -> None:
    """
    Make the Secrets with a scaler's certificate and with KEDA's, as cert-manager would.
    """
    host = f"{release}.{namespace}"
    with tempfile.TemporaryDirectory() as folder:
        files = issue(Path(folder), release, host, f"{host}.svc")
        ca = {"ca.crt": files.ca.read_text()}
        ours = {"tls.crt": files.server_cert.read_text(), "tls.key": files.server_key.read_text()}
        theirs = {"tls.crt": files.client_cert.read_text(), "tls.key": files.client_key.read_text()}
    apply(secret(namespace, server, **ca, **ours), secret(namespace, client, **ca, **theirs))
