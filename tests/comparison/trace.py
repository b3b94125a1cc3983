"""
The trace that is replayed: the workload of an experiment of the lab, so that the simulator can be asked about it too.
"""

from __future__ import annotations

from pathlib import Path

from loadgen.arrivals.jobs import Jobs, window
from loadgen.experiments.document import parse

EXPERIMENT = Path(__file__).with_name("bursts.yaml")
_WORKLOAD = "bursts"
LONGEST = 10.0
"""Minutes of it that there are."""


def trace(minutes: float) -> Jobs:
    """
    Return the jobs of the first minutes as (seconds from the beginning, seconds of work).
    """
    experiment = parse(EXPERIMENT.read_text(encoding="utf-8"))
    # Named as the lab names its draws, so that these are the very jobs that it simulates.
    seed = f"{_WORKLOAD} {experiment.seeds[0]}"
    workload = experiment.workloads[_WORKLOAD].workload(_WORKLOAD, EXPERIMENT.parent, seed)
    return window(list(zip(workload.arrivals, workload.services, strict=True)), 0.0, minutes * 60)


def prices() -> tuple[float, ...]:
    """
    Return what an hour that a job waits may be worth, in GPU-hours.
    """
    return parse(EXPERIMENT.read_text(encoding="utf-8")).waitingPrices
