"""
The processors of this machine, by processes.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context

from loadgen.experiments.task import Measured, Task, measure
from loadgen.simulation.workload import Workload

_held: dict[str, Workload] = {}
"""A worker's workloads: they are sent once, and not with each task."""


class ProcessEngine:
    """
    So many processes; with one worker the work is done in this process.
    """

    def __init__(self, workers: int) -> None:
        self._workers = workers

    def measured(self, tasks: Sequence[Task], workloads: Mapping[str, Workload]) -> Iterator[tuple[Task, Measured]]:
        """
        Yield each task with what came out, in any order.
        """
        if self._workers == 1 or len(tasks) <= 1:
            for task in tasks:
                yield task, measure(task, workloads[task.workload])
            return
        # Spawned and not forked: the progress bar has a thread, and a fork would copy its locks as they are.
        executor = ProcessPoolExecutor(min(self._workers, len(tasks)), get_context("spawn"), _hold, (dict(workloads),))
        try:
            futures = {executor.submit(_measure_held, task): task for task in tasks}
            for future in as_completed(futures):
                yield futures.pop(future), future.result()
        finally:
            executor.shutdown(cancel_futures=True)


def _hold(workloads: dict[str, Workload]) -> None:
    # Ctrl-C goes to every process of a terminal: the one that asked for the work ends it, in order.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _held.update(workloads)


def _measure_held(task: Task) -> Measured:
    return measure(task, _held[task.workload])
