"""
The examples that can run here, as they are but for where their servers and images are, each with a scaler of its own.
"""

from __future__ import annotations

import base64
import json
import urllib.request
from collections import Counter
from collections.abc import Callable, Generator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pika
import pytest
from redis import Redis

from loadgen.live.jobs import Job
from tests.e2e.agents import merged
from tests.e2e.charts import CHART_PATHS, IMAGES_HERE, SMALL, Grounds, Release, everywhere, left
from tests.e2e.kubectl import apply, eventually, get, kubectl
from tests.e2e.names import PASSWORD, SYSTEM
from tests.e2e.stage import Stage, note, secret

_JOBS = 3
_DONE_WITHIN = 120.0
_CONTENT_WITHIN = 120.0
"""Seconds; KEDA's first tries come before the scaler is up, and it doubles its wait: 41, 82 s after the install."""

_BOOKS = "books"
_QUICK = {"worker": {"loadSeconds": 1}, "env": [{"name": "LOADGEN_DONE", "value": _BOOKS}]}
_BODIES = [Job(f"example-{number}", 0.5, 0.0).body for number in range(_JOBS)]


def _on_redis(stage: Stage, release: Release) -> Callable[[], Counter[str]]:
    """
    Give it the Redis on the stage with the user, password and database that it names, and jobs.
    """
    administrator = Redis(port=stage.forwards["redis"].port, password=PASSWORD)
    administrator.acl_setuser("agents", enabled=True, passwords=["+queue"], keys=["*"], categories=["+@all"])
    apply(secret(release.namespace, "jobs-redis", password="queue"))
    there = {"address": f"redis.{SYSTEM}.svc:6379"}
    release.install(_with(_QUICK, {"queue": there}), _file("queue-redis"))

    def client() -> Redis:
        forwarded = stage.forwards["redis"].port
        return Redis(port=forwarded, db=2, username="agents", password="queue", decode_responses=True)

    client().lpush("render-jobs", *_BODIES)
    return lambda: Counter({str(job): int(times) for job, times in client().hgetall(_BOOKS).items()})


def _on_rabbitmq(stage: Stage, release: Release) -> Callable[[], Counter[str]]:
    """
    Give it the RabbitMQ on the stage with the user and virtual host that it names, and jobs.
    """
    _manage(stage, "vhosts/agents")
    _manage(stage, "users/worker", password="queue", tags="monitoring")
    for user in ("worker", "guest"):
        _manage(stage, f"permissions/agents/{user}", configure=".*", write=".*", read=".*")
    apply(secret(release.namespace, "jobs-rabbitmq", password="queue"))
    servers = {"address": f"rabbitmq.{SYSTEM}.svc:5672", "management": f"http://rabbitmq.{SYSTEM}.svc:15672"}
    release.install(_with(_QUICK, {"queue": servers}), _file("queue-rabbitmq"))
    credentials = pika.PlainCredentials("worker", "queue")
    done: Counter[str] = Counter()

    def channel() -> Any:
        where = pika.ConnectionParameters("127.0.0.1", stage.forwards["amqp"].port, "agents", credentials)
        return pika.BlockingConnection(where).channel()

    sending = channel()
    sending.queue_declare("index-jobs", durable=True)
    for body in _BODIES:
        sending.basic_publish("", "index-jobs", body)
    sending.connection.close()

    def books() -> Counter[str]:
        reading = channel()
        reading.queue_declare(_BOOKS, durable=True)
        while (found := reading.basic_get(_BOOKS, auto_ack=True))[0]:
            done[found[2].decode()] += 1
        reading.connection.close()
        return done

    return books


def _on_its_own(stage: Stage, release: Release) -> Callable[[], Counter[str]]:
    """
    Leave it the Redis that it brings along, and send jobs by the command in its notes.
    """
    release.install(_with({"env": _QUICK["env"]}), _file("cpu-small"))
    name = f"{release.name}-ai-agent"
    redis = f"{name}-try-redis"
    for deployment in (redis, f"{release.name}-agent-scaler"):
        stage.rolled_out(f"deploy/{deployment}", release.namespace)
    kubectl(
        "-n", release.namespace, "exec", f"deploy/{release.name}-agent-scaler", "--", "loadgen", "publish",
        "--broker", f"redis://{redis}:6379", "--queue", f"{name}-jobs", "--count", str(_JOBS), "--service", "0.5s",
    )  # fmt: skip

    def books() -> Counter[str]:
        told = kubectl("-n", release.namespace, "exec", f"deploy/{redis}", "--", "redis-cli", "HGETALL", _BOOKS).split()
        return Counter(dict(zip(told[::2], map(int, told[1::2]), strict=True)))

    return books


def _file(name: str) -> Any:
    return CHART_PATHS["ai-agent"] / "examples" / f"{name}.yaml"


def _with(*changes: dict[str, Any]) -> dict[str, Any]:
    chosen = merged(IMAGES_HERE, SMALL)
    for each in changes:
        chosen = merged(chosen, each)
    return chosen


def _manage(stage: Stage, what: str, **body: str) -> None:
    url = f"http://127.0.0.1:{stage.forwards['management'].port}/api/{what}"
    token = base64.b64encode(b"guest:guest").decode()
    headers = {"Authorization": f"Basic {token}", "Content-Type": "application/json"}
    request = urllib.request.Request(url, json.dumps(body).encode(), headers, method="PUT")
    with urllib.request.urlopen(request, timeout=10):
        pass


_EXAMPLES = {"queue-redis": _on_redis, "queue-rabbitmq": _on_rabbitmq, "cpu-small": _on_its_own}


@pytest.fixture(scope="module")
def run(stage: Stage, grounds: Grounds) -> Generator[dict[str, Future[Release]]]:
    """
    All of them, at the same time.
    """
    with ThreadPoolExecutor() as pool:
        yield {name: pool.submit(_run, stage, grounds, name) for name in _EXAMPLES}


def _run(stage: Stage, grounds: Grounds, name: str) -> Release:
    release = Release(stage, "ai-agent", name, grounds.namespace(name))
    books = _EXAMPLES[name](stage, release)
    found: Counter[str] = Counter()

    def whole() -> bool:
        nonlocal found
        found = books()
        return len(found) == _JOBS

    eventually(f"{name}: the jobs are done", whole, _DONE_WITHIN)
    assert set(found.values()) == {1}, found
    scaled = f"{name}-ai-agent"
    eventually(f"{name}: KEDA is content", lambda: _content(release.namespace, scaled), _CONTENT_WITHIN)
    release.test()
    release.uninstall()
    return release


def _content(namespace: str, name: str) -> bool:
    conditions = get("scaledobject", "-n", namespace, name)["status"]["conditions"]
    return {"Ready": "True"}.items() <= {each["type"]: each["status"] for each in conditions}.items()


@pytest.mark.parametrize("name", _EXAMPLES)
def test_an_example_runs(run: dict[str, Future[Release]], name: str) -> None:
    """Its agents do their jobs, each once; KEDA and the scaler agree on it; `helm test` passes; and it goes whole."""
    release = run[name].result(timeout=400)
    note(f"{name} has run, and is gone")
    beside = f"Secret/jobs-{name.removeprefix('queue-')}"
    left({release.namespace}, {f"{release.namespace}/{beside}"} if name in ("queue-redis", "queue-rabbitmq") else set())
    assert not everywhere(name)
