"""
Sessions of coding agents, laid over one another.
"""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from random import Random
from statistics import median

from loadgen.arrivals.jobs import Jobs
from loadgen.arrivals.tables import Row, read_rows
from loadgen.errors import UsageError

_COLUMNS = ("session", "t_s", "output_tokens", "api_time_s")


def read_agents(path: Path, sessions: int, over: float, seed: str) -> Jobs:
    """
    Return the requests of *sessions* drawn sessions (`session, t_s, output_tokens, api_time_s`, more columns may be).

    Sessions have no common clock: each starts at a moment drawn evenly from [0, *over*) seconds. A session is drawn
    twice only when all have been drawn. A request without `api_time_s` is taken to last as long as its output tokens do
    at the median of all that have one. Think time stays as it was, however long a request waits.

    Raises:
        UsageError: the file is not such a trace.
    """
    rows = defaultdict(list)
    for row in read_rows(path, _COLUMNS):
        rows[row.cells["session"]].append(row)
    if not rows:
        raise UsageError(f"{path}: there are no sessions in it")
    per_token = _seconds_per_token(path, [row for session in rows.values() for row in session])
    requests = {
        name: [(row.number("t_s"), _service(row, per_token)) for row in session] for name, session in rows.items()
    }
    draws = Random(seed)
    names: list[str] = []
    while len(names) < sessions:
        names += draws.sample(sorted(requests), len(requests))
    starts = [draws.random() * over for _ in range(sessions)]
    return sorted(
        (start + at, service) for name, start in zip(names, starts, strict=False) for at, service in requests[name]
    )


def _service(row: Row, per_token: float) -> float:
    if row.cells["api_time_s"].strip():
        return row.number("api_time_s")
    return row.number("output_tokens") * per_token


def _seconds_per_token(path: Path, rows: list[Row]) -> float:
    speeds = [
        row.number("api_time_s") / tokens
        for row in rows
        if row.cells["api_time_s"].strip() and (tokens := row.number("output_tokens")) > 0
    ]
    if not speeds:
        raise UsageError(f"{path}: no request of it tells api_time_s")
    return median(speeds)
