"""
Traces: the public ones and a user's own, read as what they are, and refused with the place where they are not.
"""

from __future__ import annotations

import gzip
from itertools import pairwise
from pathlib import Path
from statistics import fmean

import pytest

from loadgen.arrivals.agents import read_agents
from loadgen.arrivals.azure import read_functions, read_llm
from loadgen.arrivals.jobs import faster, overlaid, thinned, window
from loadgen.arrivals.own import read_own
from loadgen.arrivals.servegen import WINDOW, read_servegen
from loadgen.arrivals.services import Fixed
from loadgen.errors import UsageError
from loadgen.traces import shipped, shipped_names

ROOT = Path(__file__).parents[3]
TEN = Fixed(10.0)


def written(folder: Path, text: str, name: str = "trace.csv") -> Path:
    """
    Return a file with this text, gzipped if its name says so.
    """
    path = folder / name
    path.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
    return path


def test_a_request_takes_the_time_of_its_tokens(tmp_path: Path) -> None:
    """
    Input at the prefill rate, then output at the decode rate.
    """
    path = written(tmp_path, "arrival_s,input_tokens,output_tokens\n0.0,4000,10\n2.5,100,300\n", "trace.csv.gz")
    assert read_llm(path, prefill_rate=1000.0, decode_rate=10.0) == [(0.0, 5.0), (2.5, 30.1)]


