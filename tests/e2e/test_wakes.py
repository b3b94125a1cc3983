"""
From zero: how soon a job wakes its agent, by push and by KEDA's own polling.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Generator, Sequence

import pytest

from tests.e2e.crowd import Crowd
from tests.e2e.lanes import Lane
from tests.e2e.names import AGENTS
from tests.e2e.queues import Queue
from tests.e2e.stage import Stage, note

_APART = 0.3
_HALF_WITHIN = 500.0
_ALL_WITHIN = 3000.0
"""Milliseconds; on a quiet machine it is 20 and 40 (RabbitMQ: 170 and 200), but these are shared."""


def _woken(stage: Stage, queues: Sequence[Queue], within: float) -> list[float]:
    """
    Return the seconds from each queue's job to `spec.replicas: 1`, watched from the API server.
    """
    took = []
    for queue in queues:
        pushed = queue.push(1.0)
        took.append(stage.history.replicas(AGENTS, queue.name, 1, within, since=pushed).at - pushed)
        time.sleep(_APART)
    return took


def _told(what: str, seconds: Sequence[float]) -> tuple[float, float]:
    """
    Return median and 99th percentile in milliseconds, and tell them.
    """
    median, worst = statistics.median(seconds) * 1000, max(seconds) * 1000
    note(f"woken by {what}: median {median:.0f} ms, p99 {worst:.0f} ms over {len(seconds)} runs")
    return median, worst


@pytest.fixture(scope="module")
def quiet(lane: Lane) -> Generator[None]:
    """
    Nothing else is going on from the first test that needs it to the last.
    """
    with lane.quiet():
        yield


def test_the_stock_trigger_waits_for_its_poll(stage: Stage, crowd: Crowd) -> None:
    """KEDA's own trigger on the same Redis, at its default polling interval of 30 s, needs seconds for the same."""
    queues = crowd.group("wake-stock")
    pushed = []
    for queue in queues:
        pushed.append(queue.push(1.0))
        time.sleep(_APART)
    sizes = [
        stage.history.replicas(AGENTS, queue.name, 1, 60, since=at) for queue, at in zip(queues, pushed, strict=True)
    ]
    half, _ = _told("the stock trigger", [size.at - at for size, at in zip(sizes, pushed, strict=True)])
    assert half > 2000


@pytest.mark.parametrize("group", ["wake-list", "wake-stream", "wake-rabbit"])
@pytest.mark.usefixtures("quiet")
def test_a_job_wakes_its_agent_at_once(stage: Stage, crowd: Crowd, group: str) -> None:
    """From the job to `spec.replicas: 1` it takes a fraction of a second, where KEDA would poll after up to 30 s."""
    seconds = _woken(stage, crowd.group(group), within=40)
    half, most = _told(group, seconds)
    assert half < _HALF_WITHIN, seconds
    assert most < _ALL_WITHIN, seconds
