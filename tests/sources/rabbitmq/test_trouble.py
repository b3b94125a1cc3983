"""
Why a RabbitMQ cannot be asked, in sentences for the operator.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from scaler.domain.readings import QueueDepth
from scaler.sources.base import SourceError
from scaler.sources.rabbitmq import RabbitSource
from tests.servers.certificates import Certificates
from tests.servers.rabbitmq import RabbitServer
from tests.sources.http_server import HttpServer, text
from tests.sources.rabbitmq.conftest import PASSWORD, Login, MakeSource, StartRelay
from tests.sources.rabbitmq.world import administer, ask, fill, read, user, virtual_host, waits


async def trouble_of(source: RabbitSource) -> str:
    """
    Return what a source raises when it is read.
    """
    with pytest.raises(SourceError) as trouble:
        await read(source, "jobs")
    assert PASSWORD not in str(trouble.value)
    return str(trouble.value)


def change_password(login: Login, password: str) -> None:
    """
    Write another password into the file that a login reads.
    """
    Path(login["password"]["file"]).write_text(password)


@pytest.fixture
def addresses(rabbitmq: RabbitServer, request: pytest.FixtureRequest) -> Mapping[str, Any]:
    """
    One address of the broker.
    """
    return {request.param: getattr(rabbitmq, request.param)}


EACH_ADDRESS = pytest.mark.parametrize("addresses", ["amqp", "management"], indirect=True)


@EACH_ADDRESS
async def test_a_wrong_password_is_told_and_stays_secret(
    addresses: Mapping[str, Any], onlooker: Login, source_of: MakeSource
) -> None:
    """
    A refused login names the user, and of the password says nothing.
    """
    change_password(onlooker, "almost " + PASSWORD)
    trouble = await trouble_of(source_of(**addresses, **onlooker))
    assert "refused user 'onlooker'" in trouble
    assert "check username and password" in trouble


@EACH_ADDRESS
async def test_a_password_is_read_again(
    addresses: Mapping[str, Any], rabbitmq: RabbitServer, queue_name: str, onlooker: Login, source_of: MakeSource
) -> None:
    """
    A password that is put right in its file lets the next attempt in; AMQP's comes two seconds after the refusal.
    """
    fill(rabbitmq, queue_name, 1)
    change_password(onlooker, "wrong")
    source = source_of(**addresses, **onlooker)
    await trouble_of(source)
    change_password(onlooker, PASSWORD)
    deadline = time.monotonic() + 10
    while True:
        try:
            await waits(source, queue_name, 1)
            break
        except SourceError:
            assert time.monotonic() < deadline
            await asyncio.sleep(0.1)


@EACH_ADDRESS
async def test_a_password_must_be_given(addresses: Mapping[str, Any], source_of: MakeSource, tmp_path: Path) -> None:
    """
    Only `guest` has a well-known password; a file that is not there is named.
    """
    assert "user 'scaler' has no password" in await trouble_of(source_of(**addresses, username="scaler"))
    missing = {"file": str(tmp_path / "missing")}
    assert f"{tmp_path}/missing" in await trouble_of(source_of(**addresses, password=missing))


async def test_a_virtual_host_without_permissions_is_told(
    rabbitmq: RabbitServer, queue_name: str, onlooker: Login, source_of: MakeSource
) -> None:
    """
    AMQP and the management API both name the user and the virtual host that it may not enter.
    """
    with virtual_host(rabbitmq, queue_name) as vhost:
        for address in ({"amqp": rabbitmq.amqp}, {"management": rabbitmq.management}):
            trouble = await trouble_of(source_of(vhost=vhost, **address, **onlooker))
            assert "'onlooker'" in trouble
            assert f"virtual host {vhost!r}" in trouble
            assert "permissions" in trouble


async def test_the_management_api_wants_a_tag(
    rabbitmq: RabbitServer, onlooker: Login, queue_name: str, source_of: MakeSource
) -> None:
    """
    A user without the tag `management` may use AMQP and not the API, and is told which tag it lacks.
    """
    fill(rabbitmq, queue_name, 1)
    administer(rabbitmq, "PUT", "users/onlooker", {"password": PASSWORD, "tags": ""})
    assert await read(source_of(amqp=rabbitmq.amqp, **onlooker), queue_name) == QueueDepth(1)
    assert "tag `management`" in await trouble_of(source_of(management=rabbitmq.management, **onlooker))


async def test_a_wrong_port_is_told(rabbitmq: RabbitServer, source_of: MakeSource) -> None:
    """
    AMQP spoken to the management API gets no answer; HTTP spoken to AMQP gets a strange one; TLS gets none that fits.
    """
    amqp, management = rabbitmq.amqp, rabbitmq.management.removeprefix("http://")
    assert "did not answer" in await trouble_of(source_of(amqp=management, timeout="500ms"))
    assert "check the URL" in await trouble_of(source_of(management=f"http://{amqp}"))
    assert "TLS failed" in await trouble_of(source_of(amqp=amqp, tls={}))
    assert "TLS failed" in await trouble_of(source_of(management=f"https://{management}"))


async def test_a_name_that_does_not_resolve_is_told(source_of: MakeSource) -> None:
    """
    Both addresses say so, and name the host.
    """
    for address in ({"amqp": "rabbit.invalid:5672"}, {"management": "http://rabbit.invalid:15672"}):
        trouble = await trouble_of(source_of(**address))
        assert "rabbit.invalid" in trouble
        assert "does not resolve" in trouble


async def test_a_broken_connection_is_opened_again(
    rabbitmq: RabbitServer, queue_name: str, start_relay: StartRelay, source_of: MakeSource
) -> None:
    """
    One connection serves all reads; when it is cut, one read at most fails, and at once.
    """
    fill(rabbitmq, queue_name, 2)
    relay = await start_relay(rabbitmq.amqp_port)
    source = source_of(amqp=relay.address)
    for _ in range(3):
        assert await read(source, queue_name) == QueueDepth(2)
    assert relay.accepted == 1
    relay.cut()
    try:
        await read(source, queue_name)
    except SourceError as error:
        assert relay.address in str(error)  # noqa: PT017 - whether the read fails depends on who notices first
    assert await read(source, queue_name) == QueueDepth(2)
    assert relay.accepted == 2


async def test_a_silent_broker_is_given_up_before_the_deadline(
    rabbitmq: RabbitServer, queue_name: str, start_relay: StartRelay, source_of: MakeSource
) -> None:
    """
    A connection that says nothing more ends a read at three quarters of the deadline, however often it is asked.
    """
    fill(rabbitmq, queue_name, 2)
    relay = await start_relay(rabbitmq.amqp_port)
    source = source_of(amqp=relay.address, timeout="1200ms")
    assert await read(source, queue_name) == QueueDepth(2)
    relay.hang()
    for _ in range(6):
        async with asyncio.timeout(1.2):
            assert relay.address in await trouble_of(source)
    relay.resume()
    await waits(source, queue_name, 2)


async def test_tls_is_spoken_where_it_is_set(
    start_rabbitmq: Callable[..., RabbitServer], certificates: Certificates, source_of: MakeSource
) -> None:
    """
    With its authority, or unverified, a broker that speaks TLS is read; without either its certificate is refused.
    """
    server = start_rabbitmq(certificates)
    addresses = {"amqp": server.amqp, "management": server.management}
    for tls in ({"ca": str(certificates.ca)}, {"insecureSkipVerify": True}):
        assert (await source_of(**addresses, tls=tls).probe()).startswith("RabbitMQ ")
    for key, address in addresses.items():
        assert "certificate is not trusted" in await trouble_of(source_of(**{key: address}, tls={}))
        assert "/nowhere/ca.pem" in await trouble_of(source_of(**{key: address}, tls={"ca": "/nowhere/ca.pem"}))


@pytest.mark.parametrize(
    ("body", "status", "told"),
    [
        ("<html>", 200, "check the URL"),
        ('{"queues": []}', 200, "check the URL"),
        ('[{"type": "classic"}]', 200, "check the URL"),
        ("[1]", 200, "check the URL"),
        ('{"error": "x", "reason": "on fire"}', 500, "status 500 (on fire)"),
        ('{"reason": 1}', 302, "status 302 (1)"),
        ("gone", 503, "status 503"),
    ],
)
async def test_a_strange_answer_is_not_believed(source_of: MakeSource, body: str, status: int, told: str) -> None:
    """
    What is not the management API's answer is trouble with the connection.
    """
    server = HttpServer(text(body, status, "application/json"))
    await server.start()
    try:
        trouble = await trouble_of(source_of(management=server.url))
        assert server.host in trouble
        assert told in trouble
    finally:
        await server.stop()


async def test_slow_listings_are_asked_for_less_often(source_of: MakeSource) -> None:
    """
    Listings that take 300 ms come 600 ms apart at least; a single slow one among quick ones changes nothing.
    """
    slow = True

    async def answer(_: web.Request) -> web.Response:
        await asyncio.sleep(0.3 if slow else 0)
        return web.json_response([])

    server = HttpServer(answer)
    await server.start()
    try:
        source = source_of(management=server.url)
        assert source.close_interval == 0.25
        await source.read([ask("jobs")])
        assert source.close_interval == 0.25
        await source.read([ask("jobs")])
        assert 0.6 <= source.close_interval <= 5
        slow = False
        await source.read([ask("jobs")])
        assert source.close_interval < 0.6
    finally:
        await server.stop()


async def test_a_probe_says_what_is_there(
    rabbitmq: RabbitServer, queue_name: str, onlooker: Login, source_of: MakeSource
) -> None:
    """
    A probe names the version, the way, the virtual host, and what AMQP alone hides; it fails if one address does.
    """
    both = {"amqp": rabbitmq.amqp, "management": rabbitmq.management}
    found = await source_of(**both, **onlooker).probe()
    version = found.split()[1]
    assert found == f"RabbitMQ {version} by AMQP and the management API, virtual host '/'"
    by_amqp = await source_of(amqp=rabbitmq.amqp).probe()
    assert by_amqp.startswith(f"RabbitMQ {version} by AMQP, virtual host '/': it tells ready messages only; give")
    by_management = await source_of(management=rabbitmq.management).probe()
    assert by_management == f"RabbitMQ {version} by the management API, virtual host '/'"
    with user(rabbitmq, queue_name, PASSWORD, vhosts=["/"]), pytest.raises(SourceError, match="tag `management`"):
        await source_of(**both, username=queue_name, password=onlooker["password"]).probe()
