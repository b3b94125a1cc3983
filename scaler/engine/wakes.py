"""
Wakes: from the reading that woke a workload to the push that told KEDA.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from scaler.domain.decision import Decision, Phase, Verdict, Want
from scaler.domain.readings import DEMAND, Known, Signal
from scaler.engine.durations import WAKE_BOUNDS, Stopwatch
from scaler.engine.roster import Workload


@dataclass(frozen=True, slots=True)
class Wake:
    """
    One wake; times are the loop's.

    Attributes:
        signals: those that had work; `replicas`: how many were wanted.
        read_at: the time of the newest of their readings; `decided_at`, `pushed_at`: what became of it.
    """

    namespace: str
    scaledobject: str
    signals: tuple[Signal, ...]
    replicas: int
    read_at: float
    decided_at: float
    pushed_at: float


class Wakes:
    """
    Takes the time of every wake that somebody listens for: the first push of `True` ends it.

    A reading's own time is that just before it was asked for, or of its announcement; so the read itself is part of
    the wake. What is told to a stream that was opened later, or again, is none.

    Attributes:
        took: how long each has taken.
        tell: who else is told of each, if anybody.
    """

    def __init__(self) -> None:
        self.took = Stopwatch(WAKE_BOUNDS)
        self.tell: Callable[[Wake], None] | None = None
        self._waking: dict[Workload, Decision] = {}

    def decided(self, workload: Workload, before: Decision | None, after: Decision) -> None:
        """
        Take note of a changed decision: it may begin a wake, or end one that nobody was told of.
        """
        if after.verdict is not Verdict.ACTIVE:
            self._waking.pop(workload, None)
        elif workload.streams and _begins(before, after):
            self._waking[workload] = after

    def pushed(self, workload: Workload, now: float) -> None:
        """
        Take note that `True` was sent on a stream.
        """
        decision = self._waking.pop(workload, None)
        if decision is None:
            return
        woke = [want for want in decision.wants if _woke(want)]
        read_at = max((_at(want) for want in woke), default=decision.at)
        self.took.note(now - read_at)
        if self.tell is not None:
            signals = tuple(want.signal for want in woke)
            caller = workload.caller
            self.tell(Wake(caller.namespace, caller.name, signals, decision.replicas, read_at, decision.at, now))

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
