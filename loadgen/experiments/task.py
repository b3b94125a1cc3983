"""
One cell as it is worked on, anywhere: all that it needs, its name, and what comes out.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

import loadgen.simulation
import scaler.domain
from loadgen.simulation.scaling import Ours, Scaling
from loadgen.simulation.simulate import simulate
from loadgen.simulation.workload import Workload
from loadgen.simulation.world import World

Measured = Mapping[str, Any]
"""What came out of one cell, in plain numbers: an outcome's fields, and by price its cost and bound."""

_BY_PRICE = ("price", "cost", "bound", "bound_exact")


@dataclass(frozen=True, slots=True)
class Task:
    """
    A simulation to be done.

    Attributes:
        key: changes whenever anything changes that the result depends on, the simulator's own code included.
        bounds: whether the bounds are worked out.
        workload: the digest of its workload, by which the engine finds it.
    """

    key: str
    workload: str
    scaling: Scaling
    world: World
    seed: int
    prices: tuple[float, ...]
    bounds: bool


def task_of(
    workload: str, scaling: Scaling, world: World, seed: int, prices: tuple[float, ...], *, bounds: bool = True
) -> Task:
    """
    Return the task for a workload of that digest.
    """
    digest = code_digest(ours=isinstance(scaling, Ours))
    text = repr((digest, workload, scaling, world, seed, prices, bounds))
    return Task(hashlib.sha256(text.encode()).hexdigest()[:32], workload, scaling, world, seed, prices, bounds)


def workload_digest(workload: Workload) -> str:
    """
    Return a name that changes when any job of a workload does.
    """
    numbers = (*workload.arrivals, *workload.services, workload.span)
    return hashlib.sha256(struct.pack(f"<{len(numbers)}d", *numbers)).hexdigest()[:32]


@cache
def code_digest(*, ours: bool) -> str:
    """
    Return a name that changes when the code does that results depend on: the simulator's, and of *ours* the decision's.
    """
    digest = hashlib.sha256()
    for room in (loadgen.simulation, scaler.domain) if ours else (loadgen.simulation,):
        folder = Path(str(room.__file__)).parent
        for path in sorted(folder.rglob("*.py")):
            digest.update(str(path.relative_to(folder)).encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()[:32]


def measure(task: Task, workload: Workload) -> Measured:
    """
    Simulate a cell, and return what came out.
    """
    run = simulate(workload, task.scaling, task.world, task.seed)
    outcomes = [asdict(run.outcome(price, bounded=task.bounds)) for price in task.prices]
    by_price = [{name: outcome[name] for name in _BY_PRICE} for outcome in outcomes]
    return {**{name: value for name, value in outcomes[0].items() if name not in _BY_PRICE}, "prices": by_price}
