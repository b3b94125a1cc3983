"""
Prometheus: request rates by PromQL, and the GPUs that DCGM's exporter reported to it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from scaler.domain.pods import Fleet
from scaler.domain.readings import RequestRate
from scaler.settings.connections import PrometheusConnection
from scaler.sources.base import NO_SERIES, Answer, Answers, SourceError
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
_THREADS = 4  # more are not faster, as they share the interpreter; the event loop would wait for its turn among them


class PrometheusSource:
    """
    Asks one Prometheus, or what speaks its query API (Thanos, Mimir, VictoriaMetrics).

    Queries run side by side in a few threads, because the client library blocks; equal ones run once a read.
    """

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
        texts = {question: self._text(question) for question in questions}
        wanted = list(dict.fromkeys(text for text in texts.values() if text is not None))
        deadline = time.monotonic() + self._timeout
        results = await asyncio.gather(*(self._ask(text, deadline) for text in wanted))
        unreachable = [result for result in results if isinstance(result, UnreachableError)]
        if unreachable and len(unreachable) == len(results):
            raise unreachable[0]
        vectors: Mapping[str | None, SeriesTable | SourceError] = dict(zip(wanted, results, strict=True))
        return {question: _answer(question, vectors.get(text)) for question, text in texts.items()}

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
        vector = await self._ask(self._gpu_query, time.monotonic() + self._timeout)
        if isinstance(vector, SourceError):
            raise vector
        return f"{version}, with DCGM series of {len(_fleet(vector).names)} pods"

    async def aclose(self) -> None:
        """
        Close all connections; queries under way end by their own deadline, unheard.
        """
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._promql.close()

    def _text(self, question: Question) -> str | None:
        match question:
            case PromRate():
                return question.query
            case GpuFleet():
                return self._gpu_query
            case _:
                return None

    async def _ask(self, text: str, deadline: float) -> SeriesTable | SourceError:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, self._query, text, deadline)
        except SourceError as error:
            return error

    def _query(self, text: str, deadline: float) -> SeriesTable:
        subject = "the DCGM query" if text == self._gpu_query else f"the query {one_line(text, 100)}"
        # A query that waited for a thread has less time left; a millisecond is refused like a server that is down.
        return SeriesTable(self._promql.query(text, subject, max(deadline - time.monotonic(), 0.001)))


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


def _answer(question: Question, vector: SeriesTable | SourceError | None) -> Answer:
    match question, vector:
        case _, None:
            return SourceError(f"a connection to Prometheus cannot answer a question of type {type(question).__name__}")
        case _, SourceError():
            return vector
        case PromRate(), SeriesTable():
            return _rate(question, vector.matching(question.match))
        case _, SeriesTable():
            return _fleet(vector)


def _fleet(vector: SeriesTable) -> Fleet:
    return fleet_of(Series(one.labels[_TAG], one.labels, one.value) for one in vector.series)


def _rate(question: PromRate, series: Sequence[Series]) -> Answer:
    if not series:
        return NO_SERIES
    query = f"the query {one_line(question.query, 100)}"
    if len(series) > 1:
        return SourceError(f"{query} yields {len(series)} series where one was asked for: aggregate with sum(...)")
    try:
        return RequestRate(series[0].value)
    except ValueError:
        return SourceError(f"{query} says {series[0].value:g}, which is no rate")
