"""
Scraping: addresses, credentials, formats, and pages that must not be believed.
"""

from __future__ import annotations

import asyncio
import gzip
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from aiohttp import web

from scaler.domain.pods import Fleet
from scaler.domain.readings import GpuUse, RequestRate
from scaler.settings.connections import ScrapeConnection
from scaler.sources.addresses import resolve
from scaler.sources.base import NO_SERIES, Answer, SourceError
from scaler.sources.questions import GpuFleet, Question, ScrapedRate
from scaler.sources.scrape import ScrapeSource
from tests.servers.certificates import issue
from tests.sources.dcgm_pages import GpuPage
from tests.sources.http_server import HttpServer, text

RATE = ScrapedRate("pages", "requests_total")
GPUS = GpuFleet("pages")
NAME = "pages.test"

Serve = Callable[..., Awaitable[HttpServer]]


@pytest.fixture
async def stack() -> AsyncIterator[AsyncExitStack]:
    """
    Close what a test opens.
    """
    async with AsyncExitStack() as stack:
        yield stack


@pytest.fixture
async def serve(stack: AsyncExitStack) -> Serve:
    """
    Start servers.
    """

    async def serve(
        answer: Callable[[web.Request], Awaitable[web.StreamResponse]],
        *listening: str,
        tls: ssl.SSLContext | None = None,
    ) -> HttpServer:
        server = HttpServer(answer, listening=listening, tls=tls)
        stack.push_async_callback(server.stop)
        await server.start()
        return server

    return serve


@pytest.fixture
def connect(stack: AsyncExitStack) -> Callable[..., ScrapeSource]:
    """
    Make sources; the name `pages.test` has the addresses that the test says.
    """

    def connect(*urls: str, addresses: Sequence[str] = ("127.0.0.1",), **settings: object) -> ScrapeSource:
        async def known(host: str, port: int) -> Sequence[str]:
            return addresses if host == NAME else await resolve(host, port)

        document = {"type": "scrape", "urls": list(urls), **settings}
        source = ScrapeSource("pages", ScrapeConnection.of(document), resolve=known)
        stack.push_async_callback(source.aclose)
        return source

    return connect


Connect = Callable[..., ScrapeSource]


async def rate(source: ScrapeSource, question: ScrapedRate = RATE) -> Answer:
    """
    Ask for one rate.
    """
    return (await source.read([question]))[question]


def per_second(answer: Answer) -> float:
    """
    Return the number in an answer.
    """
    assert isinstance(answer, RequestRate), answer
    return answer.per_second


def counting(*counts: float) -> Callable[[web.Request], Awaitable[web.Response]]:
    """
    Show one count after the other, and the last one for ever.
    """
    waiting = list(counts)

    async def answer(_: web.Request) -> web.Response:
        count = waiting.pop(0) if len(waiting) > 1 else waiting[0]
        return web.Response(text=f"requests_total {count}\n")

    return answer


async def test_the_first_read_says_a_rate(serve: Serve, connect: Connect) -> None:
    """
    A counter never seen before is read twice, half a second apart; from then on once a read.
    """
    server = await serve(counting(1000, 1002, 1002))
    source = connect(f"{server.url}/metrics")
    assert 1 < per_second(await rate(source)) <= 4  # two requests in half a second or a little more
    assert len(server.requests) == 2
    assert isinstance(await rate(source), RequestRate)
    assert len(server.requests) == 3


@pytest.mark.parametrize(("path", "asked"), [("", "/metrics"), ("/", "/"), ("/gpu?all=1", "/gpu?all=1")])
async def test_a_url_without_a_path_means_its_metrics(serve: Serve, connect: Connect, path: str, asked: str) -> None:
    """
    Who names only a host and a port means what every exporter serves; who names a path means that.
    """
    server = await serve(counting(1000))
    await rate(connect(f"{server.url}{path}"))
    assert {request.path_qs for request in server.requests} == {asked}


async def test_questions_to_one_page_share_a_scrape(serve: Serve, connect: Connect) -> None:
    """
    Two metrics, two models and the GPUs cost one request for the page, and another for what is new.
    """
    page = 'a_total{m="1"} 1\na_total{m="2"} 2\nb_total 3\n' + GpuPage().gpu(0, "agent-0", util=50).text
    server = await serve(text(page))
    source = connect(f"{server.url}/metrics")
    questions: list[Question] = [ScrapedRate("pages", "a_total", (("m", "1"),)), ScrapedRate("pages", "b_total"), GPUS]
    answers = await source.read(questions)
    assert len(server.requests) == 2
    assert list(answers) == questions
    assert [answers[question] for question in questions[:2]] == [RequestRate(0), RequestRate(0)]
    await source.read([GPUS])
    assert len(server.requests) == 3


