"""
Two hundred ScaledObjects: what KEDA asks in a quiet time, and what it takes to wake them all.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Generator, Sequence

import pytest

from loadgen.live.jobs import Job
from tests.e2e.crowd import Crowd
from tests.e2e.kubectl import Forward, eventually
from tests.e2e.names import AGENTS
from tests.e2e.queues import ListQueue
from tests.e2e.stage import Stage, note

_GROUP = "many"
_QUIET = 45.0
"""Seconds without any job, in which 200 ScaledObjects are polled 300 times: a quiet hour's worth for two of them."""

_AWAKE_WITHIN = 90.0
"""Seconds; KEDA's client is limited to 20 requests a second, and each wake takes it several."""

_STREAMS = 'gpu_agent_scaler_streams_open{method="StreamMetricSpec"}'


@pytest.fixture(scope="module", autouse=True)
def gone_afterwards(crowd: Crowd) -> Generator[None]:
    """
    Begin to take them down once the last test that looks at them has ended.
    """
    yield
    crowd.leave()


def test_a_quiet_time_has_no_errors_and_no_question_too_many(stage: Stage, crowd: Crowd) -> None:
    """No call fails, and after the first answer of the stream of specs nobody asks for the spec any more."""
    queues = crowd.group(_GROUP)
    eventually("every stream is open", lambda: _sample(stage.scaler_page("/metrics"), _STREAMS) >= len(queues), 60)
    before = _counts(stage)
    time.sleep(_QUIET)
    grown = {call: count - before.get(call, 0.0) for call, count in _counts(stage).items()}
    grown = {call: count for call, count in grown.items() if count}
    told = (f"{method} {code} {count:.0f}" for (method, code), count in grown.items())
    note(f"calls in {_QUIET:g} s: {', '.join(told)}")
    assert not {call: count for call, count in grown.items() if call[1] != "OK"}
    assert not [call for call in grown if call[0] == "GetMetricSpec"]
    assert grown["IsActive", "OK"] >= len(queues)


def test_all_of_them_wake_without_a_poll(stage: Stage, crowd: Crowd) -> None:
    """A job for each, all at once: all are decided about in seconds, and KEDA wakes them as fast as it may write."""
    queues = [queue for queue in crowd.group(_GROUP) if isinstance(queue, ListQueue)]
    used = _used(stage)
    pushed = _all_at_once(queues)
    decided = eventually("all are decided about", lambda: _awake(stage) >= len(queues) and time.monotonic(), 30)
    sizes = [stage.history.replicas(AGENTS, queue.name, 1, _AWAKE_WITHIN, since=pushed) for queue in queues]
    took = sorted(size.at - pushed for size in sizes)
    half, last = took[len(took) // 2], took[-1]
    note(f"{len(queues)} decided about in {decided - pushed:.1f} s; half awake in {half:.1f}, all in {last:.1f} s")
    for who, (cpu, memory) in _used(stage).items():
        note(f"{who}: {memory / 1e6:.0f} MB, {cpu - used[who][0]:.1f} s CPU since the jobs")


def _all_at_once(queues: Sequence[ListQueue]) -> float:
    """
    Put a job on each queue in one go, and return when.
    """
    together = queues[0].redis().pipeline()
    for queue in queues:
        together.lpush(queue.name, Job(queue.name, 1.0).body)
    pushed = time.monotonic()
    together.execute()
    return pushed


def _awake(stage: Stage) -> int:
    """
    Return how many of the group the scaler says are awake.
    """
    told = json.loads(stage.scaler_page("/v1/workloads"))["workloads"]
    return sum(each["verdict"] == "active" and each["name"].startswith(_GROUP) for each in told)


def _counts(stage: Stage) -> dict[tuple[str, str], float]:
    """
    Return how many calls there were, by method and status.
    """
    found = re.findall(r"^gpu_agent_scaler_rpcs_total\{(.*)\} (\S+)$", stage.scaler_page("/metrics"), re.MULTILINE)
    counts = {}
    for labels, value in found:
        told = dict(re.findall(r'(\w+)="([^"]*)"', labels))
        counts[told["method"], told["code"]] = float(value)
    return counts


def _used(stage: Stage) -> dict[str, tuple[float, float]]:
    """
    Return seconds of CPU and bytes of memory of the scaler and of KEDA's operator.
    """
    forward = Forward("keda", "deploy/keda-operator", 8080)
    try:
        pages = {"scaler": stage.scaler_page("/metrics"), "KEDA's operator": stage.fetched(forward, "/metrics")}
    finally:
        forward.close()
    names = ("process_cpu_seconds_total", "process_resident_memory_bytes")
    return {who: (_sample(page, names[0]), _sample(page, names[1])) for who, page in pages.items()}


def _sample(page: str, name: str) -> float:
    found = re.search(rf"^{re.escape(name)} (\S+)$", page, re.MULTILINE)
    return float(found[1]) if found else float("nan")
