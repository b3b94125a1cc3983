"""
Wakes: from the reading that woke a workload to the push that told KEDA.
"""

from __future__ import annotations

from scaler.domain.decision import Decision, Phase, Verdict, Want
from scaler.domain.readings import DEMAND, Known
from scaler.engine.durations import WAKE_BOUNDS, Stopwatch
from scaler.engine.roster import Workload


class Wakes:
    """
    Takes the time of every wake that somebody listens for: the first push of `True` ends it.

    A reading's own time is that just before it was asked for, or of its announcement; so the read itself is part of
    the wake. What is told to a stream that was opened later, or again, is none.

    Attributes:
        took: how long each has taken.
    """

    def __init__(self) -> None:
        self.took = Stopwatch(WAKE_BOUNDS)
        self._waking: dict[Workload, float] = {}

    def decided(self, workload: Workload, before: Decision | None, after: Decision) -> None:
        """
        Take note of a changed decision: it may begin a wake, or end one that nobody was told of.
        """
        if after.verdict is not Verdict.ACTIVE:
            self._waking.pop(workload, None)
        elif workload.streams and _begins(before, after):
            self._waking[workload] = max((_at(want) for want in after.wants if _woke(want)), default=after.at)

    def pushed(self, workload: Workload, now: float) -> None:
        """
        Take note that `True` was sent on a stream.
        """
        if self._waking:
            began = self._waking.pop(workload, None)
            if began is not None:
                self.took.note(now - began)

    def forget(self, workload: Workload) -> None:
        """
        Keep nothing of a workload.
        """
        self._waking.pop(workload, None)


def _begins(before: Decision | None, after: Decision) -> bool:
    return before is not None and before.verdict is not Verdict.ACTIVE and after.phase is Phase.WAKING


def _woke(want: Want) -> bool:
    return want.signal in DEMAND and isinstance(want.reading, Known) and bool(want.replicas)


def _at(want: Want) -> float:
    return want.reading.at if isinstance(want.reading, Known) else 0.0
