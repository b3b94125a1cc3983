"""
Scale to zero: the ScaledObject or ScaledJob, its triggers, the HPA's behaviour, and names that fit.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.chart.charts import AGENT, given
from tests.chart.helm import KUBERNETES, Chart
from tests.chart.rendered import kind, objects

_LONG_NAMES = {"Pod", "ClusterRole", "ClusterRoleBinding"}
"""Objects whose names may be longer, and stand in no label."""

THERE = "{scaler.enabled: false, keda.trigger: {address: 'agent-scaler.keda.svc:6000', policy: batch}}"
"""A scaler that is there already."""


def scaled(chart: Chart, *arguments: str, kubernetes: str = KUBERNETES[-1]) -> dict[str, Any]:
    """
    Return what the ScaledObject says.
    """
    spec: dict[str, Any] = kind(chart.template(*arguments, kubernetes=kubernetes), "ScaledObject")["spec"]
    return spec


def trigger(chart: Chart, *arguments: str) -> dict[str, Any]:
    """
    Return the trigger on the scaler.
    """
    first: dict[str, Any] = scaled(chart, *arguments)["triggers"][0]
    return first


def test_with_nothing_set_it_is_scaled_to_zero_by_its_own_scaler(newest: Chart) -> None:
    """
    Pushed to, by the Service of the scaler that comes along; the Deployment says nothing of replicas.
    """
    text = newest.template()
    spec = scaled(newest)
    (own,) = spec["triggers"]
    assert own["type"] == "external-push"
    service = next(each for each in objects(text) if each["metadata"]["name"] == "ai-agent-agent-scaler")
    assert service["kind"] in {"Service", "Deployment", "NetworkPolicy", "PodDisruptionBudget", "ServiceAccount"}
    assert own["metadata"] == {
        "scalerAddress": "ai-agent-agent-scaler.ai.svc:6000",
        "policy": "agent",
        "queue": "ai-agent-jobs",
    }
    assert (spec["minReplicaCount"], spec["maxReplicaCount"]) == (0, 4)
    deployment = next(
        each for each in objects(text) if each["kind"] == "Deployment" and each["metadata"]["name"] == "ai-agent"
    )
    assert spec["scaleTargetRef"] == {"name": deployment["metadata"]["name"]}
    assert "replicas" not in deployment["spec"]


def test_the_times_leave_room(newest: Chart) -> None:
    """
    Three polls until it stops, and a fresh install has a minute more than its model takes to load.
    """
    spec = scaled(newest)
    assert spec["pollingInterval"] == 15
    assert spec["cooldownPeriod"] >= 3 * spec["pollingInterval"]
    assert spec["initialCooldownPeriod"] == 60 + 60
    assert scaled(newest, "--set", "keda.loadSeconds=500")["initialCooldownPeriod"] == 560
    assert scaled(newest, "--set", "keda.initialCooldownPeriod=61")["initialCooldownPeriod"] == 61


def test_an_outage_stops_nothing(newest: Chart) -> None:
    """
    The fallback never goes below what runs; without one KEDA changes nothing.
    """
    assert scaled(newest)["fallback"] == {
        "failureThreshold": 3,
        "replicas": 1,
        "behavior": "currentReplicasIfHigher",
    }
    assert "fallback" not in scaled(newest, "--set", "keda.fallback.enabled=false")


@pytest.mark.parametrize("kubernetes", KUBERNETES)
def test_the_hpa_does_what_the_scaler_says(newest: Chart, kubernetes: str) -> None:
    """
    At once, both ways, from one to the most in one step; exactly, where the cluster can (1.35).
    """
    spec = scaled(newest, *given("keda.maxReplicaCount: 30"), kubernetes=kubernetes)
    behavior = spec["advanced"]["horizontalPodAutoscalerConfig"]["behavior"]
    assert behavior["scaleUp"]["stabilizationWindowSeconds"] == behavior["scaleDown"]["stabilizationWindowSeconds"] == 0
    assert behavior["scaleUp"]["policies"] == [{"type": "Pods", "value": 30, "periodSeconds": 15}]
    assert behavior["scaleDown"]["policies"] == [{"type": "Percent", "value": 100, "periodSeconds": 15}]
    exact = {direction: behavior[direction].get("tolerance") for direction in ("scaleUp", "scaleDown")}
    assert exact == dict.fromkeys(exact, "0" if kubernetes == "1.36" else None)


def test_the_hpas_behaviour_can_be_changed(newest: Chart) -> None:
    """
    What is given wins, the rest stays.
    """
    values = "keda.behavior: {scaleDown: {stabilizationWindowSeconds: 60}, scaleUp: {tolerance: '0.05'}}"
    behavior = scaled(newest, *given(values))["advanced"]["horizontalPodAutoscalerConfig"]["behavior"]
    assert behavior["scaleDown"]["stabilizationWindowSeconds"] == 60
    assert behavior["scaleDown"]["policies"][0]["value"] == 100
    assert behavior["scaleUp"]["tolerance"] == "50m"


@pytest.mark.parametrize(
    ("given_as", "written"),
    [("0.05", "50m"), ("'0.05'", "50m"), (".125", "125m"), ("0", "0"), ("1", "1"), ("'75m'", "75m"), ("0.007", "7m")],
)
def test_a_tolerance_is_written_as_kubernetes_does(newest: Chart, given_as: str, written: str) -> None:
    """
    As KEDA writes it back: spelt otherwise it would be KEDA's field, and the next upgrade a conflict.
    """
    values = f"keda.behavior: {{scaleDown: {{tolerance: {given_as}}}}}"
    behavior = scaled(newest, *given(values))["advanced"]["horizontalPodAutoscalerConfig"]["behavior"]
    assert behavior["scaleDown"]["tolerance"] == written


def test_a_scaler_that_is_there_is_told_everything(newest: Chart) -> None:
    """
    Its policy is somebody else's, so the trigger carries the queue's particulars and the bounds.
    """
    values = f"{THERE[:-1]}, keda.maxReplicaCount: 7, queue: {{type: stream, target: 2.5, group: workers}}}}"
    assert trigger(newest, *given(values))["metadata"] == {
        "scalerAddress": "agent-scaler.keda.svc:6000",
        "policy": "batch",
        "queue": "ai-agent-jobs",
        "queueType": "stream",
        "queueGroup": "workers",
        "queueTarget": "2.5",
        "minReplicas": "0",
        "maxReplicas": "7",
    }
    assert trigger(newest, *given(THERE))["metadata"]["queueProcessing"] == "$queue:processing"
    kinds = {each["metadata"]["labels"]["app.kubernetes.io/name"] for each in objects(newest.template(*given(THERE)))}
    assert kinds == {"ai-agent"}


def test_further_keys_reach_the_trigger(newest: Chart) -> None:
    """
    As the scaler knows them.
    """
    metadata = trigger(newest, *given("keda.trigger.metadata: {idleWindow: 5m}"))["metadata"]
    assert metadata["idleWindow"] == "5m"


def test_keda_trusts_the_scaler_that_comes_along(newest: Chart) -> None:
    """
    TLS is said once, at the scaler; the authentication reads the Secret that the scaler's chart names.
    """
    values = "scaler.tls: {enabled: true, certManager: {enabled: true, issuerRef: {name: ca}}, mutual: {enabled: true}}"
    text = newest.template(*given(values))
    own = trigger(newest, *given(values))
    assert own["metadata"]["enableTLS"] == "true"
    authentication = kind(text, "TriggerAuthentication")
    assert own["authenticationRef"] == {"name": authentication["metadata"]["name"]}
    made = {each["spec"]["secretName"] for each in objects(text) if each["kind"] == "Certificate"}
    parameters = {each["parameter"]: each for each in authentication["spec"]["secretTargetRef"]}
    assert parameters.keys() == {"caCert", "tlsClientCert", "tlsClientKey"}
    assert {each["name"] for each in parameters.values()} <= made
    assert {name: each["key"] for name, each in parameters.items()} == {
        "caCert": "ca.crt",
        "tlsClientCert": "tls.crt",
        "tlsClientKey": "tls.key",
    }


def test_keda_trusts_a_scaler_that_is_there(newest: Chart) -> None:
    """
    By a Secret of this namespace, or by an authentication that its chart has made.
    """
    values = f"{THERE[:-1]}, keda.trigger.tls: {{enabled: true, secretName: trust}}}}"
    authentication = kind(newest.template(*given(values)), "TriggerAuthentication")
    assert authentication["spec"]["secretTargetRef"] == [{"parameter": "caCert", "name": "trust", "key": "ca.crt"}]
    assert trigger(newest, *given(values))["authenticationRef"] == {"name": "ai-agent"}
    values = f"{THERE[:-1]}, keda.trigger.tls.enabled: true, keda.trigger.authenticationRef.name: agent-scaler}}"
    assert trigger(newest, *given(values))["authenticationRef"] == {
        "name": "agent-scaler",
        "kind": "ClusterTriggerAuthentication",
    }
    assert not [each for each in objects(newest.template(*given(values))) if each["kind"] == "TriggerAuthentication"]


def test_without_tls_nothing_is_authenticated(newest: Chart) -> None:
    """
    Neither key nor object.
    """
    assert "enableTLS" not in trigger(newest)["metadata"]
    assert not [each for each in objects(newest.template()) if each["kind"] == "TriggerAuthentication"]


def test_triggers_of_kedas_own_pass(newest: Chart) -> None:
    """
    Beside the scaler's, or alone where they can wake; they are templates.
    """
    cron = "{type: cron, metadata: {timezone: UTC, start: 0 8 * * *, end: 0 18 * * *, desiredReplicas: '1'}}"
    _, second = scaled(newest, *given(f"keda.triggers: [{cron}]"))["triggers"]
    assert second["metadata"]["desiredReplicas"] == "1"
    redis = "{type: redis, metadata: {address: '{{ .Release.Name }}-redis:6379', listName: jobs, listLength: '1'}}"
    alone = f"{{scaler.enabled: false, keda.trigger.enabled: false, keda.triggers: [{redis}]}}"
    (only,) = scaled(newest, *given(alone))["triggers"]
    assert only["metadata"]["address"] == "ai-agent-redis:6379"


def test_what_cannot_wake_may_keep_one(newest: Chart) -> None:
    """
    With at least one replica CPU and GPUs can decide; beside a trigger that wakes they can too.
    """
    cpu = "{type: cpu, metricType: Utilization, metadata: {value: '80'}}"
    alone = f"{{scaler.enabled: false, keda: {{minReplicaCount: 1, trigger: {{enabled: false}}, triggers: [{cpu}]}}}}"
    assert scaled(newest, *given(alone))["minReplicaCount"] == 1
    assert len(scaled(newest, *given(f"keda.triggers: [{cpu}]"))["triggers"]) == 2


def test_jobs_are_the_other_kind(newest: Chart) -> None:
    """
    A ScaledJob with the agent's pod, which ends; no Deployment; the plain trigger, because Jobs are never pushed to.
    """
    values = """
