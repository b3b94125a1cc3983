"""
What runs: with few rights, one at a time, and without a restart when its surroundings change.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from scaler import __version__
from scaler.settings.process import VARIABLES, ProcessSettings
from tests.chart.charts import SCALER, given
from tests.chart.helm import Chart
from tests.chart.rendered import containers, kind, objects, pods, selects

_DNS_TTL = 5
"""Seconds for which CoreDNS lets an address be remembered, by default."""

_STOPS_WITHIN = 10
"""Seconds from the signal to the end of the process."""

EVERY_FILE = pytest.mark.parametrize("values", SCALER.files, ids=lambda path: path.stem)


def scaler(chart: Chart, *arguments: str) -> dict[str, Any]:
    """
    Return the scaler's pod.
    """
    template: dict[str, Any] = kind(chart.template(*arguments), "Deployment")["spec"]["template"]
    return template


@EVERY_FILE
def test_every_container_is_restricted(newest: Chart, values: Path) -> None:
    """
    Kubernetes' "restricted" standard, and a read-only root beyond it; the scaler's pod and the test's alike.
    """
    for pod in pods(newest.template("--values", values)):
        spec = pod["spec"]
        assert spec["securityContext"]["runAsNonRoot"] is True
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert spec["securityContext"].get("runAsUser", 65532) > 0
        assert not {"hostNetwork", "hostPID", "hostIPC"} & spec.keys()
        assert all("hostPath" not in volume for volume in spec.get("volumes", ()))
        for container in containers(pod):
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }
            assert {"cpu", "memory"} == container["resources"]["requests"].keys()
            assert "memory" in container["resources"]["limits"]


@EVERY_FILE
def test_without_an_observer_it_asks_the_api_nothing(newest: Chart, values: Path) -> None:
    """
    No token, no role, no variables of other Services.
    """
    observer = ("--set", "observer.enabled=false", "--set", "observer.podDeletionCost=false")
    text = newest.template("--values", values, *observer, "--set-json", "observer.namespaces=[]")
    assert not [each for each in objects(text) if each["apiVersion"].startswith("rbac")]
    for pod in pods(text):
        assert pod["spec"]["automountServiceAccountToken"] is False
        assert pod["spec"]["enableServiceLinks"] is False
    for account in (each for each in objects(text) if each["kind"] == "ServiceAccount"):
        assert account["automountServiceAccountToken"] is False


def test_one_runs_and_one_is_always_there(newest: Chart) -> None:
    """
    One replica; the next one is up before it goes. A drain is let through, and it has time to be forgotten and to stop.
    """
    text = newest.template()
    spec = kind(text, "Deployment")["spec"]
    assert spec["replicas"] == 1
    assert spec["strategy"] == {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}
    pod = spec["template"]["spec"]
    waits = pod["containers"][0]["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert waits > _DNS_TTL
    assert pod["terminationGracePeriodSeconds"] >= waits + _STOPS_WITHIN
    assert kind(text, "PodDisruptionBudget")["spec"]["maxUnavailable"] == 1


@EVERY_FILE
def test_selectors_pick_the_scaler_alone(newest: Chart, values: Path) -> None:
    """
    Service, budget, policy and Deployment pick the scaler's pod, never the test's; the ServiceMonitor, the Service.
    """
    text = newest.template("--values", values)
    found = {each["kind"]: each for each in objects(text)}
    pod = found["Deployment"]["spec"]["template"]
    picked = {
        "Deployment": found["Deployment"]["spec"]["selector"]["matchLabels"],
        "Service": found["Service"]["spec"]["selector"],
    }
    for name, key in (
        ("PodDisruptionBudget", "selector"),
        ("NetworkPolicy", "podSelector"),
        ("CiliumNetworkPolicy", "endpointSelector"),
    ):
        if name in found:
            picked[name] = found[name]["spec"][key]["matchLabels"]
    for labels in picked.values():
        assert selects(labels, pod)
        assert "Pod" not in found or not selects(labels, found["Pod"])
    if "ServiceMonitor" in found:
        assert selects(found["ServiceMonitor"]["spec"]["selector"]["matchLabels"], found["Service"])


def test_the_service_is_headless(newest: Chart) -> None:
    """
    KEDA sees pods, not a virtual address; the ports are then the pods' own.
    """
    text = newest.template()
    spec = kind(text, "Service")["spec"]
    assert (spec["type"], spec["clusterIP"]) == ("ClusterIP", "None")
    (container,) = scaler(newest)["spec"]["containers"]
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    assert {port["targetPort"]: port["port"] for port in spec["ports"]} == ports
    defaults = ProcessSettings()
    assert ports == {"grpc": defaults.grpc.port, "http": defaults.http.port}


def test_the_service_can_have_an_address_that_stays(newest: Chart) -> None:
    """
    One that the API server gives, which leads to the same ports; nothing else changes.
    """
    headless, other = (
        kind(newest.template(*how), "Service")["spec"] for how in ((), ("--set", "service.headless=false"))
    )
    assert headless.pop("clusterIP") == "None"
    assert other == headless


def test_probes_ask_grpc_unless_it_speaks_tls(newest: Chart) -> None:
    """
    A kubelet's gRPC probe cannot speak TLS: there the HTTP port is asked, which says whether gRPC serves.
    """
    plain = containers(scaler(newest))[0]
    secure = containers(scaler(newest, *SCALER.file("tls")))[0]
    for name in ("startupProbe", "livenessProbe", "readinessProbe"):
        assert plain[name]["grpc"] == {"port": 6000}
        assert secure[name]["httpGet"]["port"] == "http"
    assert secure["readinessProbe"]["httpGet"]["path"] == "/readyz"
    assert secure["livenessProbe"]["httpGet"]["path"] == "/healthz"
    assert plain["startupProbe"]["failureThreshold"] * plain["startupProbe"]["periodSeconds"] >= 60


def test_a_changed_document_restarts_nothing(newest: Chart) -> None:
    """
    With another configuration only the ConfigMap and the network policy differ.
    """
    before = {each["kind"]: each for each in objects(newest.template())}
    after = {each["kind"]: each for each in objects(newest.template(*given("config.limits: {workloads: 5}")))}
    assert {name for name in before if before[name] != after[name]} == {"ConfigMap"}


@EVERY_FILE
def test_mounts_follow_changes(newest: Chart, values: Path) -> None:
    """
    Whole directories are mounted, read-only, each from a volume that is there; a file by itself would never change.
    """
    for pod in pods(newest.template("--values", values)):
        volumes = [volume["name"] for volume in pod["spec"].get("volumes", ())]
        mounts = [mount for container in containers(pod) for mount in container.get("volumeMounts", ())]
        assert sorted(mount["name"] for mount in mounts) == sorted(set(volumes))
        assert len({mount["mountPath"] for mount in mounts}) == len(mounts)
        assert all((mount["name"] == "state" or mount["readOnly"]) and "subPath" not in mount for mount in mounts)
        # A mount inside of another read-only one could not be made.
        paths = [Path(mount["mountPath"]) for mount in mounts]
        assert not [path for path in paths if set(path.parents) & set(paths)]


@EVERY_FILE
def test_the_process_understands_its_environment(newest: Chart, values: Path) -> None:
    """
    Its variables are ones that the scaler knows, valid together, and name files that are mounted.
    """
    pod = scaler(newest, "--values", str(values))
    (container,) = containers(pod)
    own = {each["name"]: each["value"] for each in container["env"] if each["name"].startswith("SCALER_")}
    assert own.keys() <= {variable for variable, _ in VARIABLES.values()}
    settings = ProcessSettings.from_env(own)
    mounted = {mount["mountPath"]: mount["name"] for mount in container["volumeMounts"]}
    volumes = {volume["name"]: volume for volume in pod["spec"]["volumes"]}
    for path in filter(None, (settings.config, settings.tls_cert, settings.tls_key, settings.tls_client_ca)):
        volume = volumes[mounted[str(path.parent)]]
        source = volume.get("secret") or volume["configMap"]
        assert path.name in {item["path"] for item in source["items"]}


def test_secrets_are_mounted_by_name(newest: Chart) -> None:
    """
    Each in its directory, for the scaler's group to read.
    """
    pod = scaler(newest, *SCALER.file("sources"))
    (container,) = containers(pod)
    mounts = {mount["mountPath"]: mount["name"] for mount in container["volumeMounts"]}
    volumes = {volume["name"]: volume.get("secret") for volume in pod["spec"]["volumes"]}
    assert {path: volumes[name]["secretName"] for path, name in mounts.items() if "secrets" in path} == {
        "/etc/scaler/secrets/redis": "redis",
        "/etc/scaler/secrets/rabbit": "rabbitmq-credentials",
        "/etc/scaler/secrets/prometheus-token": "prometheus-token",
    }
    assert volumes["secret-1"]["items"] == [{"key": "rabbitmq-password", "path": "password"}]
    assert volumes["secret-2"]["optional"] is True
    assert {secret["defaultMode"] for secret in volumes.values() if secret} == {0o440}
    assert pod["spec"]["securityContext"]["fsGroup"] == 65532


def test_the_image_is_pinned(newest: Chart) -> None:
    """
    By default the scaler's own version; registry, tag and digest where they are given.
    """
    assert containers(scaler(newest))[0]["image"] == f"gpu-agent-scaler:{__version__}"
    assert containers(scaler(newest, "--set", "image.tag=1.2"))[0]["image"] == "gpu-agent-scaler:1.2"
    whole = containers(scaler(newest, *SCALER.file("everything")))[0]["image"]
    assert whole == f"registry.example.com:5000/ai/scaler:1.2.3@sha256:{'0123456789abcdef' * 4}"


def test_what_users_add_arrives(newest: Chart) -> None:
    """
    Everything that a user may add to the pod is in it.
    """
    pod = scaler(newest, *SCALER.file("everything"))
    spec = pod["spec"]
    assert spec["imagePullSecrets"] == [{"name": "everybody"}, {"name": "registry"}]
    assert spec["priorityClassName"] == "system-cluster-critical"
    assert spec["runtimeClassName"] == "nvidia"
    assert spec["nodeSelector"] == {"kubernetes.io/os": "linux"}
    assert spec["tolerations"][0]["key"] == "node-role.kubernetes.io/control-plane"
    assert "nodeAffinity" in spec["affinity"]
    assert spec["topologySpreadConstraints"][0]["topologyKey"] == "topology.kubernetes.io/zone"
    assert spec["dnsConfig"] == {"options": [{"name": "ndots", "value": "2"}]}
    assert spec["containers"][0]["envFrom"] == [{"secretRef": {"name": "credentials"}}]
    assert pod["metadata"]["labels"]["example.com/network"] == "inner"
    assert pod["metadata"]["annotations"] == {"example.com/log": "json", "example.com/owner": "platform"}
    assert "runAsUser" not in spec["securityContext"]


def test_the_tests_pod_runs_where_the_scaler_does(newest: Chart) -> None:
    """
    With the same secrets for the registry, on the same nodes.
    """
    text = newest.template(*SCALER.file("sources"))
    scaler_pod, test_pod = (pod["spec"] for pod in pods(text))
    assert scaler_pod["imagePullSecrets"] == test_pod["imagePullSecrets"] == [{"name": "registry"}]
    assert scaler_pod["tolerations"] == test_pod["tolerations"]
    assert "tolerations" in test_pod


def test_what_users_add_beside_arrives(newest: Chart) -> None:
    """
    Labels and annotations are on every object; further objects are templates; what is switched off is not there.
    """
    found = objects(newest.template(*SCALER.file("everything")))
    own = [each for each in found if "helm.sh/chart" in each["metadata"].get("labels", {})]
    assert {each["kind"] for each in own} == {"Deployment", "Service", "ServiceAccount"}
    for each in own:
        assert each["metadata"]["labels"]["example.com/cost"] == "shared"
        assert each["metadata"]["annotations"]["example.com/owner"] == "platform"
    beside = [each["metadata"]["name"] for each in found if each not in own]
    assert beside == ["scaler-note", "agent-scaler-text"]
