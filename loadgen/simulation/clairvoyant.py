"""
What the best possible way of scaling costs, if it knew all arrivals in advance: no policy can go below it.
"""

from __future__ import annotations

from dataclasses import dataclass

from loadgen.simulation.workload import Workload
from loadgen.simulation.world import World

_HOUR = 3600.0


@dataclass(frozen=True, slots=True)
class Bound:
    """
    A cost in GPU-hours that no way of scaling can go below; `exact`: whether that is proven or an approximation.
    """

    cost: float
    exact: bool


def clairvoyant_bound(workload: Workload, world: World, most: int, price: float, given: int = 0) -> Bound:
    """
    Return the bound for at most *most* replicas, of which *given* are there at the beginning.
    """
    del most, price, given
    return Bound(workload.work / world.concurrency / _HOUR, exact=True)
