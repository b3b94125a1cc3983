"""
Running an experiment: the same results whoever works on it, kept, and taken up again.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path

import pytest
from pyarrow import parquet

from loadgen.errors import CommandError, UsageError
from loadgen.experiments import table
from loadgen.experiments.document import parse
from loadgen.experiments.engines import Engine, engine
from loadgen.experiments.engines.processes import ProcessEngine
from loadgen.experiments.running import Plan, Results, plan, run
from loadgen.experiments.task import Measured, Task
from loadgen.simulation.workload import Workload
from tests.loadgen.experiments.small import CELLS, SMALL
from tests.servers.ports import free_port

pytestmark = pytest.mark.timeout(400)  # clusters have to start, on a machine that may be busy


class Stopping:
    """
    An engine that stops after some cells, as a power cut would.
    """

    def __init__(self, after: int) -> None:
        self._after = after

    def measured(self, tasks: Sequence[Task], workloads: Mapping[str, Workload]) -> Iterator[tuple[Task, Measured]]:
        """
        Yield the first ones, then fail.
        """
        yield from islice(ProcessEngine(1).measured(tasks, workloads), self._after)
        raise KeyboardInterrupt


class Backwards:
    """
    An engine that is ready with the last cell first.
    """

    def measured(self, tasks: Sequence[Task], workloads: Mapping[str, Workload]) -> Iterator[tuple[Task, Measured]]:
        """
        Yield them from the last on.
        """
        yield from ProcessEngine(1).measured(tasks[::-1], workloads)


@pytest.fixture(scope="module")
def planned() -> Plan:
    """
    The small experiment.
    """
    return plan(parse(SMALL), Path())


@pytest.fixture(scope="module")
def alone(planned: Plan, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """
    The folder of the small experiment, run in this process.
    """
    folder = tmp_path_factory.mktemp("alone")
    ran(planned, folder, ProcessEngine(1))
    return folder


def ran(planned: Plan, folder: Path, by: Engine) -> Results:
    """
    Run, and write the tables.
    """
    results = run(planned, folder, by, lambda _done, _of: None)
    table.write(results, folder)
    return results


def tables(folder: Path) -> list[bytes]:
    """
    Return all tables, byte by byte.
    """
    return [(folder / name).read_bytes() for name in (table.CSV, table.PARQUET)]


@pytest.mark.parametrize("by", ["processes", "dask"])
def test_the_results_are_the_same_to_the_last_digit(planned: Plan, alone: Path, tmp_path: Path, by: str) -> None:
    """
    Two processes, and a Dask cluster of this machine, write the same bytes as one process alone.
    """
    assert ran(planned, tmp_path, engine(by, 2)).fresh == CELLS
    assert tables(tmp_path) == tables(alone)


def test_the_order_in_which_cells_are_ready_does_not_matter(planned: Plan, alone: Path, tmp_path: Path) -> None:
    """
    Ready backwards, written forwards.
    """
    ran(planned, tmp_path, Backwards())
    assert tables(tmp_path) == tables(alone)


def test_a_run_that_was_stopped_goes_on(planned: Plan, alone: Path, tmp_path: Path) -> None:
    """
    Seven cells and half a line are there: the rest is done and nothing twice; a third run has nothing to do.
    """
    with pytest.raises(KeyboardInterrupt):
        ran(planned, tmp_path, Stopping(7))
    kept = tmp_path / "cells.jsonl"
    with kept.open("a") as file:
        file.write('{"key": "half a li')
    assert ran(planned, tmp_path, ProcessEngine(1)).fresh == CELLS - 7
    assert tables(tmp_path) == tables(alone)
    assert ran(planned, tmp_path, Stopping(0)).fresh == 0
    assert tables(tmp_path) == tables(alone)


def test_what_changes_is_done_again_and_nothing_else(alone: Path, tmp_path: Path) -> None:
    """
    A policy more: its cells only. Another cold start in one world: all of that world.
    """
    (tmp_path / "cells.jsonl").write_bytes((alone / "cells.jsonl").read_bytes())
    more = parse(SMALL + "  two: {fixed: {replicas: 2}}\n")
    assert ran(plan(more, Path()), tmp_path, ProcessEngine(1)).fresh == 2 * 2 * 2
    slower = parse(SMALL.replace("modelLoad: 3m", "modelLoad: 4m"))
    assert ran(plan(slower, Path()), tmp_path, ProcessEngine(1)).fresh == CELLS / 2


def test_progress_is_told_from_what_is_known_to_all(planned: Plan, tmp_path: Path) -> None:
    """
    It begins with what is known, rises by one, and ends with everything.
    """
    with pytest.raises(KeyboardInterrupt):
        ran(planned, tmp_path, Stopping(3))
    told: list[tuple[int, int]] = []
    run(planned, tmp_path, ProcessEngine(1), lambda done, of: told.append((done, of)))
    assert told == [(done, CELLS) for done in range(3, CELLS + 1)]


def test_the_table_says_everything(alone: Path) -> None:
    """
    A line for each cell and price; costs are GPU-hours plus price times hours waited; Parquet says the same as CSV.
    """
    with (alone / table.CSV).open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == CELLS * 2
    for row in rows:
        cost = float(row["gpu_hours"]) + float(row["price"]) * float(row["wait_hours"])
        assert float(row["cost"]) == pytest.approx(cost)
        assert float(row["bound"]) <= float(row["cost"])
    assert {(row["policy"], row["family"], row["base"]) for row in rows} == {
        ("ours", "ours", "True"),
        ("one", "fixed", "True"),
        ("redis", "stock", "True"),
        ("redis", "stock", "False"),
        ("both", "stock", "True"),
    }
    stored = parquet.read_table(alone / table.PARQUET).to_pylist()
    assert [{name: str(value) for name, value in row.items()} for row in stored] == rows


def test_what_is_kept_is_readable_by_others(alone: Path) -> None:
    """
    A line of JSON for each cell.
    """
    lines = [json.loads(line) for line in (alone / "cells.jsonl").read_text().splitlines()]
    assert len({line["key"] for line in lines}) == CELLS
    assert all(line["measured"]["jobs"] > 0 for line in lines)


@pytest.mark.parametrize("text", ["threads", "dask=", "processes=4", "DASK", ""])
def test_an_unknown_engine_is_refused(text: str) -> None:
    """
    The known ones are named.
    """
    with pytest.raises(UsageError, match="--engine: must be processes, dask or dask=ADDRESS, not"):
        engine(text, 2)


def test_a_cluster_that_is_not_there_is_told(planned: Plan, tmp_path: Path) -> None:
    """
    The address is in the message.
    """
    address = f"tcp://127.0.0.1:{free_port()}"
    with pytest.raises(CommandError, match=f"--engine: no Dask scheduler answers at {address}"):
        ran(planned, tmp_path, engine(f"dask={address}", 2))


def test_a_folder_that_cannot_be_used_is_told(planned: Plan, tmp_path: Path) -> None:
    """
    A file stands where the folder should be.
    """
    (tmp_path / "taken").write_text("")
    with pytest.raises(CommandError, match=r"taken/cells\.jsonl: cannot be used: "):
        ran(planned, tmp_path / "taken", ProcessEngine(1))
