"""
Every claim, scale and hook of everything that is rendered: what KEDA, a volume and an upgrade can live with.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from tests.chart.charts import Source
from tests.chart.everything import EVERY_FILE, renders
from tests.chart.helm import Helm
from tests.chart.rendered import Object, owned

ONE_NODE = {"ReadWriteOnce", "ReadWriteOncePod"}

BY_THEMSELVES = {
    *("cron", "external", "external-push", "kafka", "metrics-api", "nats-jetstream", "postgresql", "prometheus"),
    *("rabbitmq", "redis", "redis-cluster", "redis-cluster-streams", "redis-sentinel", "redis-sentinel-streams"),
    "redis-streams",
}
"""Triggers that can wake something from zero: they do not ask the pods that are not there."""


def scaled(found: list[Object]) -> Iterator[tuple[Object, Object]]:
    """
    Yield every ScaledObject, with the Deployment that it scales.
    """
    deployments = {each["metadata"]["name"]: each for each in found if each["kind"] == "Deployment"}
    for each in found:
        if each["kind"] == "ScaledObject":
            yield each, deployments[each["spec"]["scaleTargetRef"]["name"]]


@EVERY_FILE
def test_every_scaled_object_can_scale(newest_helm: Helm, source: Source, values: Path) -> None:
    """
    It scales a Deployment that leaves the number to it, wakes it, and gives it time to load and to be let go.
    """
    for _, found in renders(newest_helm, source, values):
        for scaling, deployment in scaled(found):
            spec = scaling["spec"]
            assert "replicas" not in deployment["spec"]
            assert spec["maxReplicaCount"] >= max(spec["minReplicaCount"], 1)
            assert spec["cooldownPeriod"] >= 3 * spec["pollingInterval"]
            assert spec.get("fallback", {}).get("replicas", 1) >= 1
            if spec["minReplicaCount"] == 0:
                assert {trigger["type"] for trigger in spec["triggers"]} & BY_THEMSELVES
                startup = deployment["spec"]["template"]["spec"]["containers"][0].get("startupProbe", {})
                assert spec["initialCooldownPeriod"] > 0
                assert deployment["spec"]["progressDeadlineSeconds"] > budget(startup)


def budget(probe: Object) -> int:
    """
    Return how many seconds a probe waits until it gives up.
    """
    waits: int = probe.get("initialDelaySeconds", 0) + probe.get("periodSeconds", 10) * probe.get("failureThreshold", 3)
    return waits if probe else 0


@EVERY_FILE
def test_every_trigger_can_be_asked(newest_helm: Helm, source: Source, values: Path) -> None:
    """
    Its metadata are texts, its authentication is there or named by the values, and so is the scaler that it asks.
    """
    words = set(re.findall(r"[\w.-]+", values.read_text()))
    for _, found in renders(newest_helm, source, values):
        there = {(each["kind"], each["metadata"]["name"]) for each in found}
        for each in (each for each in found if each["kind"] in {"ScaledObject", "ScaledJob"}):
            for trigger in each["spec"]["triggers"]:
                assert all(isinstance(value, str) for value in trigger["metadata"].values())
                if reference := trigger.get("authenticationRef"):
                    kind = reference.get("kind", "TriggerAuthentication")
                    assert (kind, reference["name"]) in there or reference["name"] in words
                if trigger["type"].startswith("external"):
                    host, _, port = trigger["metadata"]["scalerAddress"].partition(":")
                    assert ("Service", host.partition(".")[0]) in there or host in words
                    assert port.isdigit()


@EVERY_FILE
def test_every_claim_can_be_mounted(newest_helm: Helm, source: Source, values: Path) -> None:
    """
    One that a single node may mount has a single pod, which goes before the next one comes; every claim has its size.
    """
    for _, found in renders(newest_helm, source, values):
        claims = {each["metadata"]["name"]: each["spec"] for each in found if each["kind"] == "PersistentVolumeClaim"}
        assert all(spec["resources"]["requests"]["storage"] for spec in claims.values())
        most = {id(deployment): scaling["spec"]["maxReplicaCount"] for scaling, deployment in scaled(found)}
        for owner, pod in owned(found):
            alone = [name for name in mounted(pod) if claims.get(name, {}).get("accessModes", [""])[0] in ONE_NODE]
            if alone and owner["kind"] == "Deployment":
                assert owner["spec"]["strategy"]["type"] == "Recreate"
                assert most.get(id(owner), owner["spec"].get("replicas", 1)) == 1
            assert not (alone and owner["kind"] == "ScaledJob" and owner["spec"]["maxReplicaCount"] > 1)


def mounted(pod: Object) -> list[str]:
    """
    Return the names of the claims that a pod mounts.
    """
    volumes = [each.get("persistentVolumeClaim", {}) for each in pod["spec"].get("volumes", ())]
    return [each["claimName"] for each in volumes if each]


@EVERY_FILE
def test_every_claim_is_backed_up_and_kept(newest_helm: Helm, source: Source, values: Path) -> None:
    """
    Each says how it is backed up; models that are kept outlive the release.
    """
    for _, found in renders(newest_helm, source, values):
        for claim in (each for each in found if each["kind"] == "PersistentVolumeClaim"):
            tier = claim["metadata"]["labels"]["backup.velero.io/backup-tier"]
            assert tier in {"GFS", "Daily"}
            assert claim["metadata"].get("annotations", {}).get("helm.sh/resource-policy", "keep") == "keep"


@EVERY_FILE
def test_no_budget_holds_up_a_drain(newest_helm: Helm, source: Source, values: Path) -> None:
    """
    One pod may always go, and one that is not ready does not count: otherwise a drain would wait for it for ever.
    """
    for _, found in renders(newest_helm, source, values):
        for allowed in (each["spec"] for each in found if each["kind"] == "PodDisruptionBudget"):
            assert allowed["maxUnavailable"] == 1
            assert "minAvailable" not in allowed
            assert allowed["unhealthyPodEvictionPolicy"] == "AlwaysAllow"
