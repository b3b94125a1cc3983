"""
Dask: a cluster that is there already, or one of processes on this machine.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from loadgen.errors import CommandError
from loadgen.experiments.task import Measured, Task, measure
from loadgen.simulation.workload import Workload

try:
    from distributed import Client, LocalCluster, as_completed
except ImportError as error:
    raise CommandError("Dask is not installed: in a clone, pip install '.[dask]'") from error

_PATIENCE = 10
"""Seconds to find the scheduler."""


class DaskEngine:
    """
    The cluster whose scheduler is at *address*, or else so many workers here.

    The workers of a cluster need this package, in the same version.
    """

    def __init__(self, address: str | None, workers: int) -> None:
        self._address = address
        self._workers = workers

    def measured(self, tasks: Sequence[Task], workloads: Mapping[str, Workload]) -> Iterator[tuple[Task, Measured]]:
        """
        Yield each task with what came out, in any order.

        Raises:
            CommandError: nobody is at the address.
        """
        if self._address is not None:
            yield from self._on(self._address, tasks, workloads)
            return
        with LocalCluster(
            n_workers=self._workers, threads_per_worker=1, host="127.0.0.1", dashboard_address="127.0.0.1:0"
        ) as cluster:
            yield from self._on(cluster, tasks, workloads)

    def _on(
        self, cluster: str | LocalCluster, tasks: Sequence[Task], workloads: Mapping[str, Workload]
    ) -> Iterator[tuple[Task, Measured]]:
        try:
            client = Client(cluster, timeout=_PATIENCE)
        except (OSError, ValueError) as error:
            raise CommandError(f"--engine: no Dask scheduler answers at {self._address}: {error}") from error
        with client:
            held = {digest: client.scatter(workload, hash=False) for digest, workload in workloads.items()}
            futures = {client.submit(measure, task, held[task.workload], key=task.key): task for task in tasks}
            for future in as_completed(list(futures)):
                yield futures.pop(future), future.result()