worker: {enabled: false}
keda: {kind: ScaledJob, job: {activeDeadlineSeconds: 600, backoffLimit: 2}, annotations: {note: x}}
"""
    text = newest.template(*given(values))
    found = kind(text, "ScaledJob")
    spec = found["spec"]
    assert found["metadata"]["annotations"] == {"note": "x"}
    assert spec["triggers"][0]["type"] == "external"
    assert spec["triggers"][0]["metadata"]["queue"] == "ai-agent-jobs"
    assert spec["jobTargetRef"]["activeDeadlineSeconds"] == 600
    assert spec["jobTargetRef"]["backoffLimit"] == 2
    assert spec["jobTargetRef"]["template"]["spec"]["restartPolicy"] == "Never"
    assert spec["rollout"] == {"strategy": "gradual"}
    names = {(each["kind"], each["metadata"]["name"]) for each in objects(text)}
    assert not {("Deployment", "ai-agent"), ("Service", "ai-agent"), ("ScaledObject", "ai-agent")} & names
    assert (
        "activeDeadlineSeconds"
        not in kind(newest.template("--set", "keda.kind=ScaledJob,worker.enabled=false"), "ScaledJob")["spec"][
            "jobTargetRef"
        ]
    )


def test_keda_can_be_left_out(newest: Chart) -> None:
    """
    Then the Deployment says how many.
    """
    found = objects(newest.template(*given("{keda.enabled: false, scaler.enabled: false, replicas: 3}")))
    assert not [each for each in found if each["apiVersion"].startswith("keda.sh")]
    deployment = next(each for each in found if each["metadata"]["name"] == "ai-agent" and each["kind"] == "Deployment")
    assert deployment["spec"]["replicas"] == 3


@pytest.mark.parametrize("values", ["{}", "{keda.kind: ScaledJob, worker.enabled: false}", "dashboard.enabled: true"])
def test_the_longest_release_name_fits(newest: Chart, values: str) -> None:
    """
    With 53 characters the HPA's name has 63 at most, as have the names of Services, labels, and what KEDA labels.
    """
    chart = Chart(newest.helm, newest.path, release="r" * 53, namespace="ai")
    for each in objects(chart.template(*given(values))):
        name = each["metadata"]["name"]
        assert len(name) <= 63 or each["kind"] in _LONG_NAMES
        assert all(len(value) <= 63 for value in each["metadata"]["labels"].values())
        if each["kind"].startswith("Scaled"):
            assert len(name) <= 54
            assert len(f"keda-hpa-{name}") <= 63


def test_annotations_reach_keda(newest: Chart) -> None:
    """
    Such as the one that pauses.
    """
    values = "keda.annotations: {autoscaling.keda.sh/paused: 'true'}"
    found = kind(newest.template(*given(values)), "ScaledObject")
    assert found["metadata"]["annotations"] == {"autoscaling.keda.sh/paused": "true"}
    assert AGENT.name == "ai-agent"
