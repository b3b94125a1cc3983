"""
ServeGen's clients: rates in windows of ten minutes, from which arrivals are drawn.
"""

from __future__ import annotations

from collections.abc import Callable
from operator import itemgetter
from pathlib import Path
from random import Random

from loadgen.arrivals.jobs import Jobs
from loadgen.arrivals.services import Service
from loadgen.arrivals.tables import Row, read_rows
from loadgen.errors import UsageError

WINDOW = 600.0
"""Seconds of one window."""


def read_servegen(path: Path, client: int, service: Service, seed: str) -> Jobs:
    """
    Return arrivals of one client (`client, t_s, pattern, arg1, arg2`, more columns may be).

    In each window the intervals are drawn from its distribution: `pattern` G is a Gamma, W a Weibull, with shape `arg1`
    and scale `arg2` (seconds); intervals do not reach over from one window to the next. A window that is missing has no
    arrivals. *service* draws how long a request takes.

    Raises:
        UsageError: the file is not such a trace, or has no such client.
    """
    rows = [row for row in read_rows(path, ("client", "t_s", "pattern", "arg1", "arg2")) if _is(row, client)]
    if not rows:
        raise UsageError(f"{path}: there is no client {client} in it")
    arrivals: list[float] = []
    for start, interval in sorted(((row.number("t_s"), _interval(row)) for row in rows), key=itemgetter(0)):
        # A seed for each window: a part of the week is the same, whatever is drawn before it.
        draws = Random(f"{seed}/{start:g}")
        at = interval(draws)
        while at < WINDOW:
            arrivals.append(start + at)
            at += interval(draws)
    draws = Random(f"{seed}/service")
    return [(arrival, service.draw(draws)) for arrival in arrivals]


def _is(row: Row, client: int) -> bool:
    return row.number("client") == client


def _interval(row: Row) -> Callable[[Random], float]:
    shape, scale = row.number("arg1"), row.number("arg2")
    if not (shape > 0 and scale > 0):
        raise row.error("arg1 and arg2", f"must be above 0, not {shape:g} and {scale:g}")
    match row.cells["pattern"]:
        case "G":
            return lambda draws: draws.gammavariate(shape, scale)
        case "W":
            return lambda draws: draws.weibullvariate(scale, shape)
        case other:
            raise row.error("pattern", f"must be G or W, not {other[:40]!r}")
