"""
Prometheus: request rates by PromQL, and the GPUs that DCGM's exporter reported to it.
"""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from scaler.domain.readings import RequestRate
from scaler.settings.connections import PrometheusConnection
from scaler.sources.base import NO_SERIES, Answer, Answers, SourceError
from scaler.sources.dcgm import LABELS, METRICS, OUT_OF_DATE, Series, fleet_of
from scaler.sources.promql import PromQl, Sample, UnreachableError
from scaler.sources.questions import GpuFleet, PromRate, Question
from scaler.sources.sentences import one_line

OLDEST_SAMPLE = 150
"""
Seconds after which a GPU's last sample is not believed any more.

Prometheus ends a series as soon as its target is gone. But one that was written to it from elsewhere (by an agent, to
Mimir or Thanos) lives on for five minutes after its writer died, and could show an idle GPU that is computing again.
This is two and a half of Prometheus's default scrape intervals, so that the real one need not be known.
"""

_THREADS = 8  # fewer than the ten connections that the client keeps open


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
        wanted = list(dict.fromkeys(filter(None, texts.values())))
        deadline = time.monotonic() + self._timeout
        results = await asyncio.gather(*(self._ask(text, deadline) for text in wanted))
        unreachable = [result for result in results if isinstance(result, UnreachableError)]
        if unreachable and len(unreachable) == len(results):
            raise unreachable[0]
        vectors = dict(zip(wanted, results, strict=True))
        return {question: _answer(question, vectors.get(text or "")) for question, text in texts.items()}

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
        fleet = fleet_of(vector.series())
        pods = {(namespace, use.pod) for namespace, uses in fleet.pods.items() for use in uses} | set(fleet.trouble)
        return f"{version}, with DCGM series of {len(pods)} pods"

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

    async def _ask(self, text: str, deadline: float) -> _Vector | SourceError:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, self._query, text, deadline)
        except SourceError as error:
            return error

    def _query(self, text: str, deadline: float) -> _Vector:
        subject = "the DCGM query" if text == self._gpu_query else f"the query {one_line(text, 100)}"
        # A query that waited for a thread has less time left; a millisecond is refused like a server that is down.
        return _Vector(self._promql.query(text, subject, max(deadline - time.monotonic(), 0.001)))


class _Vector:
    """
    A query's answer, in which series are found by their labels.
    """

    def __init__(self, samples: Sequence[Sample]) -> None:
        self._samples = samples
        self._indexes: dict[tuple[str, ...], Mapping[tuple[str, ...], Sequence[Sample]]] = {}

    def matching(self, match: Sequence[tuple[str, str]]) -> Sequence[Sample]:
        """
        Return the series that carry all the labels; an index for each set of names, as hundreds of workloads may ask.
        """
        names = tuple(name for name, _ in match)
        if names not in self._indexes:
            index = defaultdict(list)
            for sample in self._samples:
                index[tuple(sample.labels.get(name, "") for name in names)].append(sample)
            self._indexes[names] = index
        return self._indexes[names].get(tuple(value for _, value in match), ())

    def series(self) -> list[Series]:
        """
        Return what the answer to `gpu_query` says.
        """
        return [Series(sample.labels["dcgm"], sample.labels, sample.value) for sample in self._samples]


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
        parts.append(f'label_replace({value}, "dcgm", "{metric}", "", "")')
    return " or ".join(parts)


def _answer(question: Question, vector: _Vector | SourceError | None) -> Answer:
    match question, vector:
        case _, None:
            return SourceError(f"a connection to Prometheus cannot answer a question of type {type(question).__name__}")
        case _, SourceError():
            return vector
        case PromRate(), _Vector():
            return _rate(question, vector.matching(question.match))
        case _, _Vector():
            return fleet_of(vector.series())


def _rate(question: PromRate, samples: Sequence[Sample]) -> Answer:
    if not samples:
        return NO_SERIES
    query = f"the query {one_line(question.query, 100)}"
    if len(samples) > 1:
        return SourceError(f"{query} yields {len(samples)} series where one was asked for: aggregate with sum(...)")
    try:
        return RequestRate(samples[0].value)
    except ValueError:
        return SourceError(f"{query} says {samples[0].value:g}, which is no rate")
