"""
A real Prometheus that is told what it knows through the page that it scrapes.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import time
import urllib.request
from urllib.parse import urlencode

from scaler.settings.connections import PrometheusConnection
from tests.servers.prometheus import MetricsPage, PrometheusServer

_PATIENCE = 30.0


def connection(url: str, **more: object) -> PrometheusConnection:
    """
    Return settings as they come out of a document.
    """
    return PrometheusConnection.of({"type": "prometheus", "url": url, **more})


class ToldPrometheus:
    """
    Shows text to a Prometheus and waits until it has taken it in.
    """

    _marks = itertools.count(1)

    def __init__(self, server: PrometheusServer, page: MetricsPage) -> None:
        self.server = server
        self.page = page

    async def tell(self, text: str) -> None:
        """
        Put a text on the page; return when queries see it.
        """
        mark = next(self._marks)
        self.page.text = f"{text}\ntold_mark {mark}\n"
        deadline = time.monotonic() + _PATIENCE
        while await asyncio.to_thread(self._mark) != mark:
            assert time.monotonic() < deadline, "Prometheus did not scrape the page"
            await asyncio.sleep(0.05)

    def _mark(self) -> float:
        query = urlencode({"query": "told_mark"})
        with urllib.request.urlopen(f"{self.server.url}/api/v1/query?{query}", timeout=5) as answer:
            result = json.load(answer)["data"]["result"]
        return float(result[0]["value"][1]) if result else 0.0
