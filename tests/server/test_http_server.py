"""
The HTTP port, across a real socket.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from prometheus_client import CollectorRegistry, Counter
from yarl import URL

from scaler.domain.decision import Phase, Reason, Verdict
from scaler.domain.readings import Signal
from scaler.engine.views import Change, ConfigurationView, HistoryView, Sample
from scaler.server.grpc_server import GrpcServer
from scaler.server.http_server import HttpServer
from scaler.server.listening import ListenError
from tests.server.showing import NO_GPU, NOW, QUEUE, WALL, StagedViews, shown, unknown


@pytest.fixture
def views() -> StagedViews:
    """
    What the engine shows.
    """
    return StagedViews()


@pytest.fixture
async def http(views: StagedViews, server: GrpcServer) -> AsyncIterator[aiohttp.ClientSession]:
    """
    A client of the HTTP server, that knows its address.
    """
    registry = CollectorRegistry()
    Counter("of_the_process", "Something else.", registry=registry).inc(3)
    http_server = HttpServer(views, server, registry, host="127.0.0.1", port=0, wall=lambda: WALL)
    base = f"http://127.0.0.1:{await http_server.start()}"
    try:
        async with aiohttp.ClientSession(base, timeout=aiohttp.ClientTimeout(10)) as session:
            yield session
    finally:
        await http_server.stop()


async def text_of(http: aiohttp.ClientSession, path: str) -> tuple[int, str]:
    """
    Return the status and the text.
    """
    async with http.get(path) as response:
        return response.status, await response.text()


async def json_of(http: aiohttp.ClientSession, path: str) -> tuple[int, Any]:
    """
    Return the status and the document; that the answer calls itself JSON is asserted by aiohttp.
    """
    async with http.get(path) as response:
        return response.status, await response.json()


async def test_alive_from_the_start_and_ready_while_grpc_serves(
    http: aiohttp.ClientSession, server: GrpcServer
) -> None:
    """
    Not ready before the gRPC server is up, ready with it, not ready as it stops; alive all the time.
    """
    assert await text_of(http, "/healthz") == (200, "alive\n")
    assert (await text_of(http, "/readyz"))[0] == 503
    await server.start()
    assert await text_of(http, "/readyz") == (200, "ready\n")
    await server.stop()
    assert await text_of(http, "/readyz") == (503, "not ready: starting or shutting down\n")
    assert await text_of(http, "/healthz") == (200, "alive\n")


@pytest.mark.usefixtures("channel")
async def test_a_refused_configuration_is_told_and_leaves_it_ready(
    http: aiohttp.ClientSession, views: StagedViews
) -> None:
    """
    Every error is named; the old configuration is in force, so the scaler stays ready.
    """
    views.loaded = ConfigurationView(WALL, 1, ("policies.a.max: must be at least 1", "limits: unknown key"))
    assert await text_of(http, "/readyz") == (
        200,
        "ready; configuration refused: 2 errors: policies.a.max: must be at least 1; limits: unknown key\n",
    )
    views.loaded = ConfigurationView(WALL, 1, ("limits: unknown key",))
    assert await text_of(http, "/readyz") == (200, "ready; configuration refused: 1 error: limits: unknown key\n")


SHOWN_CLUSTER = {
    "wanted": 2,
    "ready": 1,
    "pods": [
        {"pod": "agent-0", "age_seconds": 300.0, "ready_seconds": 240.0},
        {"pod": "agent-1", "age_seconds": 30.0, "ready_seconds": None},
    ],
    "minimum": 0,
    "maximum": 8,
    "missing": None,
    "warnings": ["a sentence on a setting"],
}
SHOWN_SIGNALS = [
    {
        "signal": "queue",
        "value": {"waiting": 7, "in_flight": 2},
        "age_seconds": 1.5,
        "target": 3.0,
        "wants": 3.0,
    },
    {
        "signal": "requests",
        "value": {"per_second": 12.0},
        "age_seconds": 10.0,
        "target": 5.0,
        "wants": 3.0,
    },
    {
        "signal": "gpu",
        "value": {
            "pods": [{"pod": "agent-0", "percent": 95.0}, {"pod": "agent-1", "percent": 85.0}],
            "total": 180.0,
        },
        "age_seconds": 5.0,
        "target": 80.0,
        "wants": 2.25,
    },
]


async def test_a_workload_shows_everything_behind_its_decision(http: aiohttp.ClientSession, views: StagedViews) -> None:
    """
    The whole document, with every kind of value.
    """
    views.known = [shown()]
    source = {"source": "redis-main", "what": "list jobs", "watched": "tracking"}
    known = {"state": "known", "cause": None, "unknown_seconds": None}
    document = {
        "namespace": "ai",
        "name": "agent",
        "policy": "default",
        "kind": "target, as the policy says",
        "verdict": "active",
        "phase": "active",
        "replicas": 3,
        "reason": "demand",
        "sentence": "a sentence for people",
        "since": "2025-12-31T23:58:30.000Z",
        "since_seconds_ago": 90.0,
        "recheck_in_seconds": 30.0,
        "last_called_seconds_ago": 4.0,
        "signals": [{**source, **known, **signal} for signal in SHOWN_SIGNALS],
        "next": None,
        "acts": True,
        "shadow": None,
        "cluster": SHOWN_CLUSTER,
    }
    assert await json_of(http, "/v1/workloads") == (200, {"workloads": [document]})
    assert await json_of(http, "/v1/workloads/ai/agent") == (200, {"workloads": [document]})


PAST = HistoryView(
    since=NOW - 90,
    changes=(
        Change(NOW - 90, Verdict.ACTIVE, Phase.ACTIVE, 3, Reason.DEMAND, "there was work"),
        Change(NOW - 30, Verdict.UNKNOWN, None, 0, Reason.UNKNOWN, "nothing was known"),
    ),
    samples=(
        Sample(NOW - 90, {Signal.QUEUE: 9.0, Signal.GPU: 0.0}, frozenset(), 3),
        Sample(NOW - 30, {}, frozenset({Signal.QUEUE, Signal.GPU}), 0),
    ),
)


async def test_what_happened_is_told_from_a_time_on(http: aiohttp.ClientSession, views: StagedViews) -> None:
    """
    All of it, or what held since then; with times for people and for programs.
    """
    views.known, views.past = [shown()], PAST
    _, document = await json_of(http, "/v1/workloads/ai/agent/history")
    (history,) = document["histories"]
    assert (history["name"], history["policy"], history["known_since"]) == (
        "agent",
        "default",
        "2025-12-31T23:58:30.000Z",
    )
    assert history["changes"][1] == {
        "at": "2025-12-31T23:59:30.000Z",
        "seconds_ago": 30.0,
        "verdict": "unknown",
        "phase": None,
        "replicas": 0,
        "reason": "unknown",
        "sentence": "nothing was known",
    }
    assert [
        (s["queue"], s["requests"], s["gpu"], s["unknown"], s["replicas"], s["seconds_ago"]) for s in history["samples"]
    ] == [(9.0, None, 0.0, [], 3, 90.0), (None, None, None, ["gpu", "queue"], 0, 30.0)]
    _, document = await json_of(http, "/v1/workloads/ai/agent/history?since=10s")
    assert [change["verdict"] for change in document["histories"][0]["changes"]] == ["unknown"]
    _, document = await json_of(http, "/v1/workloads/ai/agent/history?since=31s")
    assert [change["verdict"] for change in document["histories"][0]["changes"]] == ["active", "unknown"]


@pytest.mark.parametrize(
    ("path", "status", "sentence"),
    [
        ("/v1/workloads/ai/other/history", 404, "there is no workload ai/other; did you mean ai/agent?"),
        (
            "/v1/workloads/ai/agent/history?since=5",
            400,
            "since: must be a duration such as 250ms, 90s or 1h30m, not '5'",
        ),
    ],
)
async def test_a_history_that_is_not_there_is_an_error(
    http: aiohttp.ClientSession, views: StagedViews, path: str, status: int, sentence: str
) -> None:
    """
    A workload that is not known, and a time that is none.
    """
    views.known = [shown()]
    assert await json_of(http, path) == (status, {"error": sentence})


async def test_unknown_and_absent_are_told_apart(http: aiohttp.ClientSession, views: StagedViews) -> None:
    """
    Neither has a value; unknown has its cause and since when, absent its age.
    """
    wants = (unknown(QUEUE), NO_GPU)
    views.known = [shown(wants=wants, replicas=0, verdict=Verdict.UNKNOWN, phase=None, reason=Reason.UNKNOWN)]
    _, document = await json_of(http, "/v1/workloads/ai/agent")
    (workload,) = document["workloads"]
    assert (workload["verdict"], workload["phase"], workload["reason"]) == ("unknown", None, "unknown")
    assert [
        (s["state"], s["value"], s["age_seconds"], s["cause"], s["unknown_seconds"], s["wants"])
        for s in workload["signals"]
    ] == [
        ("unknown", None, None, "redis-main refuses the connection", 10.0, None),
        ("absent", None, 5.0, None, None, None),
    ]


async def test_every_trigger_of_a_scaled_object_is_shown(http: aiohttp.ClientSession, views: StagedViews) -> None:
    """
    In the engine's order, and nobody else's.
    """
    views.known = [shown(replicas=1), shown(replicas=2), shown("ai", "other")]
    _, document = await json_of(http, "/v1/workloads/ai/agent")
    assert [workload["replicas"] for workload in document["workloads"]] == [1, 2]


async def test_a_name_in_a_path_may_be_escaped(http: aiohttp.ClientSession, views: StagedViews) -> None:
    """
    As a client does that escapes more than it must.
    """
    views.known = [shown("ai", "a.b")]
    async with http.get(URL("/v1/workloads/%61i/a%2Eb", encoded=True)) as response:
        assert response.status == 200


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        ("/v1/workloads/ai/agnet", "there is no workload ai/agnet; did you mean ai/agent or ai/agent-two?"),
        ("/v1/workloads/x/yz", "there is no workload x/yz; it is known from KEDA's first call on"),
    ],
)
async def test_a_workload_that_is_not_known_has_its_neighbours_named(
    http: aiohttp.ClientSession, views: StagedViews, path: str, sentence: str
) -> None:
    """
    For a name mistyped; a name like no other gets the reason why it may be missing.
    """
    views.known = [shown(), shown(), shown(name="agent-two"), shown("prod", "transcriber")]
    assert await json_of(http, path) == (404, {"error": sentence})


async def test_errors_are_json(http: aiohttp.ClientSession) -> None:
    """
    Unknown paths and methods too.
    """
    assert await json_of(http, "/v2") == (404, {"error": "404: Not Found"})
    async with http.post("/healthz") as response:
        assert (response.status, await response.json()) == (405, {"error": "405: Method Not Allowed"})
        assert response.headers["Allow"] == "GET,HEAD"
    for unlike in ("/v1/workloads/ai", "/v1/workloads/ai/", "/v1/workloads/ai/agent/x"):
        assert (await json_of(http, unlike))[0] == 404


async def test_the_unexpected_is_told_to_the_log_alone(
    http: aiohttp.ClientSession, views: StagedViews, caplog: pytest.LogCaptureFixture
) -> None:
    """
    The reader gets a number, the log the traceback, and the server goes on.
    """
    views.trouble = RuntimeError("redis://user:hunter2@host")
    status, document = await json_of(http, "/v1/workloads/ai/agent")
    assert status == 500
    assert "hunter2" not in document["error"]
    incident = document["error"].split("incident ")[1].split()[0]
    (record,) = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert incident in record.getMessage()
    assert record.exc_info is not None
    assert record.exc_info[1] is views.trouble
    assert (await text_of(http, "/healthz"))[0] == 200


async def test_a_port_that_is_taken_is_a_clear_error(views: StagedViews, server: GrpcServer) -> None:
    """
    Taken by our own gRPC server, for instance.
    """
    port = await server.start()
    second = HttpServer(views, server, CollectorRegistry(), host="127.0.0.1", port=port)
    with pytest.raises(ListenError, match=f"cannot listen on 127.0.0.1:{port}: another process"):
        await second.start()


async def test_metrics_are_those_of_the_engine_and_of_the_process(
    http: aiohttp.ClientSession, views: StagedViews
) -> None:
    """
    In Prometheus' text format, or in OpenMetrics for who asks for it.
    """
    views.known = [shown()]
    sample = (
        'gpu_agent_scaler_workload_desired_replicas{scaledobject="agent",scaledobject_namespace="ai",trigger="0"} 3.0'
    )
    async with http.get("/metrics") as response:
        assert response.status == 200
        assert response.headers["Content-Type"].startswith("text/plain; version=")
        lines = (await response.text()).splitlines()
    assert sample in lines
    assert "of_the_process_total 3.0" in lines
    async with http.get("/metrics", headers={"Accept": "application/openmetrics-text; version=1.0.0"}) as response:
        assert response.headers["Content-Type"].startswith("application/openmetrics-text; version=1.0.0")
        lines = (await response.text()).splitlines()
    assert sample in lines
    assert lines[-1] == "# EOF"


@pytest.mark.parametrize(("accepted", "used"), [("gzip, deflate", "gzip"), ("identity", None)])
async def test_metrics_are_packed_for_who_can_unpack_them(
    http: aiohttp.ClientSession, views: StagedViews, accepted: str, used: str | None
) -> None:
    """
    A thousand workloads are megabytes; the client unpacks by itself.
    """
    views.known = [shown()]
    async with http.get("/metrics", headers={"Accept-Encoding": accepted}) as response:
        assert response.headers.get("Content-Encoding") == used
        assert "of_the_process_total 3.0" in (await response.text()).splitlines()
