"""
The comparison of a live run with its simulation: its arithmetic, its command, and what Prometheus knows.
"""

from __future__ import annotations

import csv
import json
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from loadgen.experiments.policies import policy_of
from loadgen.live.watch.comparing import difference
from loadgen.live.watch.history import steps
from loadgen.simulation.simulate import simulate
from loadgen.simulation.timeline import Steps
from loadgen.simulation.workload import Workload
from loadgen.simulation.world import World
from tests.loadgen.live.process import page_of, until
from tests.servers.prometheus import MetricsPage, PrometheusServer

START = 1_700_000_000.0
ARRIVALS = (10.0, 11.0, 12.0, 400.0, 900.0, 901.0)
SERVICES = (30.0, 20.0, 60.0, 5.0, 40.0, 40.0)
SPAN = 1800.0
POLICY: dict[str, Any] = {"scaler": {"replicas": {"max": 4}, "queue": {"target": 1}}}

samples = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 5)), max_size=12)


def _steps(pairs: Sequence[tuple[int, int]]) -> Steps:
    return steps((float(at), value) for at, value in sorted(pairs))


@settings(deadline=None)
@given(one=samples, other=samples)
def test_the_difference_is_that_of_every_second(
    one: Sequence[tuple[int, int]], other: Sequence[tuple[int, int]]
) -> None:
    """
    Summed over stretches it is what looking at each second by itself would give.
    """
    first, second = _steps(one), _steps(other)
    by_second = [abs(first.at(float(at)) - second.at(float(at))) for at in range(30)]
    found = difference(first, second, 30.0)
    assert sum(seconds for seconds, _ in found) == 30.0
    for apart in range(6):
        assert sum(seconds for seconds, each in found if each == apart) == by_second.count(apart)


