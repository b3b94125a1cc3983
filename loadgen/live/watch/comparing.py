"""
The comparison of a live run with a simulation of the same arrivals. Pure.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from loadgen.live.watch.history import Arrivals, History
from loadgen.simulation.run import Run, percentile
from loadgen.simulation.timeline import Steps


@dataclass(frozen=True, slots=True)
class Waits:
    """
    How long jobs waited beyond their service time, in seconds; None where nobody knows.
    """

    mean: float | None = None
    p50: float | None = None
    p95: float | None = None


@dataclass(frozen=True, slots=True)
class Comparison:
    """
    How a live run and one simulation of it agree.

    Attributes:
        seed: of the simulation.
        agree: the share of the time at which the replicas are the same; `within_one`: at which they differ by one at
            most.
        gpu_live, gpu_simulated: seconds for which pods held a GPU, one each.
        starts_live, starts_simulated: replicas that were started.
    """

    seed: int
    agree: float
    within_one: float
    gpu_live: float
    gpu_simulated: float
    starts_live: int
    starts_simulated: int
    waits_live: Waits
    waits_simulated: Waits

    @property
    def gpu_ratio(self) -> float | None:
        """The simulated GPU-seconds by the live ones; None if there were none."""
        return self.gpu_simulated / self.gpu_live if self.gpu_live else None

    def figures(self) -> dict[str, Any]:
        """
        Return it as plain numbers.
        """
        return {
            "seed": self.seed,
            "agree": self.agree,
            "within_one": self.within_one,
            "gpu_seconds": {"live": self.gpu_live, "simulated": self.gpu_simulated, "ratio": self.gpu_ratio},
            "starts": {"live": self.starts_live, "simulated": self.starts_simulated},
            "waits": {"live": _waits(self.waits_live), "simulated": _waits(self.waits_simulated)},
        }


def compare(history: History, arrivals: Arrivals, run: Run) -> Comparison:
    """
    Return how a simulation agrees with what happened, over the time of the history.
    """
    differences = list(difference(history.replicas, run.timeline.wanted, history.span))
    noted = sorted(arrivals.waits)
    return Comparison(
        seed=run.seed,
        agree=_share(differences, 0),
        within_one=_share(differences, 1),
        gpu_live=history.pods.area(0.0, history.span),
        gpu_simulated=run.timeline.pods.area(0.0, history.span),
        starts_live=_rises(history.replicas, history.span),
        starts_simulated=_rises(run.timeline.wanted, history.span),
        waits_live=Waits(history.mean_wait) if not noted else _known(noted),
        waits_simulated=_known(sorted(run.waits)),
    )


def middle(comparisons: Sequence[Comparison]) -> Comparison:
    """
    Return the one of which as many agree better as worse; of two in the middle, the worse.
    """
    return sorted(comparisons, key=lambda each: (each.agree, each.seed))[(len(comparisons) - 1) // 2]


def difference(one: Steps, other: Steps, end: float) -> Sequence[tuple[float, int]]:
    """
    Return (seconds, difference) for each stretch from 0 to *end* in which neither number changes.
    """
    edges = sorted({0.0, end, *(time for time in (*one.times, *other.times) if 0 < time < end)})
    return [(until - since, abs(one.at(since) - other.at(since))) for since, until in pairwise(edges)]


def _share(differences: Sequence[tuple[float, int]], most: int) -> float:
    whole = sum(seconds for seconds, _ in differences)
    return sum(seconds for seconds, apart in differences if apart <= most) / whole if whole else 1.0


def _rises(steps: Steps, end: float) -> int:
    values = steps.values[: bisect_right(steps.times, end)]
    return sum(max(after - before, 0) for before, after in zip((0, *values), values, strict=False))


def _known(ordered: Sequence[float]) -> Waits:
    if not ordered:
        return Waits()
    return Waits(sum(ordered) / len(ordered), percentile(ordered, 50), percentile(ordered, 95))


def _waits(waits: Waits) -> dict[str, float | None]:
    return {"mean": waits.mean, "p50": waits.p50, "p95": waits.p95}
