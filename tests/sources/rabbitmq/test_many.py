"""
Many queues of a RabbitMQ, asked for together.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence

import pytest

from scaler.domain.readings import QueueDepth
from scaler.sources.base import Answer, SourceError
from scaler.sources.rabbitmq import RabbitSource
from tests.servers.rabbitmq import RabbitServer
from tests.sources.rabbitmq.conftest import MakeSource, StartRelay
from tests.sources.rabbitmq.relay import MuteRelay
from tests.sources.rabbitmq.world import ask, channel, fill, publish, read, take, waits

MANY = 120
WAYS = pytest.mark.parametrize("way", [("amqp",), ("management",), ("amqp", "management")], ids="+".join)
COUNTING_WAYS = pytest.mark.parametrize("way", [("management",), ("amqp", "management")], ids="+".join)


@pytest.fixture
def queues(rabbitmq: RabbitServer, queue_name: str) -> Iterator[Sequence[str]]:
    """
    Many queues; each holds as many messages as the last digit of its number.
    """
    names = [f"{queue_name}-{number}" for number in range(MANY)]
    with channel(rabbitmq) as client:
        for number, name in enumerate(names):
            client.queue_declare(name, durable=True)
            publish(client, name, number % 10)
    yield names
    with channel(rabbitmq) as client:
        for name in names:
            client.queue_delete(name)


@pytest.fixture
async def mute(rabbitmq: RabbitServer) -> AsyncIterator[MuteRelay]:
    """
    A relay in front of the broker that can mute a queue.
    """
    relay = MuteRelay(rabbitmq.amqp_port)
    await relay.start()
    yield relay
    await relay.stop()


async def look(source: RabbitSource, queues: Sequence[str]) -> Mapping[str, Answer]:
    """
    Return the answers, by queue, to one read.
    """
    answers = await source.read([ask(queue) for queue in queues])
    return {queue: answers[ask(queue)] for queue in queues}


def waiting(answers: Mapping[str, Answer]) -> list[int | None]:
    """
    Return how many messages wait on each queue; None where that is unknown.
    """
    return [answer.waiting if isinstance(answer, QueueDepth) else None for answer in answers.values()]


def troubles(answers: Mapping[str, Answer]) -> dict[str, str]:
    """
    Return what is wrong with each queue that is unknown.
    """
    return {queue: str(answer) for queue, answer in answers.items() if isinstance(answer, SourceError)}


NUMBERS = [number % 10 for number in range(MANY)]


@WAYS
async def test_each_queue_has_its_own_number(
    rabbitmq: RabbitServer, queues: Sequence[str], queue_name: str, source_of: MakeSource, way: tuple[str, ...]
) -> None:
    """
    However many queues are asked for together, and a quorum queue among them: no number is another one's.
    """
    source = source_of(**{key: getattr(rabbitmq, key) for key in way})
    fill(rabbitmq, queue_name, 11, queue_type="quorum")
    if way == ("management",):
        await waits(source, queue_name, 11)
    half = MANY // 2
    for _ in range(3):
        answers = await look(source, [*queues[:half], queue_name, *queues[half:]])
        assert waiting(answers) == [*NUMBERS[:half], 11, *NUMBERS[half:]]


@COUNTING_WAYS
async def test_jobs_taken_between_two_reads_do_not_vanish(
    rabbitmq: RabbitServer, queues: Sequence[str], source_of: MakeSource, way: tuple[str, ...]
) -> None:
    """
    One job of each queue that has any is taken after the first read: the next one counts as many jobs as before.
    """
    source = source_of(**{key: getattr(rabbitmq, key) for key in way})
    assert waiting(await look(source, queues)) == NUMBERS
    with channel(rabbitmq) as worker:
        for queue, number in zip(queues, NUMBERS, strict=True):
            if number:
                take(worker, queue)
        expected = [QueueDepth(max(number - 1, 0), min(number, 1)) for number in NUMBERS]
        assert list((await look(source, queues)).values()) == expected


async def test_many_queues_travel_together(
    rabbitmq: RabbitServer, queues: Sequence[str], start_relay: StartRelay, source_of: MakeSource
) -> None:
    """
    Once its channels are open, a read by AMQP sends far fewer pieces than it asks for queues.
    """
    relay = await start_relay(rabbitmq.amqp_port)
    source = source_of(amqp=relay.address)
    for _ in range(3):
        await look(source, queues)
    before = relay.pieces
    assert waiting(await look(source, queues)) == NUMBERS
    assert relay.pieces - before <= MANY / 5


async def test_a_queue_that_is_deleted_takes_nobody_with_it(
    rabbitmq: RabbitServer, queues: Sequence[str], source_of: MakeSource
) -> None:
    """
    Its channel is closed with other questions on their way: those are asked again in the same read.
    """
    source = source_of(amqp=rabbitmq.amqp)
    assert waiting(await look(source, queues)) == NUMBERS
    with channel(rabbitmq) as client:
        for queue in queues[40:42]:
            client.queue_delete(queue)
    for _ in range(2):
        answers = await look(source, queues)
        assert troubles(answers) == {
            queue: f"queue {queue!r} does not exist in virtual host '/'" for queue in queues[40:42]
        }
        assert waiting(answers) == [*NUMBERS[:40], None, None, *NUMBERS[42:]]


async def test_late_answers_reach_nobody(
    rabbitmq: RabbitServer, queues: Sequence[str], start_relay: StartRelay, source_of: MakeSource
) -> None:
    """
    A read is given up with many answers on their way; they come during later reads, whose numbers stay right.
    """
    relay = await start_relay(rabbitmq.amqp_port)
    source = source_of(amqp=relay.address, timeout="1200ms")
    assert waiting(await look(source, queues)) == NUMBERS
    relay.hang()
    with pytest.raises(SourceError, match="did not answer"):
        await look(source, queues)
    backwards = queues[::-1]
    fill(rabbitmq, queues[0], 7)
    relay.resume()
    await waits(source, queues[0], 7)
    deadline = time.monotonic() + 10
    while troubles(answers := await look(source, backwards)):
        assert time.monotonic() < deadline, troubles(answers)
        await asyncio.sleep(0.05)
    assert waiting(answers)[::-1] == [7, *NUMBERS[1:]]


async def test_a_silent_queue_delays_others_once(mute: MuteRelay, queues: Sequence[str], source_of: MakeSource) -> None:
    """
    One read misses those behind a queue that falls silent; from then on it is asked on a channel of its own.
    """
    source = source_of(amqp=mute.address, timeout="1200ms")
    assert waiting(await look(source, queues)) == NUMBERS
    silent = mute.muted = queues[60]
    behind = troubles(await look(source, queues))
    assert behind.pop(silent) == f"queue {silent!r} did not answer within 0.9 s"
    assert all("was kept waiting" in trouble for trouble in behind.values())
    assert len(behind) < MANY * 0.6
    deadline = time.monotonic() + 15
    while mute.ignored < 3:
        assert time.monotonic() < deadline
        assert set(troubles(await look(source, queues))) == {silent}
        await asyncio.sleep(0.05)
    mute.muted = None
    await waits(source, silent, 0)
    assert waiting(await look(source, queues)) == NUMBERS


async def test_a_broker_that_paused_is_known_again_at_once(
    queues: Sequence[str], mute: MuteRelay, source_of: MakeSource
) -> None:
    """
    The first queues of a read that was given up are asked again by the next one, and not two seconds later.
    """
    source = source_of(amqp=mute.address, timeout="1200ms")
    assert waiting(await look(source, queues)) == NUMBERS
    mute.muted = queues[60]
    assert queues[60] in troubles(await look(source, queues))
    mute.muted = None
    async with asyncio.timeout(1.5):
        assert waiting(await look(source, queues)) == NUMBERS


async def test_one_question_is_as_good_as_many(
    rabbitmq: RabbitServer, queues: Sequence[str], source_of: MakeSource
) -> None:
    """
    Reads of one queue and of all of them, at the same time, on one connection.
    """
    source = source_of(amqp=rabbitmq.amqp)
    everything, nine = await asyncio.gather(look(source, queues), read(source, queues[9]))
    assert waiting(everything) == NUMBERS
    assert nine == QueueDepth(9)
