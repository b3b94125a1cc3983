"""
A real Prometheus scrapes a real scaler: every panel shows something, every alert is given when it should be, no other.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from tests.chart.charts import given
from tests.chart.helm import Chart
from tests.chart.rendered import kind
from tests.chart.scaler.panels import dashboard, targets
from tests.chart.scaler.watching import AT_ONCE, Watching, document, listening, polling, stands, watched
from tests.servers.fixtures import StartPrometheus
from tests.servers.prometheus import MetricsPage
from tests.servers.redis import RedisServer
from tests.service.conftest import gpus
from tests.service.process import ScalerProcess, eventually, keda, scaled_object

pytestmark = pytest.mark.timeout(240)

AGENT = scaled_object("agent", policy="whole", queue="jobs")
QUIET = "gateway_rps 0\n"
NEVER_HERE = {
    "AgentScalerCertificateRefused",
    "AgentScalerSlowReads",
    "AgentScalerLateReads",
    "AgentScalerSlowWakes",
}
"""What is not staged here: how it is given, the rules' own tests show."""

Start = Callable[[str], tuple[ScalerProcess, Watching]]


@pytest.fixture
def start(
    newest: Chart, redis: RedisServer, start_prometheus: StartPrometheus, metrics_page: MetricsPage, tmp_path: Path
) -> Start:
    """
    A function that makes a scaler, not yet started, and a Prometheus that scrapes it, and a page that the scaler reads.
    """
    rules = tmp_path / "rules.yaml"
    rules.write_text(yaml.safe_dump(kind(newest.template(*given(AT_ONCE)), "PrometheusRule")["spec"]))

    def made(busy: str) -> tuple[ScalerProcess, Watching]:
        metrics_page.text = QUIET
        scaler = ScalerProcess(tmp_path, {})
        address = f"127.0.0.1:{scaler.http_port}"
        prometheus = start_prometheus(watched([metrics_page.address], address, rules))
        scaler.configure(document(redis, prometheus.url, busy))
        return scaler, Watching(prometheus)

    return made


async def test_every_panel_shows_something(
    newest: Chart, start: Start, redis: RedisServer, metrics_page: MetricsPage
) -> None:
    """
    Each expression has had a number once a workload has slept, was woken over its stream, worked and was held.

    Prometheus can evaluate each rule, and nobody is alarmed while all is well.
    """
    made, watching = await asyncio.to_thread(start, "60s")
    asked = targets(dashboard(newest), interval="10s")
    silent = dict.fromkeys(asked)

    def all_shown() -> bool:
        for title, expression in list(silent):
            if watching.samples(expression):
                del silent[title, expression]
        return not silent

    with redis.client() as client, made as scaler:
        async with keda(scaler) as caller, polling(caller, AGENT), listening(caller, AGENT):
            await eventually(stands(scaler, phase="idle"))
            await eventually(lambda: not watching.given())
            client.lpush("jobs", *range(9))
            await eventually(stands(scaler, phase="waking"))
            metrics_page.text = "gateway_rps 15\n" + gpus(90, 90, 90)
            await eventually(stands(scaler, phase="active"))
            await eventually(lambda: watching.samples("gpu_agent_scaler_gpu_utilization_ratio") == [2.7])
            await eventually(lambda: not watching.given())
            await asyncio.to_thread(all_shown)
            client.delete("jobs")
            metrics_page.text = QUIET + gpus(90, 90, 90)
            await eventually(stands(scaler, reason="gpu-busy"))
            await eventually(all_shown, within=45)
            rules = watching.rules()
            assert {rule["health"] for rule in rules} == {"ok"}, rules
            for rule in rules:
                if rule["name"] in NEVER_HERE:
                    assert watching.samples(re.sub(r" > [\d.]+$", "", rule["query"])), rule["query"]


async def test_every_alert_is_given_when_it_should_be(
    start: Start, redis: RedisServer, metrics_page: MetricsPage
) -> None:
    """
    All is well and silent; then one trouble after the other, each with its alert, and no alert without its trouble.
    """
    made, watching = await asyncio.to_thread(start, "3s")
    seen: set[str] = set()

    def alarmed(alert: str, **labels: str) -> Callable[[], bool]:
        def look() -> bool:
            given = watching.given()
            seen.update(given)
            return alert in given and labels.items() <= given[alert].items()

        return look

    who = {"scaledobject_namespace": "ai", "scaledobject": "agent"}
    with made as scaler:
        async with keda(scaler) as caller, polling(caller, AGENT):
            await eventually(alarmed("AgentScalerStreamMissing"))
            async with listening(caller, AGENT):
                await eventually(lambda: not watching.given())
                seen.clear()
                metrics_page.text = QUIET + gpus(90)
                with redis.client() as client:
                    client.lpush("jobs", "work")
                    await eventually(stands(scaler, phase="active"))
                    client.delete("jobs")
                await eventually(alarmed("AgentScalerHeldTooLong", **who))
                await eventually(alarmed("AgentScalerHoldExpired", hold="gpu", **who))
                assert seen == {"AgentScalerHeldTooLong", "AgentScalerHoldExpired"}
                good = scaler.config.read_text()
                scaler.configure("policies: 3")
                await eventually(alarmed("AgentScalerConfigurationRefused"))
                scaler.configure(good)
                await eventually(lambda: "AgentScalerConfigurationRefused" not in watching.given())
                await asyncio.to_thread(redis.stop)
                await eventually(alarmed("AgentScalerSourceDown", connection="jobs"))
                await eventually(alarmed("AgentScalerUndecided", **who))
                await asyncio.to_thread(redis.start)
                await eventually(lambda: not {"AgentScalerSourceDown", "AgentScalerUndecided"} & set(watching.given()))
        scaler.kill()
        await eventually(alarmed("AgentScalerDown"))
    everything = {rule["name"] for rule in watching.rules()}
    assert seen | {"AgentScalerStreamMissing"} == everything - NEVER_HERE
