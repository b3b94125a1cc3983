"""
What really happened: replicas over time and the jobs that came, from CSVs that a run recorded.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from loadgen.arrivals.own import ARRIVAL, SERVICE
from loadgen.arrivals.tables import Row, read_any, read_rows
from loadgen.errors import UsageError
from loadgen.simulation.timeline import Recorder, Steps
from loadgen.simulation.workload import Workload

_SHORTEST_SERVICE = 0.001
_MOST_REPLICAS = 1_000_000
_UNIX_TIMES_FROM = 1e9


@dataclass(frozen=True, slots=True)
class History:
    """
    Replicas over time.

    Attributes:
        start: when it begins, in seconds since 1970; `span`: how long it lasts, in seconds.
        replicas: those that the Deployment asked for, by seconds since the start.
        pods: those that held a GPU.
        mean_wait: how long jobs waited until they were taken, in seconds; None if nobody knows.
    """

    start: float
    span: float
    replicas: Steps
    pods: Steps
    mean_wait: float | None = None


@dataclass(frozen=True, slots=True)
class Arrivals:
    """
    The jobs that came while there is a history.

    Attributes:
        outside: how many others were left out, for they came before or after.
        waits: how long each job waited beyond its service time, in seconds, as far as somebody noted it.
    """

    workload: Workload
    outside: int
    waits: tuple[float, ...]


def read_history(path: Path) -> History:
    """
    Return the history of a CSV with `time` (seconds since 1970, rising) and `replicas`, and `pods` if they differ.

    Each line holds until the next; the last one says when the history ends.

    Raises:
        UsageError: the file is not such a table.
    """
    samples: list[tuple[float, int, int]] = []
    for row in read_rows(path, ("time", "replicas")):
        at = row.number("time")
        if samples and at < samples[-1][0]:
            raise row.error("time", f"must not be before the line above ({samples[-1][0]:.3f}), but is {at:.3f}")
        numbers = [row.number(name) for name in ("replicas", "pods") if name in row.cells]
        if any(not number.is_integer() or number > _MOST_REPLICAS for number in numbers):
            raise row.error("replicas and pods", f"must be whole numbers, not {numbers}")
        samples.append((at, int(numbers[0]), int(numbers[-1])))
    if not samples or samples[-1][0] <= samples[0][0]:
        raise UsageError(f"{path}: must have at least two lines, at different times")
    start = samples[0][0]
    replicas = steps((at - start, number) for at, number, _ in samples)
    pods = steps((at - start, number) for at, _, number in samples)
    return History(start, samples[-1][0] - start, replicas, pods)


def steps(samples: Iterable[tuple[float, int]]) -> Steps:
    """
    Return the step function of samples, which are in order.
    """
    recorder = Recorder()
    for at, value in samples:
        recorder.note(at, value)
    return recorder.steps


def read_arrivals(path: Path, history: History) -> Arrivals:
    """
    Return the jobs of a CSV with `arrival` and `service`, and `wait` if it was noted, all in seconds.

    An arrival is a moment in seconds since 1970, or (below 10⁹) counted from the beginning of the history. The columns
    may be called `arrival_s` and `service_s`, as a recorded trace has them.

    Raises:
        UsageError: the file is not such a table, or none of its jobs falls into the history.
    """
    rows = [(_moment(row, history.start), row.number(_column(row, SERVICE)), _wait(row)) for row in read_any(path)]
    known = sorted(
        (arrival - history.start, max(service, _SHORTEST_SERVICE), wait)
        for arrival, service, wait in rows
        if 0 <= arrival - history.start < history.span
    )
    if not known:
        raise UsageError(f"{path}: none of its {len(rows)} jobs came while there is a history")
    workload = Workload(
        name=path.name,
        arrivals=tuple(arrival for arrival, _, _ in known),
        services=tuple(service for _, service, _ in known),
        span=history.span,
    )
    waits = tuple(wait for _, _, wait in known if wait is not None)
    return Arrivals(workload, len(rows) - len(known), waits)


def _moment(row: Row, start: float) -> float:
    at = row.number(_column(row, ARRIVAL))
    return at if at >= _UNIX_TIMES_FROM else start + at


def _column(row: Row, names: Sequence[str]) -> str:
    for name in names:
        if name in row.cells:
            return name
    raise UsageError(f"{row.path}: there is no column {' or '.join(names)}, only {', '.join(row.cells)}")


def _wait(row: Row) -> float | None:
    return row.number("wait") if row.cells.get("wait") else None