async def test_a_name_is_scraped_at_all_its_addresses(serve: Serve, connect: Connect) -> None:
    """
    A headless Service is every pod behind it: rates are summed, and each pod is asked by the Service's name.
    """
    server = await serve(counting(0, 0, 1, 3), "127.0.0.1", "127.0.0.2")
    source = connect(f"http://{NAME}:{server.port}/metrics", addresses=["127.0.0.1", "127.0.0.2"])
    assert 2 < per_second(await rate(source)) <= 8
    asked = {request.transport.get_extra_info("sockname")[0] for request in server.requests if request.transport}
    assert asked == {"127.0.0.1", "127.0.0.2"}
    assert {request.headers["Host"] for request in server.requests} == {f"{NAME}:{server.port}"}


async def test_exporters_of_several_nodes_make_one_fleet(serve: Serve, connect: Connect) -> None:
    """
    A workload with pods on two nodes is summed over both exporters.
    """
    one = await serve(text(GpuPage("node-1").gpu(0, "agent-0", util=95).text))
    two = await serve(text(GpuPage("node-2").gpu(0, "agent-1", util=90).gpu(1, "agent-2", engine=0.5, instance=3).text))
    source = connect(f"{one.url}/metrics", f"{two.url}/metrics")
    fleet = (await source.read([GPUS]))[GPUS]
    assert isinstance(fleet, Fleet)
    use = fleet.of("ai", "agent")
    assert isinstance(use, GpuUse)
    assert use.total == 235
    assert "2 metrics pages of 127.0.0.1:" in await source.probe()
    assert (await source.probe()).endswith("DCGM series of 3 pods")


async def test_a_name_without_addresses_is_no_series(connect: Connect) -> None:
    """
    A headless Service without pods is how zero replicas look; the probe says so.
    """
    source = connect(f"http://{NAME}:9400/metrics", addresses=[])
    assert await source.read([RATE, GPUS]) == {RATE: NO_SERIES, GPUS: NO_SERIES}
    assert await source.probe() == (
        f"no page to read: no address behind {NAME}:9400, as is normal while nothing runs there"
    )


async def test_one_address_that_refuses_makes_the_read_fail(serve: Serve, connect: Connect) -> None:
    """
    The pod that cannot be read may be the one that works: nothing is said of the others without it.
    """
    server = await serve(counting(1))
    source = connect(f"http://{NAME}:{server.port}/metrics", addresses=["127.0.0.1", "127.0.0.2"])
    with pytest.raises(SourceError) as trouble:
        await source.read([RATE, GPUS])
    assert str(trouble.value) == (
        f"the metrics page {NAME}:{server.port}/metrics at 127.0.0.2 cannot be read: connection refused"
    )


async def test_pods_that_come_and_go(serve: Serve, connect: Connect) -> None:
    """
    A new pod brings no burst; when all are gone there is no series.
    """
    server = await serve(counting(5000), "127.0.0.1", "127.0.0.2")
    addresses = ["127.0.0.1"]
    source = connect(f"http://{NAME}:{server.port}/metrics", addresses=addresses)
    assert await rate(source) == RequestRate(0)
    addresses.append("127.0.0.2")
    assert await rate(source) == RequestRate(0)
    addresses.clear()
    assert await rate(source) is NO_SERIES


async def test_a_labelled_counter_wakes_with_its_first_request(serve: Serve, connect: Connect) -> None:
    """
    Before the first request the page has no such series; with it the rate is positive at once.
    """
    server = await serve(text("up 1\n"))
    source = connect(f"{server.url}/metrics")
    assert await rate(source) is NO_SERIES
    assert len(server.requests) == 1
    server.answer = text('requests_total{model="a"} 1\n')
    assert per_second(await rate(source)) > 0


async def test_a_counter_that_is_none_is_its_questions_trouble(serve: Serve, connect: Connect) -> None:
    """
    NaN in one metric leaves the other alone.
    """
    server = await serve(text("requests_total NaN\nother_total 5\n"))
    source = connect(f"{server.url}/metrics")
    other = ScrapedRate("pages", "other_total")
    answers = await source.read([RATE, other])
    assert isinstance(answers[RATE], SourceError)
    assert "requests_total is nan, which no counter can be" in str(answers[RATE])
    assert answers[other] == RequestRate(0)


async def test_a_compressed_page_is_understood(serve: Serve, connect: Connect) -> None:
    """
    Exporters compress what they are allowed to.
    """

    async def packed(_: web.Request) -> web.Response:
        return web.Response(body=gzip.compress(b"requests_total 7\n"), headers={"Content-Encoding": "gzip"})

    server = await serve(packed)
    assert await rate(connect(f"{server.url}/metrics")) == RequestRate(0)


