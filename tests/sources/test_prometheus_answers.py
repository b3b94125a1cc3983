"""
Prometheus: credentials, and answers that must not be believed, from a server that says what the test wants.
"""

from __future__ import annotations

import asyncio
import base64
import json
import ssl
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from aiohttp import web

from scaler.domain.readings import RequestRate
from scaler.sources.base import NO_SERIES, Answer, SourceError
from scaler.sources.prometheus import PrometheusSource
from scaler.sources.promql import LARGEST_ANSWER
from scaler.sources.questions import PromRate
from tests.servers.certificates import Certificates
from tests.sources.http_server import HttpServer, text
from tests.sources.prometheus_world import connection

QUERY = PromRate("prom", "sum(rate(requests_total[1m]))")
SEVEN = {"resultType": "vector", "result": [{"metric": {}, "value": [1700000000, "7"]}]}


def document(data: object = None, **more: object) -> str:
    """
    Return an answer of the query API.
    """
    return json.dumps({"status": "success", "data": data or SEVEN, **more})


@pytest.fixture
async def stack() -> AsyncIterator[AsyncExitStack]:
    """
    Close what a test opens.
    """
    async with AsyncExitStack() as stack:
        yield stack


@pytest.fixture
async def server(stack: AsyncExitStack) -> HttpServer:
    """
    Serve seven requests a second.
    """
    server = HttpServer(text(document(), content_type="application/json"))
    stack.push_async_callback(server.stop)
    await server.start()
    return server


async def ask(url: str, **settings: object) -> Answer:
    """
    Ask the one query through a new source.
    """
    source = PrometheusSource("prom", connection(url, **settings))
    try:
        return (await source.read([QUERY]))[QUERY]
    finally:
        await source.aclose()


async def trouble(server: HttpServer, **settings: object) -> str:
    """
    Return the trouble that the answer is, be it the query's or everybody's.
    """
    try:
        answer = await ask(server.url, **settings)
    except SourceError as error:
        answer = error
    assert isinstance(answer, SourceError), answer
    return str(answer)


async def test_a_bearer_token_is_read_anew_for_every_read(server: HttpServer, tmp_path: Path) -> None:
    """
    A token that was rotated in its file is used without a restart.
    """
    token = tmp_path / "token"
    token.write_text("first\n")
    source = PrometheusSource("prom", connection(server.url, bearerToken={"file": str(token)}))
    await source.read([QUERY])
    token.write_text("second\n")
    await source.read([QUERY])
    await source.aclose()
    assert [request.headers["Authorization"] for request in server.requests] == ["Bearer first", "Bearer second"]


async def test_basic_auth_and_tenant_headers(server: HttpServer, tmp_path: Path) -> None:
    """
    A user with a password in UTF-8, a tenant, and a header that is a secret all arrive.
    """
    (tmp_path / "password").write_text("pässword")
    (tmp_path / "key").write_text("k-1")
    await ask(
        server.url,
        username="scaler",
        password={"file": str(tmp_path / "password")},
        headers={"X-Scope-OrgID": "team-a", "X-Api-Key": {"file": str(tmp_path / "key")}},
    )
    (request,) = server.requests
    assert base64.b64decode(request.headers["Authorization"].removeprefix("Basic ")).decode() == "scaler:pässword"
    assert request.headers["X-Scope-OrgID"] == "team-a"
    assert request.headers["X-Api-Key"] == "k-1"


async def test_the_environment_sends_nothing_and_nowhere(
    server: HttpServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    Proxies and passwords of the environment are not used: only what the settings say is sent.
    """
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login somebody password s3cr3t\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    assert await ask(server.url) == RequestRate(7)
    assert "Authorization" not in server.requests[0].headers


async def test_a_url_with_a_path_is_kept(server: HttpServer) -> None:
    """
    Mimir's API lives under /prometheus; a slash at the end makes no difference. The server is told its deadline.
    """
    assert await ask(f"{server.url}/prometheus/", timeout="1500ms") == RequestRate(7)
    (request,) = server.requests
    assert request.path == "/prometheus/api/v1/query"
    assert 1000 < int(request.query["timeout"].removesuffix("ms")) <= 1500


async def test_a_redirect_is_not_followed(server: HttpServer, stack: AsyncExitStack, tmp_path: Path) -> None:
    """
    Credentials go where the operator said and nowhere else.
    """
    (tmp_path / "key").write_text("k-1")
    other = HttpServer(text(document()))
    stack.push_async_callback(other.stop)
    await other.start()
    server.answer = text("", 302, Location=f"{other.url}/api/v1/query")
    said = await trouble(server, headers={"X-Api-Key": {"file": str(tmp_path / "key")}})
    assert "it redirects (HTTP 302 Found); give the connection the url that it leads to" in said
    assert not other.requests


@pytest.mark.parametrize("status", [401, 403])
async def test_refused_credentials_concern_every_question(server: HttpServer, tmp_path: Path, status: int) -> None:
    """
    The read as a whole fails, naming the host and no secret, even if the server repeats it.
    """
    (tmp_path / "token").write_text("s3cr3t")
    server.answer = text("bad token s3cr3t", status)
    with pytest.raises(SourceError, match=f"{server.host} refuses the connection's credentials") as error:
        await ask(server.url, bearerToken={"file": str(tmp_path / "token")})
    assert "s3cr3t" not in str(error.value)


async def test_a_secret_that_is_not_there_is_named(server: HttpServer, tmp_path: Path) -> None:
    """
    The sentence names the file; nothing is sent without the credential.
    """
    with pytest.raises(SourceError, match="token cannot be read: FileNotFoundError"):
        await ask(server.url, bearerToken={"file": str(tmp_path / "token")})
    assert not server.requests


async def test_a_secret_that_no_header_can_carry_is_not_repeated(server: HttpServer, tmp_path: Path) -> None:
    """
    A token with a line break in the middle is refused by name, not by value.
    """
    (tmp_path / "token").write_text("s3cr3t\nX-Admin: yes")
    said = await trouble(server, bearerToken={"file": str(tmp_path / "token")})
    assert said == "the header 'Authorization' has a name or value that HTTP cannot carry (a line break?)"
    assert not server.requests


@pytest.mark.parametrize(
    ("status", "body", "sentence"),
    [
        pytest.param(400, '{"status":"error","errorType":"bad_data","error":"1:5: parse error: x\\ny"}',
                     "bad_data: 1:5: parse error: x y", id="prometheus-error"),
        pytest.param(422, '{"status":"error","errorType":"execution","error":"too many samples"}',
                     "execution: too many samples", id="execution"),
        pytest.param(503, '{"status":"error","errorType":"timeout","error":"query timed out"}',
                     "timeout: query timed out", id="timeout"),
        pytest.param(502, "<html>Bad Gateway</html>", "HTTP 502 Bad Gateway with text/html", id="proxy"),
        pytest.param(200, "<html>Please log in</html>", "HTTP 200 OK with text/html is not Prometheus's", id="login"),
        pytest.param(404, "404 page not found", "HTTP 404 Not Found", id="wrong-path"),
        pytest.param(200, "[]", "is not Prometheus's", id="a-list"),
        pytest.param(200, '{"status":"success"}', "is not Prometheus's", id="no-data"),
        pytest.param(200, '{"status":"success","data":{"resultType":"vector","result":[{"metric":{}}]}}',
                     "in a form that Prometheus does not use", id="no-value"),
        pytest.param(200, '{"status":"success","data":{"resultType":"vector"}}',
                     "in a form that Prometheus does not use", id="no-result"),
        pytest.param(200, document(SEVEN, warnings=["store 10.0.0.7 did not answer"]),
                     "the answer is not complete: ['store 10.0.0.7 did not answer']", id="thanos-partial"),
        pytest.param(200, document(SEVEN, isPartial=True), "the answer is not complete", id="victoria-partial"),
        pytest.param(200, document({"resultType": "vector", "result": [{"metric": {}, "histogram": [1, {}]}]}),
                     "native histogram", id="native-histogram"),
    ],
)  # fmt: skip
async def test_an_answer_of_no_use_is_trouble(server: HttpServer, status: int, body: str, sentence: str) -> None:
    """
    Errors, other people's pages and partial answers are never numbers; the sentence says what came.
    """
    server.answer = text(body, status, "text/html" if "<" in body else "application/json")
    said = await trouble(server)
    assert sentence in said
    assert said.startswith(f"Prometheus at {server.host} ")
    assert "sum(rate(requests_total[1m]))" in said


async def test_notes_on_style_do_no_harm(server: HttpServer) -> None:
    """
    Prometheus 3 remarks that a name does not end in _total: the answer stands.
    """
    server.answer = text(document(SEVEN, infos=["PromQL info: metric might not be a counter"], isPartial=False))
    assert await ask(server.url) == RequestRate(7)


async def test_an_answer_is_not_read_for_ever(server: HttpServer) -> None:
    """
    A vector of millions of series is given up while it comes.
    """

    async def flood(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for _ in range(2 * LARGEST_ANSWER // 2**20):
            await response.write(b" " * 2**20)
        return response

    server.answer = flood
    assert "larger than 32 MiB; aggregate with sum(...)" in await trouble(server, timeout="20s")


async def test_an_answer_that_trickles_is_given_up(server: HttpServer) -> None:
    """
    A server that sends a byte now and then does not keep a thread busy beyond the deadline.
    """

    async def trickle(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for _ in range(1000):
            await response.write(b" ")
            await asyncio.sleep(0.02)
        return response

    server.answer = trickle
    async with asyncio.timeout(5):
        assert "it did not answer in time" in await trouble(server, timeout="300ms")


async def test_equal_queries_are_sent_once(server: HttpServer) -> None:
    """
    A hundred workloads with one grouped query cost one request.
    """
    source = PrometheusSource("prom", connection(server.url))
    questions = [PromRate("prom", QUERY.query, (("model", str(number)),)) for number in range(100)]
    answers = await source.read([QUERY, *questions])
    await source.aclose()
    assert len(server.requests) == 1
    assert answers[QUERY] == RequestRate(7)
    assert answers[questions[0]] is NO_SERIES


async def test_more_queries_than_threads_keep_the_deadline(server: HttpServer) -> None:
    """
    Fifty queries to a server that says nothing fail together after one timeout, not after one for each thread's turn.
    """
    server.hang()
    source = PrometheusSource("prom", connection(server.url, timeout="300ms"))
    async with asyncio.timeout(3):
        with pytest.raises(SourceError, match="it did not answer in time"):
            await source.read([PromRate("prom", f"vector({number})") for number in range(50)])
    await source.aclose()


async def test_a_query_that_fails_alone_leaves_the_others(server: HttpServer) -> None:
    """
    One query that times out is its own trouble, while its neighbour is answered.
    """
    slow = PromRate("prom", "slow")
    answered = server.answer
    over = asyncio.Event()

    async def one_is_slow(request: web.Request) -> web.StreamResponse:
        if request.query["query"] == "slow":
            await over.wait()
        return await answered(request)

    server.answer = one_is_slow
    source = PrometheusSource("prom", connection(server.url, timeout="3s"))
    answers = await source.read([slow, QUERY])
    over.set()
    await source.aclose()
    assert answers[QUERY] == RequestRate(7)
    assert isinstance(answers[slow], SourceError)


async def test_tls_with_the_operators_authority_and_a_certificate_of_our_own(
    stack: AsyncExitStack, certificates: Certificates
) -> None:
    """
    The authority that is given is trusted and no other; a server that asks for our certificate gets it.
    """
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=certificates.ca)
    context.load_cert_chain(certificates.server_cert, certificates.server_key)
    context.verify_mode = ssl.CERT_REQUIRED
    server = HttpServer(text(document()), tls=context)
    stack.push_async_callback(server.stop)
    await server.start()
    own = {"cert": str(certificates.client_cert), "key": str(certificates.client_key)}
    assert await ask(server.url, tls={"ca": str(certificates.ca), **own}) == RequestRate(7)
    assert await ask(server.url, tls={"insecureSkipVerify": True, **own}) == RequestRate(7)
    assert "its certificate is not trusted" in await trouble(server)
    assert "cannot be reached: it closed the connection" in await trouble(server, tls={"ca": str(certificates.ca)})
    assert "the file /nowhere/ca.pem of the connection's tls settings is not there" in await trouble(
        server, tls={"ca": "/nowhere/ca.pem"}
    )
    assert "TLS failed" in await trouble(server, tls={"ca": str(certificates.client_key)})
