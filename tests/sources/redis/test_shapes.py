"""
Plain structures in a real Redis, as they fill and empty.
"""

from __future__ import annotations

import pytest

from scaler.domain.readings import QueueDepth
from scaler.sources.base import SourceError
from scaler.sources.questions import RedisQueue, RedisShape
from scaler.sources.redis import RedisSource
from tests.servers.redis import RedisServer
from tests.sources.redis.asking import JOBS, ask
from tests.sources.redis.conftest import MakeSource

TAKEN = RedisQueue("main", RedisShape.LIST, "jobs", processing="jobs:taken")
EVENTS = RedisQueue("main", RedisShape.STREAM, "events", group="agents")
RANKED = RedisQueue("main", RedisShape.SORTED_SET, "ranked")


@pytest.fixture
def source(redis: RedisServer, source_of: MakeSource) -> RedisSource:
    """
    A source that looks at the shared server.
    """
    return source_of(redis.address)


@pytest.mark.parametrize(
    ("question", "empty"),
    [
        (JOBS, QueueDepth(0)),
        (TAKEN, QueueDepth(0, 0)),
        (EVENTS, QueueDepth(0, 0)),
        (RedisQueue("main", RedisShape.STREAM, "events"), QueueDepth(0)),
        (RANKED, QueueDepth(0)),
    ],
)
async def test_a_missing_key_is_an_empty_queue(source: RedisSource, question: RedisQueue, empty: QueueDepth) -> None:
    """
    Redis removes what becomes empty, so what is not there is empty.
    """
    assert await ask(source, question) == empty


async def test_a_list_waits_and_what_was_taken_is_in_flight(redis: RedisServer, source: RedisSource) -> None:
    """
    Three jobs come, one is taken over to the list of taken jobs, and finished.
    """
    with redis.client() as client:
        client.rpush("jobs", "a", "b", "c")
        assert await ask(source, JOBS) == QueueDepth(3)
        assert await ask(source, TAKEN) == QueueDepth(3, 0)
        client.lmove("jobs", "jobs:taken")
        assert await ask(source, TAKEN) == QueueDepth(2, 1)
        client.delete("jobs:taken")
        assert await ask(source, TAKEN) == QueueDepth(2, 0)


async def test_a_sorted_set_waits_with_all_its_members(redis: RedisServer, source: RedisSource) -> None:
    """
    Members count whatever their scores are.
    """
    with redis.client() as client:
        client.zadd("ranked", {"a": -1, "b": 0, "c": 1e12})
    assert await ask(source, RANKED) == QueueDepth(3)


async def test_a_stream_before_its_group_waits_whole(redis: RedisServer, source: RedisSource) -> None:
    """
    A worker that creates its group when it starts must be woken by what came before; then it has all of that to do.
    """
    with redis.client() as client:
        for number in range(3):
            client.xadd("events", {"n": number})
        client.xgroup_create("events", "others", id="$")
        assert await ask(source, EVENTS) == QueueDepth(3, 0)
        client.xgroup_create("events", "agents", id="0")
        assert await ask(source, EVENTS) == QueueDepth(3, 0)


async def test_a_group_created_at_the_end_has_nothing_to_do(redis: RedisServer, source: RedisSource) -> None:
    """
    A group that wants only what is new ends the wait for what is old.
    """
    with redis.client() as client:
        client.xadd("events", {"n": 1})
        client.xgroup_create("events", "agents", id="$")
    assert await ask(source, EVENTS) == QueueDepth(0, 0)


