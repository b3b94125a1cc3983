"""
A scaler at work with a Prometheus that watches it by the chart's rules: what the test of both is made of.
"""

from __future__ import annotations

import asyncio
import json
import urllib.parse
import urllib.request
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager, suppress
from math import isfinite
from pathlib import Path
from typing import Any

from scaler.server.wire import externalscaler_pb2 as pb
from tests.servers.prometheus import SCRAPE_INTERVAL, PrometheusServer, scraping
from tests.servers.redis import RedisServer
from tests.service.conftest import HOLD, SHORT
from tests.service.process import Keda, ScalerProcess

MINE = {"namespace": "keda", "service": "agent-scaler"}
AT_ONCE = """
prometheusRule:
  enabled: true
  rules:
    down: {for: 3s}
    sourceDown: {for: 0s}
    undecided: {for: 0s}
    configurationRefused: {for: 0s}
    heldTooLong: {for: 0s}
    holdExpired: {for: 0s}
    slowReads: {for: 0s, above: 60}
    lateReads: {for: 0s, above: 60}
    slowWakes: {for: 0s, above: 60}
    streamMissing: {for: 0s}
"""
"""The chart's rules, with hardly any patience; how slow a busy machine is, is not tested here."""


class Watching:
    """
    A Prometheus that watches a scaler by the chart's rules.
    """

    def __init__(self, prometheus: PrometheusServer) -> None:
        self._url = prometheus.url

    def samples(self, expression: str) -> list[float]:
        """
        Return the finite values that an expression has now.
        """
        found = self._get("query", query=expression)["result"]
        return [value for value in (float(each["value"][1]) for each in found) if isfinite(value)]

    def given(self) -> dict[str, dict[str, str]]:
        """
        Return the alerts that are given, with their labels.
        """
        alerts = self._get("alerts")["alerts"]
        return {each["labels"]["alertname"]: each["labels"] for each in alerts if each["state"] == "firing"}

    def rules(self) -> list[dict[str, Any]]:
        """
        Return the rules as Prometheus has evaluated them.
        """
        return [rule for group in self._get("rules")["groups"] for rule in group["rules"]]

    def _get(self, path: str, **parameters: str) -> Any:
        query = urllib.parse.urlencode(parameters)
        with urllib.request.urlopen(f"{self._url}/api/v1/{path}?{query}", timeout=10) as answer:
            return json.load(answer)["data"]


def watched(addresses: Iterable[str], scaler: str, rules: Path) -> dict[str, Any]:
    """
    Return the configuration of a Prometheus that scrapes pages, and a scaler as its ServiceMonitor has it.
    """
    configuration = scraping(*addresses)
    job = {"job_name": "agent-scaler", "static_configs": [{"targets": [scaler], "labels": MINE}]}
    every = {**configuration["global"], "evaluation_interval": SCRAPE_INTERVAL, "scrape_timeout": SCRAPE_INTERVAL}
    configs = [*configuration["scrape_configs"], {**job, "scrape_interval": "1s", "scrape_timeout": "1s"}]
    return {"global": every, "scrape_configs": configs, "rule_files": [str(rules)]}


def document(redis: RedisServer, prometheus: str, busy: str) -> dict[str, Any]:
    """
    Return a document with all signals, and with a queue alone; a busy GPU holds for so long.
    """
    hold = {**HOLD, "gpu": busy}
    return {
        "connections": {
            "jobs": {"type": "redis", "addresses": [redis.address]},
            "metrics": {"type": "prometheus", "url": prometheus},
        },
        "policies": {
            "whole": {
                "hold": hold,
                "idleWindow": "1s",
                "queue": {"connection": "jobs", "type": "list", "processing": "$queue:processing", "target": 3},
                "requests": {"connection": "metrics", "query": "sum(gateway_rps)", "target": 5},
                "gpu": {"connection": "metrics", "target": 80},
            },
            "plain": {
                "hold": {**HOLD, "loading": "1s"},
                "idleWindow": "1s",
                "queue": {"connection": "jobs", "target": 3},
            },
        },
        "defaults": SHORT,
    }


def stands(scaler: ScalerProcess, **expected: str) -> Callable[[], bool]:
    """
    Return what tells whether any workload stands like that.
    """

    def ask() -> bool:
        workloads = json.loads(scaler.get("/v1/workloads"))["workloads"]
        return any(expected.items() <= workload.items() for workload in workloads)

    return ask


@asynccontextmanager
async def listening(client: Keda, ref: pb.ScaledObjectRef) -> AsyncIterator[None]:
    """
    Keep a push stream open, as KEDA does.
    """
    stream = client.stub.StreamIsActive(ref)

    async def listen() -> None:
        async for _ in stream:
            pass

    listener = asyncio.create_task(listen())
    try:
        yield
    finally:
        stream.cancel()
        with suppress(asyncio.CancelledError):
            await listener


@asynccontextmanager
async def polling(client: Keda, *refs: pb.ScaledObjectRef) -> AsyncIterator[None]:
    """
    Ask as KEDA's poll does, again and again.
    """

    async def poll() -> None:
        while True:
            for ref in refs:
                await client.stub.GetMetricSpec(ref, timeout=5)
                await client.outcome(ref)
            await asyncio.sleep(0.2)

    poller = asyncio.create_task(poll())
    try:
        yield
    finally:
        poller.cancel()
        with suppress(asyncio.CancelledError):
            await poller
