"""
A workload: when its jobs come, and how long each of them takes.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from math import inf, isfinite


@dataclass(frozen=True, slots=True)
class Workload:
    """
    Jobs in the order in which they come. All times in seconds, from the workload's beginning at 0.

    Attributes:
        arrivals: when each job comes; they never fall.
        services: how long each job takes on a replica, once it is begun there; all above 0.
        span: how long the workload lasts; at least until the last arrival.
    """

    name: str
    arrivals: tuple[float, ...]
    services: tuple[float, ...]
    span: float

    def __post_init__(self) -> None:
        """
        Refuse what cannot be played.
        """
        if len(self.arrivals) != len(self.services):
            raise ValueError(
                f"workload {self.name}: every arrival needs a service time, but there are {len(self.arrivals)} "
                f"arrivals and {len(self.services)} service times"
            )
        if any(later < earlier for earlier, later in pairwise(self.arrivals)):
            raise ValueError(f"workload {self.name}: arrivals must be in order")
        if self.arrivals and self.arrivals[0] < 0:
            raise ValueError(
                f"workload {self.name}: no arrival may be before 0 s, but one is at {self.arrivals[0]:g} s"
            )
        if not all(0 < service < inf for service in self.services):
            raise ValueError(f"workload {self.name}: every service time must be above 0 s and finite")
        last = self.arrivals[-1] if self.arrivals else 0.0
        if not (isfinite(self.span) and self.span >= last and self.span > 0):
            raise ValueError(
                f"workload {self.name}: the span must be above 0 s, finite and reach to the last arrival ({last:g} s), "
                f"not {self.span}"
            )

    @property
    def work(self) -> float:
        """All service times together, in seconds."""
        return sum(self.services)
