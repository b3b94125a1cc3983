"""
Prometheus: request rates by PromQL, and the GPUs that DCGM's exporter reported to it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from scaler.domain.pods import Fleet
from scaler.domain.readings import RequestRate
from scaler.settings.connections import PrometheusConnection
from scaler.sources.base import ALL_TOGETHER, NO_SERIES, Answer, Answers, SourceError
from scaler.sources.dcgm import LABELS, METRICS, OUT_OF_DATE, fleet_of
from scaler.sources.promql import PromQl, UnreachableError
from scaler.sources.questions import GpuFleet, PromRate, Question
from scaler.sources.sentences import one_line
from scaler.sources.series import Series, SeriesTable

OLDEST_SAMPLE = 150
"""
Seconds after which a GPU's last sample is not believed any more.

Prometheus ends a series as soon as its target is gone. But one that was written to it from elsewhere (by an agent, to
Mimir or Thanos) lives on for five minutes after its writer died, and could show an idle GPU that is computing again.
This is two and a half of Prometheus's default scrape intervals, so that the real one need not be known.
"""

_TAG = "dcgm"
_Query = PromRate | GpuFleet  # a question for many: without what picks one workload's part
_Result = SeriesTable | Fleet | SourceError
_THREADS = 4  # more are not faster, as they share the interpreter; the event loop would wait for its turn among them


class PrometheusSource:
    """
    Asks one Prometheus, or what speaks its query API (Thanos, Mimir, VictoriaMetrics).

    Queries run side by side in a few threads, because the client library blocks; equal ones run once a read.
    """

    portion = ALL_TOGETHER
    close_interval = 1.0  # answers change when Prometheus scrapes, which is seldom more often

    def __init__(self, name: str, settings: PrometheusConnection) -> None:
        self._timeout = settings.timeout
        self._gpu_query = gpu_query(settings.gpuSelector)
        self._promql = PromQl(settings)
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix=f"prometheus-{name}")

    async def read(self, questions: Sequence[Question]) -> Answers:
        """
        Answer all questions, with one query for each distinct text.

        Raises:
            SourceError: none of the queries could be asked.
        """
        queries = {question: _query(question) for question in questions}
        wanted = list(dict.fromkeys(query for query in queries.values() if query is not None))
        deadline = time.monotonic() + self._timeout
        results = await asyncio.gather(*(self._ask(query, deadline) for query in wanted))
        unreachable = [result for result in results if isinstance(result, UnreachableError)]
        if unreachable and len(unreachable) == len(results):
            raise unreachable[0]
        known: Mapping[_Query | None, _Result] = dict(zip(wanted, results, strict=True))
        return {question: _answer(question, known.get(query)) for question, query in queries.items()}

    def watcher(self) -> None:
        """
        Return no watcher: Prometheus announces nothing.
        """

    async def probe(self) -> str:
        """
        Say which server it is, and of how many pods DCGM told it.

        Raises:
            SourceError: it could not be reached.
        """
        loop = asyncio.get_running_loop()
        version = await loop.run_in_executor(self._threads, self._promql.version, self._timeout)
        fleet = await loop.run_in_executor(self._threads, self._fleet, self._timeout)
        return f"{version}, with DCGM series of {len(fleet.names)} pods"

    async def aclose(self) -> None:
        """
        Close all connections; queries under way end by their own deadline, unheard.
        """
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._promql.close()

    async def _ask(self, query: _Query, deadline: float) -> _Result:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, self._result, query, deadline)
        except SourceError as error:
            return error

    def _result(self, query: _Query, deadline: float) -> SeriesTable | Fleet:
        # A query that waited for a thread has less time left; a millisecond is refused like a server that is down.
        seconds = max(deadline - time.monotonic(), 0.001)
        if isinstance(query, PromRate):
            return SeriesTable(self._promql.query(query.query, _subject(query), seconds))
        return self._fleet(seconds)

    def _fleet(self, seconds: float) -> Fleet:
        vector = self._promql.query(self._gpu_query, "the DCGM query", seconds)
        return fleet_of(Series(one.labels[_TAG], one.labels, one.value) for one in vector)


def gpu_query(selector: str) -> str:
    """
    Return the one query for the GPUs of everybody, with more label matchers if given.

    Series are reduced to the labels that matter, so that pairs of Prometheus replicas fall together (the higher value
    stays). Each is tagged with its metric, because comparing and multiplying drop the name. A sample that is too old
    does not vanish, which could look like one GPU less: it is replaced by `OUT_OF_DATE`.
    """
    parts = []
    for metric in METRICS:
        series = f"{metric}{{{selector}}}"
        fresh = f"{series} and time() - timestamp({series}) <= {OLDEST_SAMPLE}"
        value = f"max by ({', '.join(LABELS)}) ({fresh} or {series} * 0 + {OUT_OF_DATE:g})"
        parts.append(f'label_replace({value}, "{_TAG}", "{metric}", "", "")')
    return " or ".join(parts)


def _query(question: Question) -> _Query | None:
    match question:
        case PromRate():
            return replace(question, match=())
        case GpuFleet():
            return question
        case _:
            return None


def _answer(question: Question, result: _Result | None) -> Answer:
    match question, result:
        case PromRate(), SeriesTable():
            return _rate(question, result.matching(question.match))
        case _, Fleet() | SourceError():
            return result
        case _:
            return SourceError(f"a connection to Prometheus cannot answer a question of type {type(question).__name__}")


def _rate(question: PromRate, series: Sequence[Series]) -> Answer:
    if not series:
        return NO_SERIES
    if len(series) > 1:
        return SourceError(
            f"{_subject(question)} yields {len(series)} series where one was asked for: aggregate with sum(...)"
        )
    try:
        return RequestRate(series[0].value)
    except ValueError:
        return SourceError(f"{_subject(question)} says {series[0].value:g}, which is no rate")


def _subject(query: PromRate) -> str:
    return f"the query {one_line(query.query, 100)}"
