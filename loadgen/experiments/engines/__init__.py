"""
Engines: what spreads the cells of an experiment over processors. The results do not depend on which it is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

from loadgen.errors import UsageError
from loadgen.experiments.task import Measured, Task
from loadgen.simulation.workload import Workload

# ruff: noqa: PLC0415 - an engine's library is imported only where it is used: it may not be installed

ENGINES = ("processes", "dask")


class Engine(Protocol):
    """
    What can work on cells.
    """

    def measured(self, tasks: Sequence[Task], workloads: Mapping[str, Workload]) -> Iterator[tuple[Task, Measured]]:
        """
        Yield each task with what came out, in any order; *workloads* are by their digests.
        """
        ...


def engine(text: str, workers: int) -> Engine:
    """
    Return the engine that a text means: `processes`, `dask` or `dask=ADDRESS`.

    Raises:
        UsageError: there is no such engine.
        CommandError: its library is not installed, or nobody is at the address.
    """
    name, equals, address = text.partition("=")
    if name not in ENGINES or (equals and not address) or (name == "processes" and equals):
        raise UsageError(f"--engine: must be processes, dask or dask=ADDRESS, not {text[:40]!r}")
    if name == "dask":
        from loadgen.experiments.engines.on_dask import DaskEngine

        return DaskEngine(address or None, workers)
    from loadgen.experiments.engines.processes import ProcessEngine

    return ProcessEngine(workers)
