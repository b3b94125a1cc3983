"""
`loadgen record` against a real Prometheus: what it remembers becomes a trace that the lab can read.
"""

from __future__ import annotations

import csv
import json
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Mapping
from functools import partial
from operator import mul
from pathlib import Path
from statistics import fmean
from uuid import uuid4

import pytest

from loadgen.arrivals.own import read_own
from loadgen.cli import main
from tests.servers.ports import free_port
from tests.servers.prometheus import MetricsPage, PrometheusServer

STEP = 15


class History:
    """
    A quarter of an hour that ended a minute ago, told to a Prometheus in one scrape: samples carry their own times.
    """

    def __init__(self, server: PrometheusServer, page: MetricsPage) -> None:
        self.end = int(time.time()) // STEP * STEP - 60
        self.start = self.end - 900
        self._server = server
        self._page = page
        self._lines: list[str] = []
        self._last = f"told_{uuid4().hex}"

    def series(self, text: str, value: Callable[[int], float | None]) -> None:
        """
        Let a series have these values, by the seconds since the start (None: no sample).
        """
        for at in range(0, 901, STEP):
            if (now := value(at)) is not None:
                self._lines.append(f"{text} {now} {(self.start + at) * 1000}")

    def tell(self) -> None:
        """
        Show the page, and return when the last sample is known.
        """
        self._page.text = "\n".join([*self._lines, f"{self._last} 1 {self.end * 1000}"]) + "\n"
        deadline = time.monotonic() + 20
        query = urllib.parse.urlencode({"query": self._last, "time": self.end})
        while time.monotonic() < deadline:
            with urllib.request.urlopen(f"{self._server.url}/api/v1/query?{query}", timeout=5) as answer:
                if json.load(answer)["data"]["result"]:
                    return
        raise AssertionError("Prometheus did not take the samples")

    def arguments(self, output: Path, **options: str) -> list[str]:
        """
        Return a command line for this history.
        """
        fixed = {"prometheus": self._server.url, "start": str(self.start), "end": str(self.end), "step": f"{STEP}s"}
        given = {**fixed, **options}
        return [
            "record",
            *(part for name, value in given.items() for part in (f"--{name}", value)),
            "--output",
            str(output),
        ]


@pytest.fixture
def history(prometheus: PrometheusServer, metrics_page: MetricsPage) -> History:
    """
    A history that has not been told yet.
    """
    return History(prometheus, metrics_page)


def shown_from(second: int, history: History) -> Callable[[int], float | None]:
    """
    Return a series that says when something happened, from then on.
    """
    return lambda at: history.start + second if at >= second else None


