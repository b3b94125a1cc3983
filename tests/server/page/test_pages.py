"""
The page across a real socket: what is on it, what it allows, how large lists are read, and how long it takes.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace

import aiohttp
import pytest
from prometheus_client import CollectorRegistry

from scaler.domain.decision import Phase, Verdict
from scaler.engine.showing import Showing
from scaler.engine.views import ConfigurationView, SettingsView, WorkloadView
from scaler.server.grpc_server import GrpcServer
from scaler.server.http_server import HttpServer
from scaler.settings.origins import Origin, Setting
from tests.engine.installation import caller, installed
from tests.server.page.staged import EVENTFUL
from tests.server.showing import StagedViews, shown

PAGES = ("/", "/workloads/ai/agent", "/sources", "/configuration")


async def text_of(http: aiohttp.ClientSession, path: str, status: int = 200) -> str:
    """
    Return a page.
    """
    async with http.get(path) as response:
        assert response.status == status
        assert response.content_type == "text/html"
        return await response.text()


def many(number: int) -> list[WorkloadView]:
    """
    Return so many workloads in seven namespaces, one in ten of them active.
    """
    return [
        shown(f"team-{index % 7}", f"agent-{index}", phase=Phase.ACTIVE)
        if index % 10 == 0
        else shown(f"team-{index % 7}", f"agent-{index}", phase=Phase.IDLE, verdict=Verdict.INACTIVE, replicas=0)
        for index in range(number)
    ]


@pytest.mark.parametrize("path", [*PAGES, "/workloads/ai/nobody"])
async def test_nothing_but_its_own_files_may_run_or_load(
    http: aiohttp.ClientSession, views: StagedViews, path: str
) -> None:
    """
    The policy forbids everything else; no style, script or handler stands in the page itself; no other host is named.
    """
    views.known, views.past = [shown()], EVENTFUL
    async with http.get(path) as response:
        policy = response.headers["Content-Security-Policy"].split("; ")
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        text = await response.text()
    assert policy[0] == "default-src 'none'"
    assert {"script-src 'self'", "style-src 'self'", "frame-ancestors 'none'"} <= set(policy)
    assert "unsafe" not in " ".join(policy)
    for forbidden in ("style=", "<style", "onclick", "onload", "javascript:", "http://", "https://"):
        assert forbidden not in text


@pytest.mark.parametrize("name", ["page.css", "page.js", "icon.svg"])
async def test_its_own_files_name_no_other_host(http: aiohttp.ClientSession, name: str) -> None:
    """
    They are served with their types; only the name of a format looks like an address.
    """
    async with http.get(f"/static/{name}") as response:
        assert response.status == 200
        assert response.content_type in {"text/css", "text/javascript", "image/svg+xml"}
        text = await response.text()
    assert "://" not in text.replace("http://www.w3.org/2000/svg", "")


@pytest.mark.parametrize("path", ["/static/other.css", "/static/../pages.py", "/static/..%2Fpages.py", "/workloads/ai"])
async def test_nothing_else_is_served(http: aiohttp.ClientSession, path: str) -> None:
    """
    No file but those, and no page but those.
    """
    async with http.get(path) as response:
        assert response.status == 404


async def test_the_page_is_read_only(http: aiohttp.ClientSession, views: StagedViews) -> None:
    """
    Nothing but GET and HEAD is understood.
    """
    views.known = [shown()]
    for path in PAGES:
        async with http.post(path) as response:
            assert response.status == 405


async def test_an_empty_list_says_why(http: aiohttp.ClientSession, views: StagedViews) -> None:
    """
    Nobody called yet, or nobody is like that.
    """
    assert "No workload yet. One is known from KEDA's first call" in await text_of(http, "/")
    views.known = [shown()]
    assert "No workload is like that." in await text_of(http, "/?q=nobody")


async def test_a_workload_that_is_not_known_has_its_neighbours_named(
    http: aiohttp.ClientSession, views: StagedViews
) -> None:
    """
    As in the JSON, on a page.
    """
    views.known = [shown()]
    text = await text_of(http, "/workloads/ai/agnet", 404)
    assert "there is no workload ai/agnet; did you mean ai/agent?" in text


async def test_a_long_list_has_pages_and_can_be_searched(http: aiohttp.ClientSession, views: StagedViews) -> None:
    """
    Fifty a page; by a part of the name, by phase, and both; what makes no sense is left out of account.
    """
    views.known = many(120)
    first = await text_of(http, "/")
    assert first.count('<th scope="row">') == 50
    assert "page 1 of 3" in first
    assert (await text_of(http, "/?page=3")).count('<th scope="row">') == 20
    assert "page 3 of 3" in await text_of(http, "/?page=99")
    assert "page 1 of 3" in await text_of(http, "/?page=-1&phase=nonsense")
    active = await text_of(http, "/?phase=active")
    assert active.count('<th scope="row">') == 12
    assert "phase active" in active
    assert "phase idle" not in active
    both = await text_of(http, "/?phase=active&q=TEAM-3/")
    names = {f"team-{index % 7}/<wbr>agent-{index}" for index in range(0, 120, 10) if index % 7 == 3}
    assert both.count('<th scope="row">') == len(names)
    assert all(name in both for name in names)


async def test_every_trigger_of_a_scaled_object_has_its_part(http: aiohttp.ClientSession, views: StagedViews) -> None:
    """
    Two triggers: two decisions, two pictures.
    """
    views.known, views.past = [shown(replicas=1), shown(replicas=2)], EVENTFUL
    text = await text_of(http, "/workloads/ai/agent")
    assert "Trigger 2 of 2" in text
    assert text.count("<figure>") == 2


async def test_the_time_that_is_drawn_can_be_chosen(http: aiohttp.ClientSession, views: StagedViews) -> None:
    """
    As far as the history goes, or one of a few lengths; anything else is the former.
    """
    views.known, views.past = [shown()], EVENTFUL
    assert "The last 15 min<" in await text_of(http, "/workloads/ai/agent")
    assert "The last 5 min<" in await text_of(http, "/workloads/ai/agent?since=5m")
    assert "The last 15 min<" in await text_of(http, "/workloads/ai/agent?since=1000h")


async def test_a_policy_that_is_only_watched_is_never_taken_for_the_answer(
    http: aiohttp.ClientSession, views: StagedViews
) -> None:
    """
    Beside an answer it is drawn and told as what would be; without one the page says that KEDA gets an error.
    """
    agent = shown()
    watched = replace(agent, policy="candidate", acts=False, decision=replace(agent.decision, replicas=7))
    rules = SettingsView("default", (Setting("a", "1", Origin.POLICY),), SettingsView("candidate"))
    views.past, views.rules = replace(EVENTFUL, shadow=EVENTFUL), rules
    views.known = [replace(agent, shadow=watched)]
    text = await text_of(http, "/workloads/ai/agent")
    assert "Policy <b>candidate</b> would be" in text
    assert '<path class="line shadow"' in text
    assert "Decisions of candidate" in text
    views.known, views.past = [watched], EVENTFUL
    assert "Policy candidate is in shadow mode: this is only watched, and KEDA gets an error." in await text_of(
        http, "/workloads/ai/agent"
    )


async def test_a_thousand_workloads_are_listed_in_half_a_second(server: GrpcServer) -> None:
    """
    By a whole engine, a search in all of them and one of them alone, too; on one core, other work there not counted.
    """
    async with installed() as it:
        for number in range(1000):
            it.queue(number % 3, 0, key=f"q{number}")
            it.engine.accept(caller(f"agent-{number}", queue=f"q{number}"))
        showing = Showing(it.engine, ConfigurationView(loaded_at=0.0, generation=1))
        async with asyncio.timeout(30):
            while None in {glance.verdict for glance in showing.glances()}:  # noqa: ASYNC110 - nobody else is told
                await asyncio.sleep(0.05)
        http_server = HttpServer(showing, server, CollectorRegistry(), host="127.0.0.1", port=0)
        site = f"http://127.0.0.1:{await http_server.start()}"
        async with aiohttp.ClientSession(site) as http:
            assert "all <b>1000</b>" in await text_of(http, "/")
            for path in ("/", "/?q=agent-99", "/?phase=waking&page=2", "/workloads/ai/agent-7"):
                begun = time.process_time()
                await text_of(http, path)
                assert time.process_time() - begun < 0.5, path
        await http_server.stop()
