"""
Prometheus: request rates, from a real one that scrapes the test's own page.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator

import pytest

from scaler.domain.readings import RequestRate
from scaler.sources.base import NO_SERIES, Answer, Source, SourceError
from scaler.sources.prometheus import PrometheusSource
from scaler.sources.questions import PromRate, Question, RabbitQueue
from tests.servers.prometheus import MetricsPage, PrometheusServer
from tests.sources.contract import SourceContract, SourceWorld
from tests.sources.prometheus_world import ToldPrometheus, connection


class PrometheusWorld(SourceWorld):
    """
    Two gauges, each asked for by a query of its own.
    """

    questions = (PromRate("prom", "sum(contract_a)"), PromRate("prom", "contract_b"))
    foreign = RabbitQueue("prom", "jobs")
    absurd = (float("nan"), float("inf"), -1.0)

    def __init__(self, server: PrometheusServer, page: MetricsPage) -> None:
        self.host = server.url.removeprefix("http://")
        self._server = server
        self._told = ToldPrometheus(server, page)
        self._numbers: dict[Question, float] = dict.fromkeys(self.questions, 0.0)

    def source(self) -> Source:
        """
        Return a source without credentials.
        """
        return PrometheusSource("prom", connection(self._server.url))

    async def put(self, question: Question, number: float) -> None:
        """
        Show both numbers.
        """
        self._numbers[question] = number
        first, second = self._numbers.values()
        await self._told.tell(f"contract_a {first}\ncontract_b {second}")

    async def spoil(self, question: Question) -> None:
        """
        Let it divide nothing by nothing.
        """
        await self.put(question, float("nan"))

    async def stop(self) -> None:
        """
        Kill it.
        """
        await asyncio.to_thread(self._server.stop)

    async def start(self) -> None:
        """
        Start it again on the same port.
        """
        await asyncio.to_thread(self._server.restore)

    async def hang(self) -> None:
        """
        Freeze it.
        """
        await asyncio.to_thread(self._server.pause)

    async def resume(self) -> None:
        """
        Let it go on.
        """
        await asyncio.to_thread(self._server.resume)


class TestPrometheusSource(SourceContract):
    """
    A real Prometheus keeps the contract.
    """

    @pytest.fixture
    async def world(self, prometheus: PrometheusServer, metrics_page: MetricsPage) -> PrometheusWorld:
        """
        Take the server that the tests share.
        """
        return PrometheusWorld(prometheus, metrics_page)


@pytest.fixture
async def told(prometheus: PrometheusServer, metrics_page: MetricsPage) -> ToldPrometheus:
    """
    Make a Prometheus that is told what it knows.
    """
    return ToldPrometheus(prometheus, metrics_page)


@pytest.fixture
async def source(prometheus: PrometheusServer) -> AsyncIterator[Source]:
    """
    Make a source that looks at it.
    """
    source = PrometheusSource("prom", connection(prometheus.url))
    yield source
    await source.aclose()


async def ask(source: Source, query: str, **match: str) -> Answer:
    """
    Ask one rate.
    """
    question = PromRate("prom", query, tuple(match.items()))
    return (await source.read([question]))[question]


async def refusal(source: Source, query: str, **match: str) -> str:
    """
    Return the trouble that a query is.
    """
    answer = await ask(source, query, **match)
    assert isinstance(answer, SourceError), answer
    return str(answer)


async def test_a_grouped_query_serves_many_workloads(told: ToldPrometheus, source: Source) -> None:
    """
    One query by model; each workload picks its own series by its labels, and one without a series is told so.
    """
    await told.tell('grouped{model="a",zone="1"} 3\ngrouped{model="b",zone="1"} 4\ngrouped{model="b",zone="2"} 5')
    query = "sum by (model) (grouped)"
    one, two, none = (PromRate("prom", query, (("model", model),)) for model in ("a", "b", "c"))
    answers = await source.read([one, two, none])
    assert answers == {one: RequestRate(3), two: RequestRate(9), none: NO_SERIES}
    assert await ask(source, "grouped", model="b", zone="2") == RequestRate(5)


async def test_two_series_where_one_was_asked_for_are_trouble(told: ToldPrometheus, source: Source) -> None:
    """
    No series is picked by chance: the sentence says what to write instead.
    """
    await told.tell('twins{pod="a"} 3\ntwins{pod="b"} 4')
    assert await refusal(source, "twins") == (
        "the query twins yields 2 series where one was asked for: aggregate with sum(...)"
    )
    assert "aggregate" in await refusal(source, "twins", job="test")
    assert await ask(source, "twins", pod="a") == RequestRate(3)


async def test_an_empty_vector_is_no_series(source: Source) -> None:
    """
    Nothing there is neither zero nor trouble.
    """
    assert await ask(source, "sum(rate(never_heard_of[1m]))") == NO_SERIES


async def test_a_scalar_is_as_good_as_one_series(source: Source) -> None:
    """
    A query that yields a bare number is understood.
    """
    assert await ask(source, "scalar(vector(2)) + 0.5") == RequestRate(2.5)


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        pytest.param("sum(", "parse error", id="typo"),
        pytest.param("up[1m]", "yields a matrix", id="matrix"),
        pytest.param('"text"', "yields a string", id="string"),
        pytest.param("vector(0) / 0", "says nan, which is no rate", id="nan"),
        pytest.param("vector(1) / 0", "says inf, which is no rate", id="infinity"),
        pytest.param("vector(-0.5)", "says -0.5, which is no rate", id="negative"),
        pytest.param("label_replace(vector(1), '-', '', '', '')", "invalid", id="execution"),
    ],
)
async def test_trouble_says_what_is_wrong(source: Source, query: str, sentence: str) -> None:
    """
    What cannot be a rate is trouble with this query, in Prometheus's own words where it has some.
    """
    assert sentence in await refusal(source, query)


async def test_the_probe_names_the_version(source: Source) -> None:
    """
    The probe says what answers, and how many pods DCGM reported to it.
    """
    assert re.fullmatch(r"Prometheus \d+\.\S+, with DCGM series of \d+ pods", await source.probe())
