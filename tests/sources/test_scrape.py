"""
Scraping: the contract, over pages whose counters run on a clock that the test can set forward.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from scaler.settings.connections import ScrapeConnection
from scaler.sources.base import Source
from scaler.sources.questions import GpuFleet, Question, RabbitQueue, ScrapedRate
from scaler.sources.scrape import ScrapeSource
from tests.sources.contract import POD, SourceContract, SourceWorld
from tests.sources.dcgm_pages import GpuPage
from tests.sources.http_server import HttpServer

RATES = tuple(ScrapedRate("pages", "requests_total", (("model", model),)) for model in ("a", "b"))
GPUS = GpuFleet("pages")


class ScrapeWorld(SourceWorld):
    """
    A page with two counters that grow at the rates they were told, and a GPU.

    A rate that is changed has been so for a minute, so that the window before is past.
    """

    questions = (*RATES, GPUS)
    foreign = RabbitQueue("pages", "jobs")
    absurd = (float("nan"), float("inf"), -1.0)
    tolerance = 0.5

    def __init__(self) -> None:
        self.server = HttpServer(self._show)
        self.host = self.server.host
        self._ahead = 0.0
        self._since = self._now()
        self._numbers: dict[Question, float] = dict.fromkeys(self.questions, 0.0)
        self._counts: dict[Question, float] = dict.fromkeys(RATES, 100.0)

    def source(self) -> Source:
        """
        Return a source on the world's clock.
        """
        settings = ScrapeConnection.of({"type": "scrape", "urls": [f"{self.server.url}/metrics"]})
        return ScrapeSource("pages", settings, clock=self._now)

    async def put(self, question: Question, number: float) -> None:
        """
        Change a rate (or show a count that is none), and let a minute pass.
        """
        self._counts = {rate: self._count(rate) for rate in RATES}
        self._since = self._now()
        self._numbers[question] = number
        self._ahead += 60

    async def spoil(self, question: Question) -> None:
        """
        Show a count that is none.
        """
        await self.put(question, float("nan"))

    async def stop(self) -> None:
        """
        Refuse connections.
        """
        await self.server.stop()

    async def start(self) -> None:
        """
        Serve on the same port.
        """
        await self.server.start()

    async def hang(self) -> None:
        """
        Take requests and say nothing.
        """
        self.server.hang()

    async def resume(self) -> None:
        """
        Speak again.
        """
        self.server.resume()

    def _now(self) -> float:
        return time.monotonic() + self._ahead

    def _count(self, question: Question) -> float:
        rate = self._numbers[question]
        return self._counts[question] + rate * (self._now() - self._since) if 0 <= rate < float("inf") else 0.0

    def _shown(self, question: Question) -> float:
        rate = self._numbers[question]
        return self._count(question) if 0 <= rate < float("inf") else rate

    async def _show(self, _: web.Request) -> web.Response:
        first, second = RATES
        lines = [
            "# HELP requests_total Requests.",
            "# TYPE requests_total counter",
            f'requests_total{{model="a",code="200"}} {self._shown(first)}',
            f'requests_total{{model="b",code="200"}} {self._shown(second)}',
            GpuPage().gpu(0, POD, util=self._numbers[GPUS]).text,
        ]
        return web.Response(text="\n".join(lines))


class TestScrapeSource(SourceContract):
    """
    Scraped pages keep the contract.
    """

    @pytest.fixture
    async def world(self) -> AsyncIterator[ScrapeWorld]:
        """
        Serve a page while the test lasts.
        """
        world = ScrapeWorld()
        await world.start()
        yield world
        await world.stop()
