"""
Every name of everything that is rendered: it fits, it is there once, and what it refers to is there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from tests.chart.charts import Source
from tests.chart.everything import EVERY_CHART, EVERY_FILE, renders
from tests.chart.helm import Helm
from tests.chart.rendered import Object, containers, document, objects, owned, selects

LABEL = re.compile(r"(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?")
NAME = re.compile(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?")
PLAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")

LONGEST = {
    "CronJob": 52,  # its Jobs' names end in eleven more characters
    "Deployment": 63,
    "Job": 63,
    "ScaledJob": 63,  # its name is a label of its Jobs
    "ScaledObject": 54,  # KEDA's HPA is called keda-hpa-…
    "Service": 63,
}
"""How long a name may be, where what is made from it has to fit 63 characters; others may have 253."""

SELECTORS = {
    "CiliumNetworkPolicy": "endpointSelector",
    "Deployment": "selector",
    "NetworkPolicy": "podSelector",
    "PodDisruptionBudget": "selector",
    "PodMonitor": "selector",
}

SOURCES_OF_VOLUMES = {
    "configMap": ("ConfigMap", ("name",)),
    "secret": ("Secret", ("secretName", "name")),
    "persistentVolumeClaim": ("PersistentVolumeClaim", ("claimName",)),
}

SOURCES_OF_VARIABLES = {
    "configMapRef": "ConfigMap",
    "configMapKeyRef": "ConfigMap",
    "secretRef": "Secret",
    "secretKeyRef": "Secret",
}

LONG_RELEASE = "r" * 52 + "9"


@EVERY_FILE
def test_every_name_fits(newest_helm: Helm, source: Source, values: Path) -> None:
    """
    With a release name of 53 characters names and labels are still as short as what is made from them needs.
    """
    found = objects(replace(source, release=LONG_RELEASE).under(newest_helm).template("--values", values))
    for each in found:
        name, kind = each["metadata"]["name"], each["kind"]
        assert len(name) <= LONGEST.get(kind, 253), f"{kind} {name}"
        assert (PLAIN if kind in LONGEST else NAME).fullmatch(name), f"{kind} {name}"
        for labels in every_labels(each):
            for key, value in labels.items():
                assert len(value) <= 63, f"{kind} {name}: {key}"
                assert LABEL.fullmatch(value), f"{kind} {name}: {key}"
    for _, pod in owned(found):
        parts = [*containers(pod), *pod["spec"].get("volumes", ())]
        ports = [port for container in containers(pod) for port in container.get("ports", ())]
        assert not [part["name"] for part in parts if len(part["name"]) > 63 or not PLAIN.fullmatch(part["name"])]
        assert not [port["name"] for port in ports if len(port.get("name", "")) > 15]


def every_labels(node: Any) -> Iterator[dict[str, str]]:
    """
    Yield every map of labels in an object.
    """
    if isinstance(node, list):
        for item in node:
            yield from every_labels(item)
    elif isinstance(node, dict):
        for key, value in node.items():
            if key in {"labels", "matchLabels"} and isinstance(value, dict):
                yield value
            else:
                yield from every_labels(value)


@EVERY_CHART
def test_two_releases_stay_apart(newest_helm: Helm, source: Source) -> None:
    """
    In one namespace they have no name in common, even where both names are as long as they can be.
    """
    names = []
    for release in (source.release, "blue", LONG_RELEASE, LONG_RELEASE.replace("9", "8")):
        found = objects(replace(source, release=release).under(newest_helm).template())
        names += [(each["kind"], each["metadata"]["name"]) for each in found]
    assert len(names) == len(set(names))


@EVERY_FILE
def test_every_object_says_where_it_belongs(newest_helm: Helm, source: Source, values: Path) -> None:
    """
    The chart's own objects have the usual labels, and a namespace unless they are the cluster's.
    """
    for _, found in renders(newest_helm, source, values):
        for each in found:
            metadata = each["metadata"]
            if "helm.sh/chart" not in metadata.get("labels", {}):
                continue
            assert metadata["labels"].keys() >= {
                "app.kubernetes.io/name",
                "app.kubernetes.io/instance",
                "app.kubernetes.io/version",
                "app.kubernetes.io/managed-by",
                "app.kubernetes.io/component",
            }
            assert metadata["labels"]["app.kubernetes.io/instance"] == source.release
            assert metadata.get("namespace") or each["kind"].startswith("Cluster"), metadata["name"]


@EVERY_FILE
def test_every_selector_picks_something(newest_helm: Helm, source: Source, values: Path) -> None:
    """
    A Deployment its own pods and no others; Services, budgets, policies and monitors some of those that there are.

    None picks the pods of another release, or of another chart.
    """
    for _, found in renders(newest_helm, source, values):
        pods = list(owned(found))
        for each in found:
            selector = chosen(each)
            if selector is None:
                continue
            picked = [owner for owner, pod in pods if selects(selector, pod)]
            place = f"{each['kind']} {each['metadata']['name']}"
            assert picked, place
            if "helm.sh/chart" in each["metadata"].get("labels", {}):
                assert selector["app.kubernetes.io/instance"] == source.release, place
                assert "app.kubernetes.io/name" in selector, place
            if each["kind"] == "Deployment":
                assert picked == [each], place
            elif each["kind"] in {"Service", "PodDisruptionBudget"}:
                assert len(picked) == 1, place
                assert picked[0]["kind"] in {"Deployment", "ScaledJob"}, place
        for monitor in (each for each in found if each["kind"] == "ServiceMonitor"):
            services = [each for each in found if each["kind"] == "Service"]
            picked = [each for each in services if selects(monitor["spec"]["selector"]["matchLabels"], each)]
            assert len(picked) == 1
            ports = {port["name"] for port in picked[0]["spec"]["ports"]}
            assert {endpoint["port"] for endpoint in monitor["spec"]["endpoints"]} <= ports


def chosen(each: Object) -> dict[str, str] | None:
    """
    Return the labels that an object picks pods by, if it does.
    """
    if each["kind"] == "Service":
        selector: dict[str, str] | None = each["spec"].get("selector")
        return selector
    if each["kind"] not in SELECTORS:
        return None
    labels: dict[str, str] = each["spec"][SELECTORS[each["kind"]]]["matchLabels"]
    return labels


@EVERY_FILE
def test_every_port_is_there(newest_helm: Helm, source: Source, values: Path) -> None:
    """
    A Service's ports are ones of its pods, a probe's of its container, a PodMonitor's of its pods; no name is twice.
    """
    for _, found in renders(newest_helm, source, values):
        pods = [pod for _, pod in owned(found)]
        for pod in pods:
            names = [port["name"] for each in containers(pod) for port in each.get("ports", ()) if "name" in port]
            assert len(names) == len(set(names))
            for container in containers(pod):
                assert probed(container) <= ports_of([container]), container["name"]
        for each in found:
            wanted = monitored(each)
            if wanted:
                picked = [pod for pod in pods if selects(chosen(each) or {}, pod)]
                for pod in picked:
                    assert wanted <= ports_of(containers(pod)), f"{each['kind']} {each['metadata']['name']}"


def monitored(each: Object) -> set[str | int]:
    """
    Return the ports that a Service or PodMonitor says its pods have.
    """
    if each["kind"] == "Service" and each["spec"].get("selector"):
        return {port.get("targetPort", port["port"]) for port in each["spec"]["ports"]}
    if each["kind"] == "PodMonitor":
        return {endpoint["port"] for endpoint in each["spec"]["podMetricsEndpoints"]}
    return set()


def ports_of(found: list[Object]) -> set[str | int]:
    """
    Return the ports of containers, by name and by number.
    """
    ports = [port for container in found for port in container.get("ports", ())]
    return {port["containerPort"] for port in ports} | {port["name"] for port in ports if "name" in port}


def probed(container: Object) -> set[str | int]:
    """
    Return the ports that a container's probes ask.
    """
    probes = [container.get(name, {}) for name in ("startupProbe", "livenessProbe", "readinessProbe")]
    return {probe[action]["port"] for probe in probes for action in ("httpGet", "tcpSocket", "grpc") if action in probe}


@EVERY_FILE
def test_every_reference_leads_somewhere(newest_helm: Helm, source: Source, values: Path) -> None:
    """
    A ConfigMap, Secret, claim or account that is named is rendered too, or somebody's own whom the values name.
    """
    words = set(re.findall(r"[\w.-]+", values.read_text() + (source.path / "values.yaml").read_text()))
    for _, found in renders(newest_helm, source, values):
        there = {(each["kind"], each["metadata"]["name"]) for each in found}
        made = {each["spec"]["secretName"] for each in found if each["kind"] == "Certificate"}
        made |= {each["spec"]["target"]["name"] for each in found if each["kind"] == "ExternalSecret"}
        for owner, pod in owned(found):
            for reference in referred(pod["spec"]):
                kind, name = reference
                assert reference in there or name in words or (kind == "Secret" and name in made), (
                    f"{owner['kind']} {owner['metadata']['name']} needs the {kind} {name}"
                )


def referred(spec: Object) -> Iterator[tuple[str, str]]:
    """
    Yield what a pod needs to be there: kinds and names.
    """
    if account := spec.get("serviceAccountName"):
        yield "ServiceAccount", account
    for volume in spec.get("volumes", ()):
        for source in [volume, *volume.get("projected", {}).get("sources", ())]:
            for key, (kind, names) in SOURCES_OF_VOLUMES.items():
                if key in source:
                    yield kind, next(source[key][name] for name in names if name in source[key])
    for container in [*spec.get("initContainers", ()), *spec["containers"]]:
        for each in [*container.get("envFrom", ()), *(each.get("valueFrom", {}) for each in container.get("env", ()))]:
            for key, kind in SOURCES_OF_VARIABLES.items():
                if key in each:
                    yield kind, each[key]["name"]


@EVERY_FILE
def test_documents_in_objects_are_read_strictly(newest_helm: Helm, source: Source, values: Path) -> None:
    """
    A YAML or JSON file in a ConfigMap can be read, and has no key twice.
    """
    for _, found in renders(newest_helm, source, values):
        for each in (each for each in found if each["kind"] == "ConfigMap"):
            for name, text in each.get("data", {}).items():
                if name.endswith((".yaml", ".yml", ".json")):
                    assert document(text) is not None, f"{each['metadata']['name']}: {name}"