def test_a_minutes_calls_are_spread_over_that_minute(tmp_path: Path) -> None:
    """
    Three calls in minute 2 and one in minute 5 of two functions, each within its minute; a seed gives them again.
    """
    path = written(tmp_path, "function,minute,invocations\n7,5,1\n7,2,2\n8,2,1\n9,2,50\n")
    jobs = read_functions(path, {7, 8}, TEN, "x")
    assert [int(at // 60) for at, _ in jobs] == [2, 2, 2, 5]
    assert len({at % 60 for at, _ in jobs}) == 4
    assert jobs == read_functions(path, {7, 8}, TEN, "x") != read_functions(path, {7, 8}, TEN, "y")
    assert len(read_functions(path, (), TEN, "x")) == 54


def test_sessions_keep_their_rhythm_and_start_apart(tmp_path: Path) -> None:
    """
    Two sessions over an hour: within each, the distances stay; what tells no time takes the usual one for its tokens.
    """
    path = written(
        tmp_path,
        "session,t_s,output_tokens,api_time_s\na,0,100,5\na,30,200,\na,60,100,5\nb,0,100,5\nb,7,100,5\n",
    )
    jobs = read_agents(path, 2, 3600.0, "x")
    starts = sorted(at for at, _ in jobs)
    distances = {round(later - earlier, 6) for index, earlier in enumerate(starts) for later in starts[index:]}
    assert {30.0, 60.0, 7.0} <= distances
    assert sorted(service for _, service in jobs) == [5.0, 5.0, 5.0, 5.0, 10.0]
    assert jobs != read_agents(path, 2, 3600.0, "y")


def test_every_session_comes_before_any_comes_twice(tmp_path: Path) -> None:
    """
    Five sessions of two: both twice, one of them once more.
    """
    path = written(tmp_path, "session,t_s,output_tokens,api_time_s\na,0,100,1\nb,0,100,2\n")
    services = sorted(service for _, service in read_agents(path, 5, 60.0, "x"))
    assert services in ([1.0, 1.0, 1.0, 2.0, 2.0], [1.0, 1.0, 2.0, 2.0, 2.0])


def test_a_windows_arrivals_have_its_rate(tmp_path: Path) -> None:
    """
    A thousand windows with Gamma and Weibull intervals of two seconds on average; the missing one in between is empty.
    """
    lines = "".join(f"1,{2 * n * WINDOW:g},{'G' if n % 2 else 'W'},1,2\n" for n in range(500))
    path = written(tmp_path, f"client,t_s,pattern,arg1,arg2\n{lines}")
    arrivals = [at for at, _ in read_servegen(path, 1, TEN, "x")]
    assert len(arrivals) == pytest.approx(500 * WINDOW / 2, rel=0.02)
    assert all(at // WINDOW % 2 == 0 for at in arrivals)
    assert all(earlier <= later for earlier, later in pairwise(arrivals))


def test_a_window_is_the_same_whatever_comes_before_it(tmp_path: Path) -> None:
    """
    Leaving the first window out changes nothing of the second.
    """
    head = "client,t_s,pattern,arg1,arg2\n"
    both = written(tmp_path, f"{head}1,0,G,0.5,4\n1,600,G,0.5,4\n", "both.csv")
    second = written(tmp_path, f"{head}1,600,G,0.5,4\n", "second.csv")
    later = [at for at, _ in read_servegen(both, 1, TEN, "x") if at >= WINDOW]
    assert later == [at for at, _ in read_servegen(second, 1, TEN, "x")]


@pytest.mark.parametrize(
    "text",
    [
        "arrival,service\n1766000000,3\n1766000009.5,4\n",
        "arrival,service\n2025-12-17T19:33:20Z,3\n2025-12-17T20:33:29.5+01:00,4\n",
        "service_s,note,arrival_s\n4,b,9.5\n3,a,0\n",
    ],
    ids=["Unix times", "ISO 8601", "other names, order and columns"],
)
@pytest.mark.parametrize("name", ["trace.csv", "trace.csv.gz"])
def test_a_users_own_file_may_tell_times_in_three_ways(tmp_path: Path, text: str, name: str) -> None:
    """
    Moments are counted from the first; seconds are taken as they are; lines need not be in order.
    """
    assert read_own(written(tmp_path, text, name), None, "x") == [(0.0, 3.0), (9.5, 4.0)]


def test_seconds_are_not_counted_from_the_first_job(tmp_path: Path) -> None:
    """
    A job at 100 s comes 100 s after the start; what the file does not tell takes the stated time.
    """
    assert read_own(written(tmp_path, "arrival\n100\n160\n"), TEN, "x") == [(100.0, 10.0), (160.0, 10.0)]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("arrival,service\n1,2\n2,x\n", r"trace\.csv, line 3: service must be a number, not 'x'"),
        ("arrival,service\n-1,2\n", r"line 2: arrival must be finite and at least 0, not -1"),
        ("arrival,service\n1,nan\n", r"line 2: service must be finite and at least 0, not nan"),
        ("arrival,service\n1\n", r"line 2: must have 2 cells, not 1"),
        ("time,service\n1,2\n", r"there is no column arrival or arrival_s, only time, service"),
        ("arrival\n1\n", r"does not tell how long every job takes: give `service`"),
        ("arrival,service\n", r"there are no jobs in it"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(tmp_path: Path, text: str, words: str) -> None:
    """
    The file, the line, the column, the rule and the value.
    """
    with pytest.raises(UsageError, match=words):
        read_own(written(tmp_path, text), None, "x")


def test_a_file_that_is_not_there_or_none_is_told(tmp_path: Path) -> None:
    """
    One sentence with the path, no trace.
    """
    with pytest.raises(UsageError, match=r"nowhere\.csv: cannot be read: No such file"):
        read_own(tmp_path / "nowhere.csv", None, "x")
    (tmp_path / "broken.csv.gz").write_bytes(b"not gzip")
    with pytest.raises(UsageError, match=r"broken\.csv\.gz: cannot be read"):
        read_own(tmp_path / "broken.csv.gz", None, "x")


def test_unknown_functions_and_clients_are_told() -> None:
    """
    Asking for what is not in the trace names it.
    """
    with pytest.raises(UsageError, match="there is no function 99999 in it"):
        read_functions(shipped("azure-functions"), {99999}, TEN, "x")
    with pytest.raises(UsageError, match="there is no client 4 in it"):
        read_servegen(shipped("servegen-m-large"), 4, TEN, "x")


def test_the_shipped_traces_are_what_their_page_says() -> None:
    """
    Counts and spans of all four; each is small, and named on the page with its licence.
    """
    llm = read_llm(shipped("azure-llm-code"), 1000.0, 100.0)
    functions = read_functions(shipped("azure-functions"), (), TEN, "x")
    agents = read_agents(shipped("coding-agent"), 51, 60.0, "x")
    servegen = read_servegen(shipped("servegen-m-large"), 69, TEN, "x")
    assert len(llm) == 8819
    assert llm[-1][0] == pytest.approx(57 * 60, abs=60)
    assert functions[-1][0] < 24 * 3600 < functions[-1][0] + 600
    assert len(agents) > 2000
    assert fmean(service for _, service in agents) == pytest.approx(10.0, rel=0.5)
    assert 6 * 24 * 3600 < servegen[-1][0] < 7 * 24 * 3600
    page = (ROOT / "loadgen/traces/README.md").read_text()
    for name in shipped_names():
        assert shipped(name).stat().st_size < 200_000
        assert any(
            f"`{name}`" in line.split("|")[1] and ("CC BY 4.0 |" in line or "Apache-2.0 |" in line)
            for line in page.splitlines()
            if line.startswith("|")
        )


def test_jobs_can_be_cut_sped_up_thinned_and_overlaid() -> None:
    """
    Times from the window's start; half the time between; about that share; in order.
    """
    jobs = [(float(at), 1.0) for at in range(1000)]
    assert window(jobs, 10.0, 12.0) == [(0.0, 1.0), (1.0, 1.0)]
    assert faster(jobs, 2.0)[3] == (1.5, 1.0)
    assert len(thinned(jobs, 0.3, "x")) == pytest.approx(300, abs=60)
    assert overlaid([(1.0, 1.0), (5.0, 1.0)], [(2.0, 9.0)]) == [(1.0, 1.0), (2.0, 9.0), (5.0, 1.0)]
