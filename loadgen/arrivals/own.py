"""
A user's own arrivals: a CSV with a column `arrival` (or `arrival_s`) and, if known, `service` (or `service_s`).

Arrivals are seconds from the start, or moments: Unix times (numbers from 10⁹ on) or ISO 8601 texts. Moments are counted
from the first one. Lines need not be in order.
"""

from __future__ import annotations

from datetime import UTC, datetime
from operator import itemgetter
from pathlib import Path
from random import Random

from loadgen.arrivals.jobs import Jobs
from loadgen.arrivals.services import Service
from loadgen.arrivals.tables import Row, read_any
from loadgen.errors import UsageError

ARRIVAL, SERVICE = ("arrival", "arrival_s"), ("service", "service_s")
_UNIX_TIMES_FROM = 1e9


def read_own(path: Path, service: Service | None, seed: str) -> Jobs:
    """
    Return the jobs of a CSV; *service* draws the times that the file does not tell, in the order of arrival.

    Raises:
        UsageError: the file is not such a table, or times are neither in it nor given by *service*.
    """
    found = sorted(((_moment(row), _service(row)) for row in read_any(path)), key=itemgetter(0))
    if not found:
        raise UsageError(f"{path}: there are no jobs in it")
    start = found[0][0] if found[0][0] >= _UNIX_TIMES_FROM else 0.0
    draws = Random(seed)
    return [(at - start, _known(path, service, draws) if seconds is None else seconds) for at, seconds in found]


def _known(path: Path, service: Service | None, draws: Random) -> float:
    if service is None:
        raise UsageError(f"{path}: it does not tell how long every job takes: give `service`")
    return service.draw(draws)


def _moment(row: Row) -> float:
    column = next((name for name in ARRIVAL if name in row.cells), None)
    if column is None:
        raise UsageError(f"{row.path}: there is no column {' or '.join(ARRIVAL)}, only {', '.join(row.cells)}")
    try:
        moment = datetime.fromisoformat(row.cells[column].strip())
    except ValueError:
        return row.number(column)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _service(row: Row) -> float | None:
    column = next((name for name in SERVICE if row.cells.get(name, "").strip()), None)
    return None if column is None else row.number(column)
