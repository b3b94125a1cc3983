"""
The worker's HTTP port and settings: probes, the GPU's parts, metrics, and what is refused.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from loadgen.errors import UsageError
from loadgen.live.jobs import Job
from loadgen.live.values import duration
from loadgen.live.worker.settings import WorkerSettings
from tests.loadgen.live.conftest import StartWorker
from tests.loadgen.live.process import ListQueue, WorkerProcess, once, until
from tests.servers.redis import RedisServer


@pytest.fixture
def listed(redis: RedisServer, queue_name: str) -> ListQueue:
    """
    A list on the Redis of all tests.
    """
    return ListQueue(redis, queue_name)


def test_a_model_is_loaded_before_jobs_are_taken(listed: ListQueue, start_worker: StartWorker) -> None:
    """
    While the model loads the worker is alive, neither started nor ready, and leaves jobs where they are.
    """
    listed.send(Job("one", 0.1))
    worker = start_worker(listed, model_load="5s", gpu="simulated")
    until(lambda: worker.get("/health/live")[0] == 200)
    assert worker.get("/health/startup") == (503, '{"ok": false, "found": "the model is loading"}')
    assert worker.get("/health/ready")[0] == 503
    parts = json.loads(worker.get("/health/gpu")[1])["parts"]
    assert {name: part["ok"] for name, part in parts.items()} == {"accessible": True, "driver": True, "model": False}
    assert listed.waiting() == 1
    worker.ready()
    assert worker.get("/health/startup")[0] == worker.get("/health/gpu")[0] == 200
    until(lambda: listed.done() == once([Job("one")]))


def test_a_worker_that_loads_stops_at_once(listed: ListQueue, start_worker: StartWorker) -> None:
    """
    SIGTERM in the middle of a model load ends it cleanly.
    """
    worker = start_worker(listed, model_load="1h")
    until(lambda: worker.get("/health/live")[0] == 200)
    assert worker.terminate() == 0


def test_only_the_parts_that_are_asked_for_count(listed: ListQueue, start_worker: StartWorker) -> None:
    """
    Without a GPU every part is missing; a part can be asked for by itself, and an unknown one is refused.
    """
    worker = start_worker(listed).ready()
    status, body = worker.get("/health/gpu?part=driver")
    assert status == 503
    assert json.loads(body)["parts"].keys() == {"driver"}
    status, body = worker.get("/health/gpu?part=fan")
    assert status == 400
    assert "must be one of accessible, driver, model, not 'fan'" in body


def test_jobs_of_any_text_are_done(listed: ListQueue, start_worker: StartWorker) -> None:
    """
    Plain text, twice the same, broken JSON, nonsense for a time: all are jobs, each done as often as it was sent.
    """
    texts = ["hello", "hello", '{"id": ', '{"id": 7, "service": "long"}', '{"id": "x", "service": -1}', "[1]", "null"]
    listed.redis.rpush(listed.name, *texts)
    worker = start_worker(listed, service="50ms", concurrency="3").ready()
    until(lambda: listed.done().total() >= len(texts))
    assert listed.done() == {"hello": 2, '{"id": ': 1, "7": 1, "x": 1, "[1]": 1, "null": 1}
    assert worker.terminate() == 0
    assert listed.left() == 0


def test_metrics_tell_what_happened(listed: ListQueue, start_worker: StartWorker) -> None:
    """
    Jobs done, in flight, ready, and how long they waited.
    """
    worker = start_worker(listed).ready()
    listed.send(Job("waited", 0.0, sent=1.0), Job("unknown", 0.0))
    until(lambda: worker.metric("agent_requests_total") == 2)
    assert worker.metric("agent_in_flight") == 0
    assert worker.metric("agent_ready") == 1
    assert worker.metric("agent_queue_wait_seconds_count") == 1
    assert worker.metric('agent_queue_wait_seconds_bucket{le="3600.0"}') == 0
    assert worker.metric('agent_put_back_total{cause="drained"}') == 0


def test_everything_can_be_set_by_the_environment(listed: ListQueue, tmp_path: Path) -> None:
    """
    A worker without flags but its port runs from its variables, on a read-only file system's terms: it writes nothing.
    """
    variables = {
        "LOADGEN_BROKER": listed.url,
        "LOADGEN_QUEUE": listed.name,
        "LOADGEN_DONE": listed.books,
        "LOADGEN_GPU": "simulated",
        "POD_NAME": "agent-0",
        "POD_NAMESPACE": "ai",
        "NODE_NAME": "node-3",
    }
    worker = WorkerProcess(tmp_path, **variables)
    try:
        worker.ready()
        page = worker.get("/metrics")[1]
        assert 'Hostname="node-3",container="agent",namespace="ai",pod="agent-0"} 0' in page
    finally:
        worker.kill()


def test_a_port_that_is_taken_is_said(listed: ListQueue, start_worker: StartWorker) -> None:
    """
    Status 1, and the address.
    """
    first = start_worker(listed).ready()
    command = [sys.executable, "-m", "loadgen", "worker", "--broker", listed.url, "--queue", "q"]
    command += ["--http", f"127.0.0.1:{first.port}"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 1
    assert f"127.0.0.1:{first.port} cannot be listened at" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("variables", "sentences"),
    [
        ({}, ["--broker or LOADGEN_BROKER: must be given", "--queue or LOADGEN_QUEUE: must be given"]),
        ({"LOADGEN_BROKER": "redis://h:99999"}, ["LOADGEN_BROKER: must be redis://"]),
        ({"LOADGEN_BROKER": "ftp://:word@h"}, ["its scheme is 'ftp', its host 'h'"]),
        ({"LOADGEN_BROKER": "redis://h", "LOADGEN_QUEUE": "q", "LOADGEN_QUEUE_TYPE": "rabbitmq"}, ["does not go with"]),
        ({"LOADGEN_CONCURRENCY": "0"}, ["LOADGEN_CONCURRENCY: must be a whole number from 1 to 1000, not '0'"]),
        ({"LOADGEN_MODEL_LOAD": "10"}, ["LOADGEN_MODEL_LOAD: must be a duration of at most a week"]),
        ({"LOADGEN_LEASE": "0"}, ["LOADGEN_LEASE: must be a duration above 0, not '0'"]),
        ({"LOADGEN_GPU": "amd"}, ["LOADGEN_GPU: must be one of none, simulated, nvml, not 'amd'"]),
        ({"LOADGEN_GPU_BUSY": "nan"}, ["LOADGEN_GPU_BUSY: must be a number from 0 to 100, not 'nan'"]),
        ({"LOADGEN_GPU_MEMORY": "2GB"}, ["LOADGEN_GPU_MEMORY: must be a size such as 512MiB or 2GiB, not '2GB'"]),
        ({"LOADGEN_HTTP": "8080"}, ["LOADGEN_HTTP: must be a host and a port"]),
        ({"LOADGEN_QUEUE": "a\nb"}, ["LOADGEN_QUEUE: must be 1 to 200 characters without control characters"]),
    ],
)
def test_wrong_settings_are_named(variables: dict[str, str], sentences: list[str]) -> None:
    """
    Every error names the variable, the rule and the value, all of them at once, and no password.
    """
    with pytest.raises(UsageError) as refused:
        WorkerSettings.read({}, variables)
    for sentence in sentences:
        assert any(sentence in each for each in refused.value.sentences), refused.value.sentences
    assert "word" not in str(refused.value)


def test_a_flag_comes_before_its_variable() -> None:
    """
    What is said on the command line counts; an empty variable is not set.
    """
    variables = {"LOADGEN_BROKER": "redis://h", "LOADGEN_QUEUE": "q", "LOADGEN_LEASE": "9s", "LOADGEN_GPU": ""}
    settings = WorkerSettings.read({"lease": "1500ms"}, variables)
    assert (settings.lease, settings.gpu, settings.queue_type) == (1.5, "none", "list")


@pytest.mark.parametrize(
    ("text", "seconds"), [("0", 0.0), ("500ms", 0.5), ("10s", 10.0), ("1.5m", 90.0), ("1h30m", 5400.0), ("1m30s", 90.0)]
)
def test_durations_are_read_as_people_write_them(text: str, seconds: float) -> None:
    """
    One unit or several, from the largest to the smallest.
    """
    assert duration(text) == seconds


@pytest.mark.parametrize("text", ["", "10", "s", "-1s", "1s1m", "8d", "200h", "1e3s", "1 s"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    """
    A number without a unit, a unit without a number, more than a week.
    """
    with pytest.raises(ValueError, match="must be a duration of at most a week"):
        duration(text)
