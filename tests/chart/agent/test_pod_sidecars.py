"""
What stands beside the agent: Dapr, Istio, and a sidecar of our own for its logs.
"""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from tests.chart.agent.agents import agent, container, found, labelled, mounts, names, rendered, variables, volumes
from tests.chart.helm import Chart
from tests.chart.rendered import Object

DAPR = "dapr.io/"


def template(chart: Chart, values: str) -> Any:
    """
    Return the template of the agent's pods.
    """
    return found(rendered(chart, values), "Deployment")["spec"]["template"]


def notes(each: Object) -> dict[str, str]:
    """
    Return an object's annotations.
    """
    annotations: dict[str, str] = each["metadata"].get("annotations", {})
    return annotations


def test_dapr_is_told_by_the_pod(newest: Chart) -> None:
    """
    In annotations of the pod, all of them text, with a port that the agent has; the Deployment has none of them.
    """
    every = rendered(newest, "{dapr.enabled: true}")
    own = found(every, "Deployment")
    told = {key: value for key, value in notes(own["spec"]["template"]).items() if key.startswith(DAPR)}
    assert told == {
        "dapr.io/enabled": "true",
        "dapr.io/app-id": "ai-agent",
        "dapr.io/app-port": "8080",
        "dapr.io/app-protocol": "http",
        "dapr.io/graceful-shutdown-seconds": "135",
        "dapr.io/sidecar-seccomp-profile-type": "RuntimeDefault",
        "dapr.io/sidecar-cpu-request": "50m",
        "dapr.io/sidecar-memory-request": "64Mi",
        "dapr.io/sidecar-memory-limit": "256Mi",
    }
    assert not [key for key in notes(own) if key.startswith(DAPR)]
    assert names(every, "Configuration", "dapr") == []


def test_daprs_configuration_is_named_or_made(newest: Chart) -> None:
    """
    One that is there, or one with the spec that is given.
    """
    named = template(newest, "{dapr: {enabled: true, config: {name: tracing}}}")
    assert notes(named)["dapr.io/config"] == "tracing"
    every = rendered(newest, "{dapr: {enabled: true, config: {spec: {tracing: {samplingRate: '1'}}}}}")
    made = found(every, "Configuration")
    assert (made["apiVersion"], made["spec"]) == ("dapr.io/v1alpha1", {"tracing": {"samplingRate": "1"}})
    assert notes(found(every, "Deployment")["spec"]["template"])["dapr.io/config"] == made["metadata"]["name"]


def test_dapr_is_as_it_is_described(newest: Chart) -> None:
    """
    Name, port, protocol, resources, and whatever else it knows.
    """
    values = """
    ports: [{name: http, containerPort: 8080}, {name: grpc, containerPort: 9000}]
    dapr:
      {enabled: true, appId: search, appPort: 9000, appProtocol: grpc, annotations: {dapr.io/log-level: debug},
       resources: {requests: {cpu: 1, memory: null}, limits: {cpu: 2}}}
    """
    told = notes(template(newest, values))
    assert (told["dapr.io/app-id"], told["dapr.io/app-port"], told["dapr.io/app-protocol"]) == (
        "search",
        "9000",
        "grpc",
    )
    assert (told["dapr.io/sidecar-cpu-request"], told["dapr.io/sidecar-cpu-limit"]) == ("1", "2")
    assert told["dapr.io/log-level"] == "debug"


@pytest.mark.parametrize(
    ("mode", "label"),
    [("sidecar", {"sidecar.istio.io/inject": "true"}), ("ambient", {"istio.io/dataplane-mode": "ambient"})],
)
def test_istio_is_told_by_the_pod(newest: Chart, mode: str, label: dict[str, str]) -> None:
    """
    By a label of the pod, one of two; a sidecar is a native one, so that what starts before the agent gets through it.
    """
    every = rendered(newest, f"{{istio: {{enabled: true, mode: {mode}}}}}")
    own = found(every, "Deployment")
    assert {key: value for key, value in labelled(own["spec"]["template"]).items() if "istio" in key} == label
    assert not [key for key in labelled(own) if "istio" in key]
    native = notes(own["spec"]["template"]).get("sidecar.istio.io/nativeSidecar")
    assert native == ("true" if mode == "sidecar" else None)