@pytest.mark.parametrize(
    ("status", "body", "content_type", "sentence"),
    [
        pytest.param(404, "", "text/plain", "it answers HTTP 404 Not Found", id="wrong-path"),
        pytest.param(503, "", "text/plain", "it answers HTTP 503 Service Unavailable", id="starting"),
        pytest.param(302, "", "text/plain", "it answers HTTP 302 Found", id="redirect"),
        pytest.param(401, "", "text/plain", "refuses the connection's credentials (HTTP 401", id="unauthorized"),
        pytest.param(200, "<html>log in</html>", "text/html", "it is an HTML page", id="login"),
        pytest.param(200, "requests_total x\n", "text/plain", "not in the text format", id="no-number"),
    ],
)
async def test_a_page_of_no_use_is_trouble(
    serve: Serve, connect: Connect, status: int, body: str, content_type: str, sentence: str
) -> None:
    """
    Errors and other people's pages are never numbers; the sentence names the page and says what came.
    """
    server = await serve(text(body, status, content_type, Location="http://elsewhere.test/"))
    with pytest.raises(SourceError) as trouble:
        await rate(connect(f"{server.url}/metrics?key=s3cr3t"))
    assert str(trouble.value).startswith(f"the metrics page {server.host}/metrics is of no use: ")
    assert sentence in str(trouble.value)


async def test_a_page_that_trickles_is_given_up(serve: Serve, connect: Connect) -> None:
    """
    A page that comes by drops is not read to its end.
    """

    async def trickle(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for _ in range(1000):
            await response.write(b"x 1\n")
            await asyncio.sleep(0.02)
        return response

    server = await serve(trickle)
    with pytest.raises(SourceError, match="it did not answer in time"):
        await rate(connect(f"{server.url}/metrics", timeout="300ms"))


async def test_credentials_are_read_anew_for_every_read(serve: Serve, connect: Connect, tmp_path: Path) -> None:
    """
    A rotated token is used at once; one that is gone is named, and nothing is sent without it.
    """
    token = tmp_path / "token"
    token.write_text("first\n")
    server = await serve(text("x 1\n"))
    source = connect(f"{server.url}/metrics", bearerToken={"file": str(token)}, headers={"X-Scope-OrgID": "a"})
    await source.read([GPUS])
    token.write_text("second\n")
    await source.read([GPUS])
    assert [request.headers["Authorization"] for request in server.requests] == ["Bearer first", "Bearer second"]
    assert server.requests[0].headers["X-Scope-OrgID"] == "a"
    token.unlink()
    with pytest.raises(SourceError, match="token cannot be read"):
        await source.read([GPUS])
    assert len(server.requests) == 2


async def test_tls_checks_the_name_and_not_the_address(serve: Serve, connect: Connect, tmp_path: Path) -> None:
    """
    A pod's certificate is for its Service's name; the files are read again when they change.
    """
    files = issue(tmp_path / "tls", NAME)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(files.server_cert, files.server_key)
    server = await serve(text("x 1\n"), tls=context)
    url = f"https://{NAME}:{server.port}/metrics"
    source = connect(url, tls={"ca": str(files.ca)})
    assert await source.read([GPUS]) == {GPUS: Fleet()}
    with pytest.raises(SourceError, match="its certificate is not trusted"):
        await connect(f"{server.url}/metrics", tls={"ca": str(files.ca)}).read([GPUS])
    with pytest.raises(SourceError, match="its certificate is not trusted"):
        await connect(url).read([GPUS])
    files.ca.write_text("nonsense")
    with pytest.raises(SourceError, match=r"ca\.pem cannot be used"):
        await source.read([GPUS])


@pytest.mark.parametrize(
    ("host", "addresses"),
    [
        pytest.param("127.0.0.1", ["127.0.0.1"], id="ipv4"),
        pytest.param("::1", ["::1"], id="ipv6"),
        pytest.param("localhost", ["127.0.0.1"], id="both-families-are-one-host"),
        pytest.param("no such host", [], id="nobody"),
    ],
)
async def test_names_are_resolved(host: str, addresses: list[str]) -> None:
    """
    All addresses of one family; a name that does not exist has none.
    """
    assert await resolve(host, 80) == addresses


@pytest.mark.parametrize("authority", ["a..b", "pages.test:99999"])
async def test_a_host_that_cannot_be_is_trouble(connect: Connect, authority: str) -> None:
    """
    What passes for a URL and is none fails with a sentence.
    """
    with pytest.raises(SourceError, match="is not a host and port that there can be"):
        await connect(f"http://{authority}/metrics").read([GPUS])
