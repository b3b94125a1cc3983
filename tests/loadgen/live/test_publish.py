"""
The publisher as a process: what it sends arrives, at its time, and its report is the truth.
"""

from __future__ import annotations

import csv
import gzip
import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from loadgen.live.jobs import Job
from tests.loadgen.live.process import ListQueue, Queue, until
from tests.servers.fixtures import StartRedis
from tests.servers.ports import free_port
from tests.servers.redis import RedisServer


def _command(queue: Queue, *arguments: str) -> list[str]:
    whereto = ("--broker", queue.url, "--queue", queue.name, "--queue-type", queue.kind)
    return [sys.executable, "-m", "loadgen", "publish", *whereto, "--json", *arguments]


def _publish(queue: Queue, *arguments: str) -> dict[str, Any]:
    done = subprocess.run(_command(queue, *arguments), capture_output=True, text=True, timeout=60, check=True)
    report: dict[str, Any] = json.loads(done.stdout)
    return report


@pytest.fixture
def listed(redis: RedisServer, queue_name: str) -> ListQueue:
    """
    A list on the Redis of all tests.
    """
    return ListQueue(redis, queue_name)


def _sent(queue: ListQueue) -> list[Job]:
    return [Job.read(str(text).encode()) for text in queue.redis.lrange(queue.name, 0, -1)]


def test_so_many_jobs_are_sent(queue: Queue) -> None:
    """
    All jobs of a count arrive on a queue of any kind, and the report says so.
    """
    report = _publish(queue, "--count", "1200", "--service", "5s")
    assert queue.left() == report["sent"] == report["planned"] == 1200
    assert report["perhaps_twice"] == 0


def test_jobs_of_a_trace_come_at_their_times(listed: ListQueue, tmp_path: Path) -> None:
    """
    A gzipped trace is sent so many times as fast, in order, with its service times, and no job before its time.
    """
    trace = tmp_path / "trace.csv.gz"
    arrivals = [0.0, 10.0, 10.0, 15.0, 40.0]
    with gzip.open(trace, "wt") as file:
        file.write("arrival_s,service_s\n" + "".join(f"{at},{index + 1}\n" for index, at in enumerate(arrivals)))
    record = tmp_path / "sent.csv"
    report = _publish(listed, "--trace", str(trace), "--speed-up", "20", "--record", str(record))
    with record.open() as file:
        rows = list(csv.DictReader(file))
    moments = [float(row["arrival"]) for row in rows]
    assert [job.service for job in _sent(listed)] == [1.0, 2.0, 3.0, 4.0, 5.0]
    assert [row["id"] for row in rows] == [job.id for job in _sent(listed)]
    assert all(
        moment - moments[0] >= (at - 0.5) / 20 - report["late_seconds"]["max"]
        for moment, at in zip(moments, arrivals, strict=True)
    )
    assert report["seconds"] >= 2.0
    assert 0 <= report["late_seconds"]["p50"] <= report["late_seconds"]["p99"] <= report["late_seconds"]["max"]


def test_a_rate_is_kept(listed: ListQueue) -> None:
    """
    Forty jobs at twenty a second take two seconds, and no less.
    """
    report = _publish(listed, "--count", "40", "--rate", "20", "--service", "1s")
    assert report["sent"] == 40
    assert report["seconds"] >= 1.99


def test_an_interrupt_leaves_a_clean_report(listed: ListQueue) -> None:
    """
    Ctrl-C ends it at once with status 130, and what was sent is what it says.
    """
    command = _command(listed, "--count", "100000", "--rate", "50")
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        until(lambda: listed.left() > 5)
        process.send_signal(signal.SIGINT)
        output, complaints = process.communicate(timeout=20)
    assert process.returncode == 130
    assert complaints == ""
    assert json.loads(output)["sent"] == listed.left() < json.loads(output)["planned"]


def test_an_outage_makes_jobs_late_and_loses_none(redis: RedisServer, listed: ListQueue) -> None:
    """
    While the broker does not answer, jobs wait; afterwards all are sent, and the lateness shows it.
    """
    command = _command(listed, "--count", "60", "--rate", "20")
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        until(lambda: listed.left() > 5)
        redis.pause()
        paused_at = time.monotonic()
        until(lambda: time.monotonic() - paused_at > 2.0)
        redis.resume()
        output, _ = process.communicate(timeout=30)
    report = json.loads(output)
    assert report["sent"] == 60
    assert len({job.id for job in _sent(listed)}) == len(_sent(listed)) == 60
    assert report["late_seconds"]["max"] > 1.5


def test_a_broker_that_is_not_there_yet_is_waited_for(start_redis: StartRedis, queue_name: str) -> None:
    """
    Jobs that could not even be sent are not taken for sent twice.
    """
    server = start_redis()
    queue = ListQueue(server, queue_name)
    server.stop()
    with subprocess.Popen(
        _command(queue, "--count", "7"), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, bufsize=1
    ) as process:
        assert process.stderr is not None
        assert "cannot be used" in process.stderr.readline()
        server.start()
        output, _ = process.communicate(timeout=30)
    report = json.loads(output)
    assert (report["sent"], report["perhaps_twice"]) == (7, 0)
    assert queue.left() == 7


def test_a_broker_that_never_comes_is_given_up() -> None:
    """
    It ends with status 1 after the given time, with one sentence that does not show the password.
    """
    broker = f"redis://:hidden-word@127.0.0.1:{free_port()}/0"
    command = [sys.executable, "-m", "loadgen", "publish", "--broker", broker, "--queue", "q", "--count", "1"]
    done = subprocess.run(
        [*command, "--give-up-after", "300ms"], capture_output=True, text=True, timeout=30, check=False
    )
    assert done.returncode == 1
    assert "given up after 0.3 s" in done.stderr
    assert "hidden-word" not in done.stderr + done.stdout
    assert done.stdout.startswith("sent 0 of 1 jobs")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ((), "give either --trace FILE or --count N"),
        (("--count", "3", "--trace", "x.csv"), "give either --trace FILE or --count N"),
        (("--count", "3", "--speed-up", "2"), "--speed-up and --skip go with --trace: give --count another --rate"),
        (("--count", "3", "--poisson"), "--poisson needs a --rate"),
        (("--trace", "x.csv", "--rate", "2"), "--rate and --poisson go with --count: a trace has times of its own"),
        (("--trace", "missing.csv"), "missing.csv: cannot be read: No such file or directory"),
        (("--count", "0"), "must be a whole number from 1 to 10000000, not '0'"),
        (("--count", "1", "--queue-type", "rabbitmq"), "rabbitmq does not go with a broker at redis://"),
        (("--count", "1", "--broker", "http://x"), "must be redis://, rediss://, amqp:// or amqps:// with a host"),
    ],
)
def test_what_makes_no_sense_is_refused(arguments: tuple[str, ...], sentence: str) -> None:
    """
    Status 2, and a sentence that says what is wrong.
    """
    command = [sys.executable, "-m", "loadgen", "publish", "--broker", "redis://127.0.0.1:1/0", "--queue", "q"]
    done = subprocess.run([*command, *arguments], capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 2
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr
