"""
What Prometheus and Grafana are told of the agent: expressions that Prometheus understands, over metrics that there are.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.chart.charts import given
from tests.chart.helm import Chart
from tests.chart.promtool import promtool
from tests.chart.rendered import Object, kind, objects, pods, selects
from tests.server.documentation import exposed

EVERYTHING = """
prometheusRule.enabled: true
dashboard.enabled: true
gpu: {enabled: true, nodeSelector: {gpu-node: "true"}}
models: {enabled: true, accessMode: ReadWriteMany}
"""

SCALED = 'scaledobject_namespace="ai",scaledobject="ai-agent"'
SCALER = 'namespace="ai",service="ai-agent-agent-scaler"'
STREAMS = f'{SCALER},method="StreamIsActive"'
POD = "ai-agent-7d9f-x2x4z"
GPU = f'exported_namespace="ai",exported_pod="{POD}",gpu="0",Hostname="node"'
PLAIN_GPU = f'namespace="ai",pod="{POD}",gpu="0",Hostname="node"'
CLAIM = 'namespace="ai",persistentvolumeclaim="ai-agent-models"'
SIGNAL = f'gpu_agent_scaler_signal_unknown{{{SCALED},signal="queue"}}'

ALERTS = {
    "AgentGpuMemoryNearlyFull": (
        {f"DCGM_FI_DEV_FB_USED{{{GPU}}}": "96x120", f"DCGM_FI_DEV_FB_FREE{{{GPU}}}": "4x120"},
        10,
    ),
    "AgentModelClaimFillingUp": (
        {
            f"kubelet_volume_stats_available_bytes{{{CLAIM}}}": "9x120",
            f"kubelet_volume_stats_capacity_bytes{{{CLAIM}}}": "100x120",
        },
        15,
    ),
    "AgentHeldTooLong": ({f'gpu_agent_scaler_workload_phase{{{SCALED},phase="holding"}}': "1x120"}, 60),
    "AgentSourceDown": ({SIGNAL: "1x120"}, 5),
    "AgentStreamMissing": (
        {f"gpu_agent_scaler_streams_open{{{STREAMS}}}": "0x120", f"gpu_agent_scaler_workloads{{{SCALER}}}": "1x120"},
        15,
    ),
}
"""Series that set off each alert, and after how many minutes."""

WELL = {
    f"DCGM_FI_DEV_FB_USED{{{GPU}}}": "94x120",
    f"DCGM_FI_DEV_FB_FREE{{{GPU}}}": "6x120",
    'DCGM_FI_DEV_FB_USED{exported_namespace="ai",exported_pod="other-7d9f-x2x4z",gpu="1"}': "99x120",
    'DCGM_FI_DEV_FB_FREE{exported_namespace="ai",exported_pod="other-7d9f-x2x4z",gpu="1"}': "1x120",
    f"kubelet_volume_stats_available_bytes{{{CLAIM}}}": "11x120",
    f"kubelet_volume_stats_capacity_bytes{{{CLAIM}}}": "100x120",
    f'gpu_agent_scaler_workload_phase{{{SCALED},phase="active"}}': "1x120",
    SIGNAL: "0x120",
    'gpu_agent_scaler_signal_unknown{scaledobject_namespace="ai",scaledobject="other",signal="queue"}': "1x120",
    f"gpu_agent_scaler_streams_open{{{STREAMS}}}": "2x120",
    f"gpu_agent_scaler_workloads{{{SCALER}}}": "1x120",
}
"""An agent with nothing to complain of, and a neighbour with much."""

ELSEWHERE = {
    "DCGM_FI_DEV_FB_FREE",
    "DCGM_FI_DEV_FB_USED",
    "DCGM_FI_DEV_GPU_UTIL",
    "agent_in_flight",
    "agent_queue_wait_seconds_bucket",
    "agent_requests_total",
    "kube_deployment_spec_replicas",
    "kube_deployment_status_replicas_ready",
    "kube_job_status_active",
    "kubelet_volume_stats_available_bytes",
    "kubelet_volume_stats_capacity_bytes",
}
"""What dcgm-exporter, the load lab's worker, kube-state-metrics and the kubelet expose."""


@pytest.fixture(scope="module")
def rules(newest: Chart) -> Object:
    """
    The rules, as Prometheus reads them.
    """
    spec: Object = kind(newest.template(*given(EVERYTHING)), "PrometheusRule")["spec"]
    return spec


def dashboard(chart: Chart, values: str = EVERYTHING) -> Object:
    """
    Return the dashboard, as Grafana reads it.
    """
    (found,) = (
        each for each in objects(chart.template(*given(values))) if "grafana_dashboard" in str(each["metadata"])
    )
    (text,) = found["data"].values()
    page: Object = json.loads(text)
    return page


def expressions(page: Object) -> list[str]:
    """
    Return every expression of a dashboard, with Grafana's own variable filled in.
    """
    return [target["expr"].replace("$__rate_interval", "5m") for panel in page["panels"] for target in panel["targets"]]


def checked(folder: Path, rules: Object, tests: list[Any]) -> tuple[bool, str]:
    """
    Run rules' tests, and return whether they pass, and what was said.
    """
    (folder / "rules.yaml").write_text(yaml.safe_dump(rules))
    (folder / "tests.yaml").write_text(yaml.safe_dump({"rule_files": ["rules.yaml"], "tests": tests}))
    return promtool(folder, "test", "rules", "tests.yaml")


def quiet(alert: str, samples: dict[str, str], minute: int) -> dict[str, Any]:
    """
    Return a test that expects nothing of an alert at a minute.
    """
    series = [{"series": name, "values": values} for name, values in samples.items()]
    check = {"eval_time": f"{minute}m", "alertname": alert, "exp_alerts": []}
    return {"interval": "1m", "input_series": series, "alert_rule_test": [check]}


def names(text: str) -> set[str]:
    """
    Return the metrics that PromQL names: what stands before braces.
    """
    return set(re.findall(r"([A-Za-z_:][A-Za-z0-9_:]*)\{", text))


def test_prometheus_understands_every_expression(rules: Object, newest: Chart, tmp_path: Path) -> None:
    """
    Those of the rules, with their templates, and those of the dashboard.
    """
    recorded = [
        {"record": f"panel:{number}", "expr": text} for number, text in enumerate(expressions(dashboard(newest)))
    ]
    whole = {"groups": [*rules["groups"], {"name": "dashboard", "rules": recorded}]}
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump(whole))
    fine, said = promtool(tmp_path, "check", "rules", "rules.yaml")
    assert fine, said
    assert f"SUCCESS: {len(ALERTS) + len(recorded)} rules found" in said


def test_expressions_speak_of_metrics_that_there_are(rules: Object, newest: Chart) -> None:
    """
    Each is exposed by the scaler, or by an exporter that the chart names.
    """
    used = names(yaml.safe_dump(rules, width=10_000)) | set().union(*map(names, expressions(dashboard(newest))))
    assert used - exposed() - ELSEWHERE == set()
    assert used >= ELSEWHERE


@pytest.mark.parametrize("alert", ALERTS)
def test_an_alert_waits_and_is_then_given(rules: Object, tmp_path: Path, alert: str) -> None:
    """
    A minute before its time there is none; afterwards there is.
    """
    samples, minutes = ALERTS[alert]
    fine, said = checked(tmp_path, rules, [quiet(alert, samples, minutes - 1)])
    assert fine, said
    fine, said = checked(tmp_path, rules, [quiet(alert, samples, minutes + 1)])
    assert not fine
    assert alert in said


def test_a_gpu_is_found_under_either_label(rules: Object, tmp_path: Path) -> None:
    """
    Where Prometheus honours the exporter's labels the pod's have no prefix.
    """
    samples = {f"DCGM_FI_DEV_FB_USED{{{PLAIN_GPU}}}": "96x120", f"DCGM_FI_DEV_FB_FREE{{{PLAIN_GPU}}}": "4x120"}
    fine, said = checked(tmp_path, rules, [quiet("AgentGpuMemoryNearlyFull", samples, 11)])
    assert not fine
    assert "AgentGpuMemoryNearlyFull" in said


def test_an_agent_that_is_well_is_left_alone(rules: Object, tmp_path: Path) -> None:
    """
    No alert at all in two hours, whatever its neighbour does.
    """
    tests = [quiet(alert, WELL, minute) for alert in ALERTS for minute in (1, 61, 119)]
    fine, said = checked(tmp_path, rules, tests)
    assert fine, said


def test_there_are_rules_only_for_what_there_is(newest: Chart) -> None:
    """
    None of GPUs without one, of claims without one, of push streams for Jobs.
    """

    def alerts(values: str) -> set[str]:
        (group,) = kind(newest.template(*given(values)), "PrometheusRule")["spec"]["groups"]
        return {each["alert"] for each in group["rules"]}

    assert alerts("prometheusRule.enabled: true") == {"AgentHeldTooLong", "AgentSourceDown", "AgentStreamMissing"}
    jobs = "{prometheusRule.enabled: true, keda.kind: ScaledJob, worker.enabled: false}"
    assert alerts(jobs) == {"AgentHeldTooLong", "AgentSourceDown"}


def test_rules_can_be_changed_and_left_out(newest: Chart) -> None:
    """
    Each by its name; further ones come along; labels are on all of the chart's own.
    """
    values = """
prometheusRule:
  enabled: true
  labels: {release: prometheus}
  alertLabels: {team: platform}
  rules: {heldTooLong: {enabled: false}, sourceDown: {for: 9m, severity: critical}}
  extraRules: [{alert: Mine, expr: vector(1)}]
"""
    found = kind(newest.template(*given(values)), "PrometheusRule")
    assert found["metadata"]["labels"]["release"] == "prometheus"
    rules = {each["alert"]: each for each in found["spec"]["groups"][0]["rules"]}
    assert rules.keys() == {"AgentSourceDown", "AgentStreamMissing", "Mine"}
    assert rules["AgentSourceDown"]["for"] == "9m"
    assert rules["AgentSourceDown"]["labels"] == {"severity": "critical", "team": "platform"}


def test_limits_can_be_changed(newest: Chart, tmp_path: Path) -> None:
    """
    The share of memory and of space.
    """
    changed = EVERYTHING.replace(
        "prometheusRule.enabled: true",
        "prometheusRule: {enabled: true, rules: {gpuMemory: {above: 0.5}, claimFillingUp: {below: 0.2}}}",
    )
    spec = kind(newest.template(*given(changed)), "PrometheusRule")["spec"]
    for alert in ("AgentGpuMemoryNearlyFull", "AgentModelClaimFillingUp"):
        fine, _ = checked(tmp_path, spec, [quiet(alert, WELL, 20)])
        assert not fine


def test_the_dashboard_is_this_agents(newest: Chart) -> None:
    """
    Labelled for Grafana, with an identity of its own, and only panels that have something to show.
    """
    page = dashboard(newest)
    assert page["title"] == "ai / ai-agent"
    assert page["uid"]
    assert all('"ai"' in text for text in expressions(page))
    assert all("needs" not in panel for panel in page["panels"])
    other = Chart(newest.helm, newest.path, release="ai-agent", namespace="elsewhere")
    assert dashboard(other)["uid"] != page["uid"]
    small = {panel["title"] for panel in dashboard(newest, "dashboard.enabled: true")["panels"]}
    assert small < {panel["title"] for panel in page["panels"]}
    assert not {"GPU memory", "Model volumes"} & small
    unscaled = "{dashboard.enabled: true, keda.enabled: false, scaler.enabled: false, worker.enabled: false}"
    assert [panel["title"] for panel in dashboard(newest, unscaled)["panels"]] == ["Replicas"]


def test_the_dashboard_goes_where_grafana_looks(newest: Chart) -> None:
    """
    To its namespace, with its annotations.
    """
    values = "dashboard: {enabled: true, namespace: grafana, annotations: {folder: agents}}"
    (found,) = (each for each in objects(newest.template(*given(values))) if "folder" in str(each["metadata"]))
    assert found["metadata"]["namespace"] == "grafana"
    assert found["metadata"]["labels"]["grafana_dashboard"] == "1"


@pytest.mark.parametrize(
    ("monitor", "endpoints"), [("ServiceMonitor", "endpoints"), ("PodMonitor", "podMetricsEndpoints")]
)
def test_prometheus_scrapes_the_agent(newest: Chart, monitor: str, endpoints: str) -> None:
    """
    By its Service or by its pods: the port's metrics, as often as asked for.
    """
    settings = """enabled: true, path: /m, interval: 15s, scrapeTimeout: 10s, labels: {release: prometheus},
        annotations: {team: platform}, relabelings: [{targetLabel: node, action: replace}],
        metricRelabelings: [{regex: 'python_.*', action: drop}]"""
    text = newest.template(*given(f"{monitor[0].lower()}{monitor[1:]}: {{{settings}}}"))
    found = kind(text, monitor)
    assert found["metadata"]["labels"]["release"] == "prometheus"
    assert found["metadata"]["annotations"]["team"] == "platform"
    (endpoint,) = found["spec"][endpoints]
    assert {"port": "http", "path": "/m", "interval": "15s", "scrapeTimeout": "10s"}.items() <= endpoint.items()
    assert endpoint["relabelings"][0]["targetLabel"] == "node"
    assert endpoint["metricRelabelings"][0]["action"] == "drop"
    labels = found["spec"]["selector"]["matchLabels"]
    picked = [pod for pod in pods(text) if selects(labels, pod)]
    assert [pod["metadata"]["labels"]["app.kubernetes.io/component"] for pod in picked] == ["agent"]
    assert [each["kind"] for each in objects(text) if each["kind"] == "Service" and selects(labels, each)] == [
        "Service"
    ]