def _write(path: Path, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([columns, *rows])
    return str(path)


@pytest.fixture
def files(tmp_path: Path) -> dict[str, str]:
    """
    An experiment, jobs, and the history that the simulator itself foretells for them.
    """
    workload = Workload("sent", ARRIVALS, SERVICES, SPAN)
    scaling = policy_of(POLICY).scaling("ours")
    run = simulate(workload, scaling, replace(World(jitter=0.0), aligned=True), 1)
    wanted, pods = run.timeline.wanted, run.timeline.pods
    times = sorted({0.0, SPAN, *(at for at in (*wanted.times, *pods.times) if at < SPAN)})
    rows = [(START + at, wanted.at(at), pods.at(at)) for at in times]
    experiment = {
        "title": "watched",
        "workloads": {"sent": {"trace": {"format": "csv", "file": "jobs.csv"}}},
        "worlds": {"plain": {"jitter": 0.0}},
        "policies": {"ours": POLICY, "fixed": {"fixed": {"replicas": 2}}},
    }
    (tmp_path / "experiment.yaml").write_text(yaml.safe_dump(experiment))
    jobs = [(START + at, service) for at, service in zip(ARRIVALS, SERVICES, strict=True)]
    return {
        "experiment": str(tmp_path / "experiment.yaml"),
        "jobs": _write(tmp_path / "jobs.csv", ("arrival", "service"), [*jobs, (START + SPAN + 5, 1.0)]),
        "history": _write(tmp_path / "history.csv", ("time", "replicas", "pods"), rows),
    }


def _watch(files: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "loadgen", "watch", files["experiment"], "--jobs", files["jobs"], *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_a_history_of_the_simulator_agrees_with_it_wholly(files: dict[str, str], tmp_path: Path) -> None:
    """
    What the simulator said would happen, taken as what happened, agrees at every second; and it can be drawn.
    """
    picture = tmp_path / "replicas.svg"
    strict = ("--agree", "99.99", "--gpu-within", "0.01", "--from-creation", "--plot", str(picture), "--json")
    done = _watch(files, "--policy", "ours", "--history", files["history"], *strict)
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout)
    assert figures["agree"] == pytest.approx(1.0, abs=1e-5)
    assert figures["gpu_seconds"]["ratio"] == pytest.approx(1.0)
    assert figures["gpu_seconds"]["live"] > 0
    assert figures["starts"]["live"] == figures["starts"]["simulated"] > 0
    assert figures["outside"] == 1
    assert picture.read_text().lstrip().startswith("<?xml")


def test_another_way_of_scaling_does_not_agree(files: dict[str, str]) -> None:
    """
    Against a constant number of replicas it does not agree, ends with status 1, and its table says by how much.
    """
    done = _watch(files, "--policy", "fixed", "--history", files["history"], "--agree", "90")
    assert done.returncode == 1
    assert "replicas agree at" in done.stdout
    assert "GPU-seconds" in done.stdout
    assert done.stderr == ""


def _prometheus_says(server: PrometheusServer, query: str, number: int) -> bool:
    return f'"{number}"]' in page_of(server.ports[0], query)[1]


def _later_than(moment: float) -> bool:
    return time.time() > moment


def test_prometheus_tells_the_history(
    files: dict[str, str], prometheus: PrometheusServer, metrics_page: MetricsPage, tmp_path: Path, queue_name: str
) -> None:
    """
    Replicas out of kube-state-metrics' series: three seconds of two replicas are six GPU-seconds or so.
    """
    labels = f'{{namespace="ai",deployment="{queue_name}"}}'
    query = f"/api/v1/query?{urlencode({'query': f'kube_deployment_spec_replicas{labels}'})}"
    start = time.time()
    seen: list[float] = []
    for replicas in (0, 2, 1):
        metrics_page.text = "".join(
            f"kube_deployment_{metric}{labels} {replicas}\n" for metric in ("spec_replicas", "status_replicas")
        )
        until(partial(_prometheus_says, prometheus, query, replicas))
        seen.append(time.time())
        until(partial(_later_than, seen[-1] + 3.0))
    end = time.time()
    jobs = _write(tmp_path / "sent.csv", ("arrival", "service"), [(start + 2, 1.0)])
    asked = ("--prometheus", f"http://127.0.0.1:{prometheus.ports[0]}", "--start", str(start), "--end", str(end))
    names = ("--namespace", "ai", "--workload", queue_name, "--step", "1s", "--policy", "ours", "--json")
    done = _watch({**files, "jobs": jobs}, *asked, *names)
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout)
    # A second of resolution, and what Prometheus needs to notice, on both edges of each step.
    about = 2 * (seen[2] - seen[1]) + (end - seen[2])
    assert figures["gpu_seconds"]["live"] == pytest.approx(about, abs=4.0)
    assert figures["starts"]["live"] == 2


@pytest.mark.parametrize(
    ("history", "arguments", "sentence"),
    [
        (None, ("--policy", "ours"), "give --history FILE, or --prometheus URL with --start and --end"),
        ([(1, 0), (2, 1)], (), "--policy: must be one of fixed, ours, for the experiment has several"),
        ([(1, 0), (2, 1)], ("--policy", "theirs"), "--policy: must be one of fixed, ours, not 'theirs'"),
        ([(1, 0), (2, 1)], ("--policy", "ours"), "none of its 7 jobs came while there is a history"),
        (
            [(2, 0), (1, 1)],
            ("--policy", "ours"),
            "line 3: time must not be before the line above (2.000), but is 1.000",
        ),
        ([(1, 0), (2, 1.5)], ("--policy", "ours"), "line 3: replicas and pods must be whole numbers, not [1.5]"),
        ([(1, 0)], ("--policy", "ours"), "must have at least two lines, at different times"),
        (
            None,
            ("--policy", "ours", "--prometheus", "http://x", "--start", "1", "--end", "2"),
            "--prometheus needs --workload",
        ),
    ],
)
def test_what_makes_no_sense_is_refused(
    history: Sequence[tuple[float, float]] | None,
    arguments: Sequence[str],
    sentence: str,
    files: dict[str, str],
    tmp_path: Path,
) -> None:
    """
    Status 2, and a sentence that says what is wrong.
    """
    if history is not None:
        arguments = ("--history", _write(tmp_path / "wrong.csv", ("time", "replicas"), history), *arguments)
    done = _watch(files, *arguments)
    assert done.returncode == 2
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr
