"""
What Prometheus is told to scrape and to watch for: expressions that it understands, over metrics that there are.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.chart.charts import SCALER, given
from tests.chart.helm import Chart
from tests.chart.promtool import promtool
from tests.chart.rendered import kind
from tests.server.documentation import exposed

MINE = 'namespace="keda",service="agent-scaler"'
WORKLOAD = f'{MINE},scaledobject_namespace="ai",scaledobject="agent"'

READS = f'source_read_latency_seconds_bucket{{{MINE},connection="jobs"'
LATE = f'source_read_lateness_seconds_bucket{{{MINE},connection="jobs"'
WAKES = f"wake_latency_seconds_bucket{{{MINE}"
STREAMS = f'streams_open{{{MINE},method="StreamIsActive"}}'


def longer(series: str, bound: str) -> dict[str, str]:
    """
    Return the buckets of a histogram of which one in five takes longer than a bound, ten a minute.
    """
    return {
        f'{series},le="{bound}"}}': "0+8x120",
        f'{series},le="60"}}': "0+10x120",
        f'{series},le="+Inf"}}': "0+10x120",
    }


def shorter(series: str, bound: str) -> dict[str, str]:
    """
    Return the buckets of one of which none does.
    """
    return {f'{series},le="{bound}"}}': "0+10x120", f'{series},le="+Inf"}}': "0+10x120"}


ALERTS = {
    "AgentScalerDown": ({}, 2),
    "AgentScalerSourceDown": ({f'source_up{{{MINE},connection="jobs"}}': "0x120"}, 5),
    "AgentScalerUndecided": ({f'workload_reason{{{WORKLOAD},reason="unknown"}}': "1x120"}, 10),
    "AgentScalerConfigurationRefused": ({f"configuration_errors{{{MINE}}}": "2x120"}, 1),
    "AgentScalerCertificateRefused": ({f"certificate_reload_failures_total{{{MINE}}}": "0x4 1x120"}, 6),
    "AgentScalerHeldTooLong": ({f'workload_phase{{{WORKLOAD},phase="holding"}}': "1x120"}, 60),
    "AgentScalerHoldExpired": ({f'workload_hold_expired_age_seconds{{{WORKLOAD},hold="gpu"}}': "_x4 0+60x120"}, 5),
    "AgentScalerSlowReads": (longer(READS, "1.0"), 16),
    "AgentScalerLateReads": (longer(LATE, "0.5"), 16),
    "AgentScalerSlowWakes": (longer(WAKES, "1.0"), 6),
    "AgentScalerStreamMissing": ({STREAMS: "1x120", f"workloads{{{MINE}}}": "2x120"}, 15),
}
"""Series that set off each alert, and after how many minutes."""

WELL = {
    f"workloads{{{MINE}}}": "1x120",
    STREAMS: "1x120",
    f'streams_open{{{MINE},method="StreamMetricSpec"}}': "0x120",
    f'source_up{{{MINE},connection="jobs"}}': "1x120",
    f"configuration_errors{{{MINE}}}": "0x120",
    f"certificate_reload_failures_total{{{MINE}}}": "0x120",
    f'workload_phase{{{WORKLOAD},phase="active"}}': "1x120",
    f'workload_reason{{{WORKLOAD},reason="demand"}}': "1x120",
    f'workload_hold_expired_age_seconds{{{WORKLOAD},hold="gpu"}}': "1800+60x120",
    **shorter(READS, "1.0"),
    **shorter(LATE, "0.5"),
    **shorter(WAKES, "1.0"),
}
"""A scaler with nothing to complain of."""

SAID = {
    "AgentScalerSourceDown": "The connection jobs does not answer",
    "AgentScalerUndecided": "Nothing can be decided about ai/agent",
    "AgentScalerHeldTooLong": "ai/agent is held without demand",
    "AgentScalerHoldExpired": "The hold (gpu) of ai/agent reached its bound",
    "AgentScalerSlowReads": "Reading the connection jobs takes 30.5s",
    "AgentScalerLateReads": "The scaler begins its reads 30.25s late",
    "AgentScalerSlowWakes": "Waking takes 30.5s from the reading to the push",
}
"""What is said of what."""


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
    used = set(re.findall(r"gpu_agent_scaler_\w+", yaml.safe_dump(rules)))
    assert used
    assert used - exposed() == set()


def test_each_alert_is_silent_just_below_its_limit(newest: Chart, tmp_path: Path) -> None:
    """
    What is slow is a value: with a higher one nobody is woken for the same series.
    """
    higher = "{slowReads: {above: 40}, lateReads: {above: 40}, slowWakes: {above: 40}}"
    values = given(f"prometheusRule: {{enabled: true, rules: {higher}}}")
    spec = kind(newest.template(*values), "PrometheusRule")["spec"]
    slow = ("AgentScalerSlowReads", "AgentScalerLateReads", "AgentScalerSlowWakes")
    tests = [asked(alert, ALERTS[alert][0], minute) for alert in slow for minute in (20, 60)]
    fine, said = promtool(written(tmp_path, spec, tests), "test", "rules", "tests.yaml")
    assert fine, said


def test_every_alert_has_its_page(newest: Chart, rules: dict[str, Any]) -> None:
    """
    ALERTS.md has a part for each, and none for what is not there; with its address every alert links to its own.
    """
    text = (newest.path / "ALERTS.md").read_text(encoding="utf-8")
    parts = dict(re.findall(r"^## (\w+)\n\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL))
    alerts = [rule["alert"] for rule in rules["groups"][0]["rules"]]
    assert sorted(parts) == sorted(alerts) == sorted(ALERTS)
    assert all(part.startswith("**") and len(part) > 150 for part in parts.values())
    assert all("runbook_url" not in rule["annotations"] for rule in rules["groups"][0]["rules"])
    values = "prometheusRule: {enabled: true, runbookUrl: 'https://git.example.com/ALERTS.md'}"
    linked = kind(newest.template(*given(values)), "PrometheusRule")["spec"]["groups"][0]["rules"]
    assert {rule["annotations"]["runbook_url"].partition("#")[2] for rule in linked} == set(map(str.lower, parts))


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
    assert SAID.get(alert, "") in said


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