def test_istio_may_have_revisions(newest: Chart) -> None:
    """
    Then the pod names its own.
    """
    own = template(newest, "{istio: {enabled: true, revision: stable}}")
    assert labelled(own)["istio.io/rev"] == "stable"


def test_without_a_mesh_the_pod_says_nothing_of_it(newest: Chart) -> None:
    """
    Neither label nor annotation.
    """
    own = template(newest, "{}")
    assert "istio" not in str(own["metadata"])
    assert DAPR not in str(own["metadata"])


def test_logs_are_read_where_they_are_written(newest: Chart) -> None:
    """
    By a native sidecar: one volume, declared, and mounted on both sides; the agent knows where.
    """
    spec = template(newest, "{logging: {enabled: true, path: /logs, sizeLimit: 500Mi}}")["spec"]
    sidecar = container(spec, "logging")
    assert sidecar in spec["initContainers"]
    assert sidecar["restartPolicy"] == "Always"
    assert volumes(spec)["logs"] == {"emptyDir": {"sizeLimit": "500Mi"}}
    assert mounts(sidecar)["/logs"]["name"] == mounts(agent(spec))["/logs"]["name"] == "logs"
    assert variables(agent(spec))["LOG_DIRECTORY"] == "/logs"


def test_the_sidecars_configuration_is_there(newest: Chart) -> None:
    """
    By default one that reads that volume; what its arguments name is mounted; a change of it starts new pods.
    """
    every = rendered(newest, "{logging: {enabled: true, path: /logs}}")
    spec = found(every, "Deployment")["spec"]["template"]["spec"]
    data = found(every, "ConfigMap", "ai-agent-logging")["data"]
    assert volumes(spec)["logging"] == {"configMap": {"name": "ai-agent-logging"}}
    sidecar = container(spec, "logging")
    assert sidecar["args"] == ["--config=/etc/logging/fluent-bit.yaml"]
    assert mounts(sidecar)["/etc/logging"]["name"] == "logging"
    (source,) = yaml.safe_load(data["fluent-bit.yaml"])["pipeline"]["inputs"]
    assert (source["path"], source["db"]) == ("/logs/*.log", "/logs/.position")


def test_the_sidecar_may_be_the_users(newest: Chart) -> None:
    """
    Another image, other files, other variables; a changed file changes the pod.
    """
    values = """
    logging:
      enabled: true
      image: {repository: vector, tag: '1'}
      command: [vector]
      args: [--config, /etc/logging/vector.toml]
      config: {vector.toml: 'a = 1'}
      env: [{name: LOKI, value: 'http://loki'}]
      envFrom: [{secretRef: {name: loki}}]
      resources: {limits: {memory: 1Gi}}
    """
    every = rendered(newest, values)
    own = found(every, "Deployment")["spec"]["template"]
    sidecar = container(own["spec"], "logging")
    assert (sidecar["image"], sidecar["command"]) == ("vector:1", ["vector"])
    assert sidecar["args"] == ["--config", "/etc/logging/vector.toml"]
    assert (variables(sidecar), sidecar["envFrom"]) == ({"LOKI": "http://loki"}, [{"secretRef": {"name": "loki"}}])
    assert sidecar["resources"]["limits"] == {"memory": "1Gi"}
    assert found(every, "ConfigMap", "ai-agent-logging")["data"] == {"vector.toml": "a = 1"}
    other = template(newest, values.replace("a = 1", "a = 2"))
    assert notes(other)["checksum/logging"] != notes(own)["checksum/logging"]
