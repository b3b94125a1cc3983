"""
Ray: a cluster that is there already, or one on this machine.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from loadgen.errors import CommandError
from loadgen.experiments.task import Measured, Task, measure
from loadgen.simulation.workload import Workload

try:
    import ray
except ImportError as error:
    raise CommandError("Ray is not installed: pip install 'gpu-agent-scaler[ray]'") from error


class RayEngine:
    """
    The cluster at *address*, or else so many workers here.

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
        here: dict[str, Any] = {}
        if self._address is None:
            here = {"num_cpus": self._workers, "include_dashboard": False, "_node_ip_address": "127.0.0.1"}
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # Ray would tell its makers that it is used
        try:
            ray.init(address=self._address or "local", log_to_driver=False, logging_level=logging.ERROR, **here)
        except (ConnectionError, RuntimeError, ValueError) as error:
            raise CommandError(f"--engine: no Ray answers at {self._address}: {error}") from error
        try:
            held = {digest: ray.put(workload) for digest, workload in workloads.items()}
            remote = ray.remote(measure)
            waiting = {remote.remote(task, held[task.workload]): task for task in tasks}
            while waiting:
                done, _ = ray.wait(list(waiting))
                for reference in done:
                    yield waiting.pop(reference), ray.get(reference)
        finally:
            ray.shutdown()
