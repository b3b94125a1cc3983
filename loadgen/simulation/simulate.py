"""
The simulator: discrete events in virtual time.
"""

from __future__ import annotations

from loadgen.simulation.run import Run
from loadgen.simulation.scaling import Scaling
from loadgen.simulation.workload import Workload
from loadgen.simulation.world import World


def simulate(workload: Workload, scaling: Scaling, world: World, seed: int) -> Run:
    """
    Play a workload through a way of scaling it. The same arguments give the same run, to the last digit.

    *seed* draws where in their rhythm KEDA, the HPA and the collectors begin, and the jitter of cold starts.
    """
    raise NotImplementedError(f"{workload.name}, {scaling}, {world}, {seed}")
