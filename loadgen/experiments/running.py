"""
Running an experiment: what is known already is taken from the output folder, the rest is worked on, all is kept there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from loadgen.errors import UsageError
from loadgen.experiments.document import Experiment
from loadgen.experiments.engines import Engine
from loadgen.experiments.grid import Cell, Variant, cells, variants
from loadgen.experiments.store import Store
from loadgen.experiments.task import Measured, Task, task_of, workload_digest
from loadgen.simulation.workload import Workload
from loadgen.simulation.world import World

Progress = Callable[[int, int], None]
"""Called with how many cells are done, and of how many."""


@dataclass(frozen=True, slots=True)
class Plan:
    """
    All that an experiment asks for, checked and read.

    Attributes:
        workloads: by name and seed; the seed draws the arrivals, and in the simulation all else that is drawn.
        tasks: one for each cell, in the same order.
    """

    experiment: Experiment
    variants: Sequence[Variant]
    workloads: Mapping[tuple[str, int], Workload]
    worlds: Mapping[str, World]
    cells: Sequence[Cell]
    tasks: Sequence[Task]
    by_digest: Mapping[str, Workload]


@dataclass(frozen=True, slots=True)
class Results:
    """
    A plan, and what came out of each of its cells, in their order; *fresh*: how many were simulated just now.
    """

    plan: Plan
    measured: Sequence[Measured]
    fresh: int


def plan(experiment: Experiment, folder: Path) -> Plan:
    """
    Return what is to be done for an experiment whose file lies in *folder*.

    Raises:
        UsageError: with everything that is wrong with its policies, workloads and worlds.
    """
    found = variants(experiment)
    wrong: list[str] = []
    workloads: dict[tuple[str, int], Workload] = {}
    for name, section in experiment.workloads.items():
        for seed in experiment.seeds:
            try:
                workloads[name, seed] = section.workload(name, folder, f"{name} {seed}")
            except UsageError as error:
                wrong += error.sentences
                break
    if wrong:
        raise UsageError(wrong)
    worlds = {name: section.world() for name, section in experiment.worlds.items()}
    digests = {key: workload_digest(workload) for key, workload in workloads.items()}
    every = list(cells(experiment, found))
    tasks = [
        task_of(
            digests[cell.workload, cell.seed],
            cell.variant.scaling,
            worlds[cell.world],
            cell.seed,
            experiment.waitingPrices,
            bounds=experiment.bounds,
        )
        for cell in every
    ]
    by_digest = {digests[key]: workload for key, workload in workloads.items()}
    return Plan(experiment, found, workloads, worlds, every, tasks, by_digest)


def run(planned: Plan, output: Path, engine: Engine, progress: Progress) -> Results:
    """
    Do what has not been done, and return everything.

    Raises:
        CommandError: the output folder cannot be used, or the engine cannot.
    """
    with Store(output) as store:
        missing = list({task.key: task for task in planned.tasks if store.get(task.key) is None}.values())
        total = len({task.key for task in planned.tasks})
        done = total - len(missing)
        progress(done, total)
        if missing:
            for task, measured in engine.measured(missing, planned.by_digest):
                store.put(task.key, measured)
                done += 1
                progress(done, total)
        found = [store.get(task.key) for task in planned.tasks]
    return Results(planned, [each for each in found if each is not None], len(missing))
