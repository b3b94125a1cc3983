"""
Metrics pages scraped directly: request counters of gateways and pods, and GPUs from dcgm-exporters.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

import aiohttp
from yarl import URL

from scaler.domain.pods import Fleet
from scaler.domain.readings import RequestRate
from scaler.settings.connections import ScrapeConnection
from scaler.sources.addresses import Resolve, resolve
from scaler.sources.base import ALL_TOGETHER, NO_SERIES, Answer, Answers, SourceError
from scaler.sources.counters import SHORTEST, Rate
from scaler.sources.credentials import headers_of
from scaler.sources.dcgm import METRICS, fleet_of
from scaler.sources.metrics_page import ACCEPT, PageError, read_page
from scaler.sources.questions import GpuFleet, Question, ScrapedRate
from scaler.sources.sentences import one_line, reason
from scaler.sources.series import Series, SeriesTable
from scaler.sources.tls import client_context

_CHUNK = 64 * 2**10
_OK = 200
_REFUSED_CREDENTIALS = (401, 403)
_SEEN_ONCE = SourceError("its counters were seen only once so far")
_FORGET = 600.0  # seconds after which a counter that nobody asks for is forgotten


@dataclass(frozen=True, slots=True)
class _Target:
    """
    One address of one URL.
    """

    url: URL
    address: str

    def __str__(self) -> str:
        at = "" if self.address == self.url.host else f" at {self.address}"
        return f"the metrics page {self.url.raw_authority}{self.url.raw_path}{at}"


@dataclass(frozen=True, slots=True)
class _Page:
    """
    What a target showed between *began* and *at*, by metric.
    """

    target: _Target
    began: float
    at: float
    metrics: Mapping[str, SeriesTable]


class ScrapeSource:
    """
    Reads every address of every URL, each once a read.

    All pages count or none: one that cannot be read may hold the one pod that works, so it makes the whole read fail.
    A name without addresses (a headless Service without pods) is not trouble: there is nothing to have series.

    A counter seen for the first time is read again half a second later, within the same read, so that the first answer
    is a rate already.
    """

    portion = ALL_TOGETHER
    close_interval = 1.0

    def __init__(
        self,
        _name: str,
        settings: ScrapeConnection,
        *,
        resolve: Resolve = resolve,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = settings
        self._resolve = resolve
        self._clock = clock
        self._rates: dict[ScrapedRate, Rate] = {}
        self._session: aiohttp.ClientSession | None = None
        self._trust: tuple[object, ssl.SSLContext] | None = None

    async def read(self, questions: Sequence[Question]) -> Answers:
        """
        Answer all questions from one scrape of each page.

        Raises:
            SourceError: a page could not be read.
        """
        rates = [question for question in questions if isinstance(question, ScrapedRate)]
        fleets = [question for question in questions if isinstance(question, GpuFleet)]
        answers: dict[Question, Answer] = {question: _refusal(question) for question in questions}
        names = {question.metric for question in rates} | {*(METRICS if fleets else ())}
        if not names:
            return answers
        targets = await self._targets()
        pages = await self._scrape(targets, names)
        answers |= dict.fromkeys(fleets, _fleet(pages) if pages else NO_SERIES)
        answers |= self._see(rates, pages)
        if first_seen := [question for question in rates if answers[question] is _SEEN_ONCE]:
            await asyncio.sleep(SHORTEST)
            answers |= self._see(first_seen, await self._scrape(targets, {question.metric for question in first_seen}))
        return answers

    def watcher(self) -> None:
        """
        Return no watcher: pages announce nothing.
        """

    async def probe(self) -> str:
        """
        Read every page and say how many there are, and of how many pods DCGM's series are.

        Raises:
            SourceError: a page could not be read.
        """
        pages = await self._scrape(await self._targets(), set(METRICS))
        hosts = ", ".join(sorted({urlsplit(url).netloc for url in self._settings.urls}))
        if not pages:
            return f"no page to read: no address behind {hosts}, as is normal while nothing runs there"
        pods = len(_fleet(pages).names)
        return f"{len(pages)} metrics page{'s' * (len(pages) > 1)} of {hosts}, with DCGM series of {pods} pods"

    async def aclose(self) -> None:
        """
        Close all connections.
        """
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _targets(self) -> list[_Target]:
        found = await asyncio.gather(*map(self._addresses, self._settings.urls))
        return [target for targets in found for target in targets]

    async def _addresses(self, text: str) -> list[_Target]:
        try:
            url = URL(text) if urlsplit(text).path else URL(text) / "metrics"
            return [_Target(url, address) for address in await self._resolve(url.host or "", url.port or 0)]
        except ValueError as error:  # a port out of range, or what IDNA cannot encode
            raise SourceError(f"{one_line(urlsplit(text).netloc)} is not a host and port that there can be") from error

    async def _scrape(self, targets: Sequence[_Target], names: Collection[str]) -> list[_Page]:
        headers = {**headers_of(self._settings), "Accept": ACCEPT}
        trust = self._context()
        reads = (self._page(target, names, headers, trust) for target in targets)
        pages = await asyncio.gather(*reads, return_exceptions=True)
        for page in pages:
            if isinstance(page, BaseException):
                raise page
        return [page for page in pages if isinstance(page, _Page)]

    async def _page(
        self, target: _Target, names: Collection[str], headers: Mapping[str, str], trust: ssl.SSLContext | None
    ) -> _Page:
        began = self._clock()
        try:
            # The address is fixed here; the name still goes into the Host header, and TLS checks it.
            async with self._client().get(
                target.url.with_host(target.address),
                headers={**headers, "Host": target.url.host_port_subcomponent or ""},
                server_hostname=target.url.host if target.url.scheme == "https" else None,
                ssl=trust or True,
                allow_redirects=False,
            ) as response:
                at = self._clock()
                _check(response)
                series = await read_page(response.content.iter_chunked(_CHUNK), response.content_type, names)
        except PageError as error:
            raise SourceError(f"{target} is of no use: {error}") from error
        except (aiohttp.ClientError, OSError) as error:
            raise SourceError(f"{target} cannot be read: {reason(error)}") from error
        return _Page(target, began, at, _by_name(series))

    def _see(self, questions: Iterable[ScrapedRate], pages: Sequence[_Page]) -> dict[Question, Answer]:
        answers: dict[Question, Answer] = {
            question: _rate(question, self._rates.setdefault(question, Rate()), pages) for question in questions
        }
        forgotten = self._clock() - _FORGET
        self._rates = {question: rate for question, rate in self._rates.items() if rate.seen_at > forgotten}
        return answers

    def _client(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                timeout=aiohttp.ClientTimeout(total=self._settings.timeout), cookie_jar=aiohttp.DummyCookieJar()
            )
        return self._session

    def _context(self) -> ssl.SSLContext | None:
        # Made anew when a file changes: connections are kept by context, so it must not be made for each read.
        tls = self._settings.tls
        if tls is None:
            return None
        paths = (path for path in (tls.ca, tls.cert, tls.key) if path is not None)
        stamp = [path.stat().st_mtime_ns if path.exists() else None for path in paths]
        if self._trust is None or self._trust[0] != stamp:
            self._trust = (stamp, client_context(tls))
        return self._trust[1]


def _refusal(question: Question) -> SourceError:
    return SourceError(f"a connection to metrics pages cannot answer a question of type {type(question).__name__}")


def _check(response: aiohttp.ClientResponse) -> None:
    status = f"HTTP {response.status} {one_line(response.reason or '', 40)}".rstrip()
    if response.status in _REFUSED_CREDENTIALS:
        raise PageError(f"it refuses the connection's credentials ({status})")
    if response.status != _OK:
        raise PageError(f"it answers {status}")


def _by_name(series: Iterable[Series]) -> Mapping[str, SeriesTable]:
    names = defaultdict(list)
    for one in series:
        names[one.name].append(one)
    return {name: SeriesTable(of_name) for name, of_name in names.items()}


def _fleet(pages: Iterable[_Page]) -> Fleet:
    tables = (page.metrics.get(metric) for page in pages for metric in METRICS)
    return fleet_of(one for table in tables if table is not None for one in table.series)


def _rate(question: ScrapedRate, rate: Rate, pages: Sequence[_Page]) -> Answer:
    rate.keep({page.target for page in pages})
    found = False
    for page in pages:
        table = page.metrics.get(question.metric)
        series = table.matching(question.match) if table is not None else ()
        found = found or bool(series)
        try:
            rate.see(page.target, series, page.began, page.at)
        except ValueError as error:
            return SourceError(f"{page.target} is of no use: {error}")
    per_second = rate.per_second()
    if not found:
        return NO_SERIES
    return _SEEN_ONCE if per_second is None else RequestRate(per_second)