def rows(path: Path) -> list[Mapping[str, str]]:
    """
    Return the lines of a CSV.
    """
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_counted_arrivals_and_a_histogram_become_a_trace(
    history: History, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """
    One replica counts from the start, a second one comes after five minutes; services are short or long.
    """
    history.series('came_total{pod="a"}', lambda at: 1000 + at // STEP)
    history.series('came_total{pod="b"}', lambda at: 10 + (at - 300) // STEP if at >= 300 else None)
    for bound, share in (("1", 0.5), ("10", 0.5), ("20", 1.0), ("+Inf", 1.0)):
        history.series(f'took_bucket{{le="{bound}"}}', partial(mul, share))
    history.series("took_sum", lambda at: 8.0 * at)
    history.series("took_count", float)
    history.tell()
    output = tmp_path / "trace.csv"
    assert main(history.arguments(output, arrivals="came_total", service="took")) == 0
    jobs = read_own(output, None, "x")
    # 60 of the first; 10 that the second one counted before it was first seen, and 40 after.
    assert len(jobs) == 110
    assert sum(at < 285 for at, _ in jobs) == 19
    assert sum(285 <= at < 300 for at, _ in jobs) == 11
    assert fmean(service for _, service in jobs) == pytest.approx(8.0, abs=0.01)
    assert capsys.readouterr().out == f"{output}: 110 jobs in 900 s\n"
    first = output.read_bytes()
    assert main(history.arguments(output, arrivals="came_total", service="took")) == 0
    assert output.read_bytes() == first


def test_arrivals_are_found_where_nothing_counts_them(history: History, tmp_path: Path) -> None:
    """
    Ten jobs come at five minutes and are worked off, one a minute, by one replica: ten arrivals, a minute of work each.
    """

    def present(at: int) -> int:
        return 0 if at < 300 else max(10 - (at - 300) // 60, 0)

    history.series("worked_total", lambda at: min(max((at - 300) // 60, 0), 10))
    history.series('jobs_present{what="waiting"}', lambda at: max(present(at) - 1, 0))
    history.series('jobs_present{what="in flight"}', lambda at: min(present(at), 1))
    history.tell()
    output = tmp_path / "trace.csv"
    busy = 'jobs_present{what="in flight"}'
    assert main(history.arguments(output, done="worked_total", present="jobs_present", busy=busy)) == 0
    jobs = read_own(output, None, "x")
    assert [service for _, service in jobs] == [60.0] * 10
    assert all(285 <= at <= 300 for at, _ in jobs)


def test_cold_starts_are_from_creation_to_readiness(history: History, tmp_path: Path) -> None:
    """
    Of a pod that came within the range; not of one that was there before, nor of one that is not ready yet.
    """
    history.series("arrived_total", lambda at: at)
    for pod, created, ready in (("old", -50, 40), ("new", 100, 190), ("late", 800, None)):
        name = f'{{namespace="ai",pod="{pod}"}}'
        history.series(f"kube_pod_created{name}", shown_from(created, history))
        if ready is not None:
            history.series(f"kube_pod_status_ready_time{name}", shown_from(ready, history))
    history.series("in_work", lambda _: 1)
    history.tell()
    output = tmp_path / "trace.csv"
    options = {"arrivals": "arrived_total", "busy": "in_work", "pods": 'namespace="ai"'}
    assert main(history.arguments(output, **options)) == 0
    found = rows(tmp_path / "trace.csv.cold-starts.csv")
    assert found == [{"pod": "new", "created_s": "100.000", "cold_start_s": "90.000"}]


@pytest.mark.parametrize(
    ("options", "status", "words"),
    [
        ({"arrivals": "sum(("}, 2, "--arrivals: Prometheus refuses 'sum((': "),
        ({"arrivals": "nobody_counts_this"}, 1, "no job came in this range"),
        ({}, 2, "--arrivals: give it, or both --done and --present"),
        ({"arrivals": "up", "end": "2d"}, 2, "--start and --end: must be at least one step (15 s) apart"),
        ({"arrivals": "up", "step": "15"}, 2, "--step: must be a duration such as 250ms"),
        ({"arrivals": "up", "step": "1500ms"}, 2, "--step: must be whole seconds, at least 1 s, not 1.5 s"),
        ({"arrivals": "up", "start": "yesterday"}, 2, "--start: must be an ISO 8601 time"),
        ({"arrivals": "up", "prometheus": "localhost"}, 2, "--prometheus: must be a URL"),
    ],
)
def test_what_cannot_be_recorded_is_told(
    history: History,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    options: Mapping[str, str],
    status: int,
    words: str,
) -> None:
    """
    One sentence that names the option; nothing is written.
    """
    assert main(history.arguments(tmp_path / "trace.csv", **options)) == status
    told = capsys.readouterr().err
    assert told.startswith(f"loadgen: {words}")
    assert len(told.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


def test_nobody_there_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """
    A port where nobody listens: the address is named, and there is no trace.
    """
    url = f"http://127.0.0.1:{free_port()}"
    arguments = ["--prometheus", url, "--start", "1h", "--arrivals", "up", "--output", str(tmp_path / "t.csv")]
    assert main(["record", *arguments]) == 1
    assert capsys.readouterr().err == f"loadgen: {url}: gives no answer: ConnectionError\n"
