"""
What Prometheus is told to scrape and to watch for: expressions that it understands, over metrics that there are.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import CollectorRegistry, generate_latest

from scaler.server.metrics import Exposition, Snapshot
from tests.chart.charts import SCALER, given
from tests.chart.helm import Chart
from tests.chart.promtool import promtool
from tests.chart.rendered import kind
from tests.server.showing import StagedViews, shown
from tests.server.test_metrics import TRAFFIC

MINE = 'namespace="keda",service="agent-scaler"'
WORKLOAD = f'{MINE},scaledobject_namespace="ai",scaledobject="agent"'

ALERTS = {
    "AgentScalerDown": ({}, 5),
    "AgentScalerSourceDown": ({f'source_up{{{MINE},connection="jobs"}}': "0x120"}, 5),
    "AgentScalerConfigurationRefused": ({f"configuration_errors{{{MINE}}}": "2x120"}, 1),
    "AgentScalerCertificateRefused": ({f"certificate_reload_failures_total{{{MINE}}}": "0x4 1x120"}, 6),
    "AgentScalerHeldTooLong": ({f'workload_phase{{{WORKLOAD},phase="holding"}}': "1x120"}, 60),
    "AgentScalerHoldExpired": ({f'holds_expired_total{{{MINE},hold="gpu"}}': "0x4 1x120"}, 6),
    "AgentScalerStreamMissing": ({f"streams_open{{{MINE}}}": "1x120", f"workloads{{{MINE}}}": "2x120"}, 15),
}
"""Series that set off each alert, and after how many minutes."""

WELL = {
    f"workloads{{{MINE}}}": "1x120",
    f"streams_open{{{MINE}}}": "2x120",
    f'source_up{{{MINE},connection="jobs"}}': "1x120",
    f"configuration_errors{{{MINE}}}": "0x120",
    f"certificate_reload_failures_total{{{MINE}}}": "0x120",
    f'workload_phase{{{WORKLOAD},phase="active"}}': "1x120",
    f'holds_expired_total{{{MINE},hold="gpu"}}': "3x120",
}
"""A scaler with nothing to complain of."""


@pytest.fixture(scope="module")
def rules(newest: Chart) -> dict[str, Any]:
    """
    The rules, as Prometheus reads them.
    """
    spec: dict[str, Any] = kind(newest.template(*given("prometheusRule.enabled: true")), "PrometheusRule")["spec"]
    return spec


def written(folder: Path, rules: dict[str, Any], tests: list[dict[str, Any]]) -> Path:
    """
    Write rules and their tests to a folder, and return it.
    """
    (folder / "rules.yaml").write_text(yaml.safe_dump(rules))
    (folder / "tests.yaml").write_text(yaml.safe_dump({"rule_files": ["rules.yaml"], "tests": tests}))
    return folder


def series(samples: dict[str, str]) -> list[dict[str, str]]:
    """
    Return a test's series, one sample a minute.
    """
    return [{"series": f"gpu_agent_scaler_{name}", "values": values} for name, values in samples.items()]


def asked(alert: str, samples: dict[str, str], minute: int) -> dict[str, Any]:
    """
    Return a test that expects nothing of an alert at a minute.
    """
    check = {"eval_time": f"{minute}m", "alertname": alert, "exp_alerts": []}
    return {"interval": "1m", "input_series": series(samples), "alert_rule_test": [check]}


def test_prometheus_understands_the_rules(rules: dict[str, Any], tmp_path: Path) -> None:
    """
    Every expression and every template.
    """
    fine, said = promtool(written(tmp_path, rules, []), "check", "rules", "rules.yaml")
    assert fine, said
    assert f"SUCCESS: {len(ALERTS)} rules found" in said


def test_the_rules_speak_of_metrics_that_there_are(rules: dict[str, Any]) -> None:
    """
    Every name in an expression is one that the scaler exposes.
    """
    page = generate_latest(
        Exposition(Snapshot.take(StagedViews(known=[shown()]), TRAFFIC), CollectorRegistry())
    ).decode()
    exposed = set(re.findall(r"^# TYPE (\S+)", page, re.MULTILINE))
    used = set(re.findall(r"gpu_agent_scaler_\w+", yaml.safe_dump(rules)))
    assert used
    assert used - exposed == set()


@pytest.mark.parametrize("alert", ALERTS)
def test_an_alert_waits_and_is_then_given(rules: dict[str, Any], tmp_path: Path, alert: str) -> None:
    """
    A minute before its time there is none; afterwards there is.
    """
    samples, minutes = ALERTS[alert]
    early = asked(alert, samples, minutes - 1)
    fine, said = promtool(written(tmp_path, rules, [early]), "test", "rules", "tests.yaml")
    assert fine, said
    late = asked(alert, samples, minutes + 1)
    fine, said = promtool(written(tmp_path, rules, [late]), "test", "rules", "tests.yaml")
    assert not fine
    assert alert in said
    assert "severity" in said


def test_a_scaler_that_is_well_is_left_alone(rules: dict[str, Any], tmp_path: Path) -> None:
    """
    No alert at all in two hours.
    """
    tests = [asked(alert, WELL, minute) for alert in ALERTS for minute in (1, 30, 119)]
    fine, said = promtool(written(tmp_path, rules, tests), "test", "rules", "tests.yaml")
    assert fine, said


def test_rules_can_be_changed_and_left_out(newest: Chart) -> None:
    """
    Each by its name; further ones come along, and labels are on all of the chart's own.
    """
    text = newest.template(*SCALER.file("monitoring"), *given("prometheusRule.rules.down.enabled: false"))
    found = {each["alert"]: each for each in kind(text, "PrometheusRule")["spec"]["groups"][0]["rules"]}
    assert found.keys() == ALERTS.keys() - {"AgentScalerDown"} | {"NothingWatched"}
    changed = found["AgentScalerStreamMissing"]
    assert changed["for"] == "30m"
    assert changed["labels"] == {"severity": "info", "team": "platform"}
    assert kind(text, "PrometheusRule")["metadata"]["labels"]["release"] == "prometheus"


def test_prometheus_scrapes_the_service(newest: Chart) -> None:
    """
    The HTTP port's metrics, as often as asked for.
    """
    monitor = kind(newest.template(*SCALER.file("monitoring")), "ServiceMonitor")
    (endpoint,) = monitor["spec"]["endpoints"]
    assert {"port": "http", "path": "/metrics", "interval": "15s", "scrapeTimeout": "10s"}.items() <= endpoint.items()
    assert endpoint["relabelings"][0]["targetLabel"] == "node"
    assert endpoint["metricRelabelings"][0]["action"] == "drop"
    assert monitor["metadata"]["labels"]["release"] == "prometheus"