async def test_a_stream_from_entry_to_acknowledgement(redis: RedisServer, source: RedisSource) -> None:
    """
    An entry waits until it is read, is in flight until it is acknowledged, and then is history.
    """
    with redis.client() as client:
        client.xgroup_create("events", "agents", id="0", mkstream=True)
        ids = [client.xadd("events", {"n": number}) for number in range(3)]
        assert await ask(source, EVENTS) == QueueDepth(3, 0)
        client.xreadgroup("agents", "one", {"events": ">"}, count=2)
        assert await ask(source, EVENTS) == QueueDepth(1, 2)
        client.xack("events", "agents", ids[0])
        assert await ask(source, EVENTS) == QueueDepth(1, 1)
        client.xreadgroup("agents", "one", {"events": ">"}, count=2)
        client.xack("events", "agents", *ids)
        assert await ask(source, EVENTS) == QueueDepth(0, 0)


async def test_deleted_entries_leave_the_count_exact(redis: RedisServer, source: RedisSource) -> None:
    """
    Redis tells no lag after entries ahead of the group were deleted; then what is left is counted.
    """
    with redis.client() as client:
        client.xgroup_create("events", "agents", id="0", mkstream=True)
        ids = [client.xadd("events", {"n": number}) for number in range(250)]
        client.xreadgroup("agents", "one", {"events": ">"}, count=10)
        client.xdel("events", ids[20], ids[249])
        assert client.xinfo_groups("events")[0]["lag"] is None
        assert await ask(source, EVENTS) == QueueDepth(238, 10)


async def test_counting_stops_at_a_thousand(redis: RedisServer, source: RedisSource) -> None:
    """
    Where entries must be counted one by one, a thousand is told for a thousand and more.
    """
    with redis.client() as client:
        client.xgroup_create("events", "agents", id="0", mkstream=True)
        pipeline = client.pipeline()
        for number in range(1500):
            pipeline.xadd("events", {"n": number}, id=f"1-{number + 1}")
        pipeline.execute()
        client.xreadgroup("agents", "one", {"events": ">"}, count=1)
        client.xdel("events", "1-800")
        assert await ask(source, EVENTS) == QueueDepth(1000, 1)


async def test_a_group_that_read_nothing_waits_for_all_that_is_left(redis: RedisServer, source: RedisSource) -> None:
    """
    Without a lag, a group that stands at the very beginning has every entry before it, however many there are.
    """
    with redis.client() as client:
        client.xgroup_create("events", "agents", id="0", mkstream=True)
        ids = [client.xadd("events", {"n": number}) for number in range(1200)]
        client.xdel("events", ids[600])
        assert client.xinfo_groups("events")[0]["lag"] is None
    assert await ask(source, EVENTS) == QueueDepth(1199, 0)


async def test_trimmed_entries_do_not_wait_for_ever(redis: RedisServer, source: RedisSource) -> None:
    """
    Entries trimmed away unread stay in the lag that Redis tells; nobody will ever read them.
    """
    with redis.client() as client:
        client.xgroup_create("events", "agents", id="0", mkstream=True)
        for number in range(50):
            client.xadd("events", {"n": number})
        client.xreadgroup("agents", "one", {"events": ">"}, count=5)
        client.xtrim("events", maxlen=0)
        assert client.xinfo_groups("events")[0]["lag"] == 45
        assert await ask(source, EVENTS) == QueueDepth(0, 5)
        client.xadd("events", {"n": 50})
        assert await ask(source, EVENTS) == QueueDepth(1, 5)


@pytest.mark.parametrize("question", [JOBS, EVENTS, RANKED])
async def test_a_key_of_another_type_is_named(redis: RedisServer, source: RedisSource, question: RedisQueue) -> None:
    """
    A key that is no queue is trouble that says which key it is, and what it holds.
    """
    with redis.client() as client:
        client.hset(question.key, "a", "b")
    answer = await ask(source, question)
    assert isinstance(answer, SourceError)
    assert f"{question.key!r} holds a hash, not a" in str(answer)


async def test_keys_may_be_any_text(redis: RedisServer, source: RedisSource) -> None:
    """
    A key with spaces and letters of any alphabet is that key.
    """
    question = RedisQueue("main", RedisShape.LIST, "GPU Aufträge: 急")
    with redis.client() as client:
        client.rpush(question.key, "a")
    assert await ask(source, question) == QueueDepth(1)
