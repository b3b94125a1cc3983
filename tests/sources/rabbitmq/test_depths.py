"""
What RabbitMQ's queues of all kinds and names are said to hold.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from scaler.domain.readings import QueueDepth
from scaler.sources.base import SourceError
from tests.servers.rabbitmq import RabbitServer
from tests.sources.rabbitmq.conftest import MakeSource
from tests.sources.rabbitmq.world import ask, channel, fill, publish, read, take, virtual_host, waits

AMQP, MANAGEMENT = ("amqp",), ("management",)
WAYS = pytest.mark.parametrize("way", [AMQP, MANAGEMENT, AMQP + MANAGEMENT], ids="+".join)
COUNTING_WAYS = pytest.mark.parametrize("way", [MANAGEMENT, AMQP + MANAGEMENT], ids="+".join)


def addresses(server: RabbitServer, way: tuple[str, ...]) -> Mapping[str, Any]:
    """
    Return the addresses that a way goes by.
    """
    return {key: getattr(server, key) for key in way}


@WAYS
async def test_any_name_is_only_a_name(
    rabbitmq: RabbitServer, queue_name: str, source_of: MakeSource, way: tuple[str, ...]
) -> None:
    """
    Slashes, spaces, percent signs, umlauts and patterns in names of queues mean nothing but themselves.
    """
    names = [queue_name + odd for odd in ("/a", " b", "%2F", "?c=d&e#f", ".*|^$", "äß漢😀", "\\n'\"")]
    for number, name in enumerate(names):
        fill(rabbitmq, name, number)
    answers = await source_of(**addresses(rabbitmq, way)).read([ask(name) for name in names])
    assert [answer.waiting for answer in answers.values() if isinstance(answer, QueueDepth)] == list(range(len(names)))


@WAYS
async def test_a_virtual_host_is_the_connections_or_the_questions(
    rabbitmq: RabbitServer, queue_name: str, source_of: MakeSource, way: tuple[str, ...]
) -> None:
    """
    A queue's name means another queue in each virtual host; one that is not there is the trouble of its own questions.
    """
    with virtual_host(rabbitmq, f"/{queue_name} ü%2F") as vhost:
        fill(rabbitmq, queue_name, 1)
        fill(rabbitmq, queue_name, 2, vhost=vhost)
        source = source_of(vhost=vhost, **addresses(rabbitmq, way))
        answers = await source.read([ask(queue_name), ask(queue_name, vhost), ask(queue_name, "/"), ask("any", "none")])
        depths = [answer.waiting for answer in answers.values() if isinstance(answer, QueueDepth)]
        assert depths == [2, 2, 1]
        assert "virtual host 'none'" in str(answers[ask("any", "none")])


@WAYS
async def test_priorities_do_not_matter(
    rabbitmq: RabbitServer, queue_name: str, source_of: MakeSource, way: tuple[str, ...]
) -> None:
    """
    A queue with priorities holds all its messages.
    """
    fill(rabbitmq, queue_name, 3, max_priority=5)
    answer = await read(source_of(**addresses(rabbitmq, way)), queue_name)
    assert isinstance(answer, QueueDepth)
    assert answer.waiting == 3


@WAYS
async def test_a_quorum_queue_is_a_queue(
    rabbitmq: RabbitServer, queue_name: str, source_of: MakeSource, way: tuple[str, ...]
) -> None:
    """
    AMQP tells a quorum queue's messages at once, the management API with its next tick, five seconds later at most.
    """
    source = source_of(**addresses(rabbitmq, way))
    fill(rabbitmq, queue_name, 2, queue_type="quorum")
    if way == MANAGEMENT:
        await waits(source, queue_name, 2)
    answer = await read(source, queue_name)
    assert isinstance(answer, QueueDepth)
    assert answer.waiting == 2


async def test_amqp_hides_what_is_in_flight(rabbitmq: RabbitServer, queue_name: str, source_of: MakeSource) -> None:
    """
    By AMQP alone a message that was taken is gone, and the answer says that nothing is known of it.
    """
    fill(rabbitmq, queue_name, 2)
    with channel(rabbitmq) as worker:
        take(worker, queue_name)
        assert await read(source_of(amqp=rabbitmq.amqp), queue_name) == QueueDepth(1, None)


@COUNTING_WAYS
async def test_the_management_api_tells_what_is_in_flight(
    rabbitmq: RabbitServer, queue_name: str, source_of: MakeSource, way: tuple[str, ...]
) -> None:
    """
    A message that was taken and not acknowledged is in flight; when its worker dies it waits again.
    """
    fill(rabbitmq, queue_name, 3)
    with channel(rabbitmq) as worker:
        take(worker, queue_name)
        take(worker, queue_name)
        assert await read(source_of(**addresses(rabbitmq, way)), queue_name) == QueueDepth(1, 2)
    assert await read(source_of(**addresses(rabbitmq, way)), queue_name) == QueueDepth(3, 0)


@COUNTING_WAYS
async def test_a_stream_has_no_depth(
    rabbitmq: RabbitServer, queue_name: str, source_of: MakeSource, way: tuple[str, ...]
) -> None:
    """
    A stream keeps what was read from it: how much work is left it cannot tell, and it is said to be a stream.
    """
    fill(rabbitmq, queue_name, 3, queue_type="stream")
    answer = await read(source_of(**addresses(rabbitmq, way)), queue_name)
    assert isinstance(answer, SourceError)
    assert "is a stream" in str(answer)


@WAYS
async def test_a_missing_queue_is_named_and_unknown(
    rabbitmq: RabbitServer, queue_name: str, source_of: MakeSource, way: tuple[str, ...]
) -> None:
    """
    Queues that do not exist cost their neighbours nothing, even where there are many; one that is made is seen soon.
    """
    fill(rabbitmq, queue_name, 5)
    source = source_of(**addresses(rabbitmq, way), timeout="20s")
    missing = [f"{queue_name}-{number}" for number in range(150)]
    for _ in range(3):
        answers = await source.read([*map(ask, missing), ask(queue_name)])
        assert {str(answers[ask(name)]) for name in missing} == {
            f"queue {name!r} does not exist in virtual host '/'" for name in missing
        }
        answer = answers[ask(queue_name)]
        assert isinstance(answer, QueueDepth)
        assert answer.waiting == 5
    fill(rabbitmq, missing[0], 1)
    await waits(source, missing[0], 1)


async def test_somebody_elses_queue_is_unknown(rabbitmq: RabbitServer, queue_name: str, source_of: MakeSource) -> None:
    """
    An exclusive queue answers its owner only, and AMQP says so.
    """
    with channel(rabbitmq) as owner:
        owner.queue_declare(queue_name, exclusive=True)
        publish(owner, queue_name)
        answer = await read(source_of(amqp=rabbitmq.amqp), queue_name)
    assert isinstance(answer, SourceError)
    assert "exclusive" in str(answer)


@pytest.mark.parametrize("name", ["", "x" * 256], ids=["empty", "too long"])
async def test_an_impossible_name_is_refused(rabbitmq: RabbitServer, source_of: MakeSource, name: str) -> None:
    """
    AMQP takes an empty name for the last queue that was asked for, and none longer than 255 bytes.
    """
    answer = await read(source_of(amqp=rabbitmq.amqp), name)
    assert isinstance(answer, SourceError)
    assert "1 to 255 bytes" in str(answer)


async def test_virtual_hosts_are_bounded(rabbitmq: RabbitServer, queue_name: str, source_of: MakeSource) -> None:
    """
    Every virtual host costs a connection, so one source asks 32 of them; the next one is refused, but never its own.
    """
    fill(rabbitmq, queue_name, 1)
    others = [ask("any", f"vhost-{number}") for number in range(33)]
    answers = await source_of(amqp=rabbitmq.amqp).read([*others, ask(queue_name)])
    assert "refused virtual host 'vhost-31'" in str(answers[others[31]])
    assert "asks 32 virtual hosts already" in str(answers[others[32]])
    assert answers[ask(queue_name)] == QueueDepth(1)
