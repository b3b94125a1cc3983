"""
What happened over time, as step functions.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Steps:
    """
    A whole number over time: `values[i]` holds from `times[i]` (seconds) until the next; before the first it is 0.
    """

    times: tuple[float, ...] = ()
    values: tuple[int, ...] = ()

    def at(self, time: float) -> int:
        """
        Return the number at a time.
        """
        index = bisect_right(self.times, time)
        return self.values[index - 1] if index else 0

    def area(self, start: float, end: float) -> float:
        """
        Return the number summed over the time from *start* to *end*: seconds times the number.
        """
        return sum(value * (until - since) for since, until, value in self.pieces(start, end))

    def zero(self, start: float, end: float) -> float:
        """
        Return for how many seconds from *start* to *end* the number was 0.
        """
        return sum(until - since for since, until, value in self.pieces(start, end) if value == 0)

    def pieces(self, start: float, end: float) -> Iterator[tuple[float, float, int]]:
        """
        Yield (since, until, number) for each stretch between *start* and *end* in which the number stays.
        """
        index = bisect_right(self.times, start)
        since, value = start, self.values[index - 1] if index else 0
        while index < len(self.times) and self.times[index] < end:
            if self.times[index] > since:
                yield since, self.times[index], value
            since, value = self.times[index], self.values[index]
            index += 1
        if end > since:
            yield since, end, value


class Recorder:
    """
    Writes one step function down. Several changes at one time are one, and what stays the same is none.
    """

    __slots__ = ("_times", "_values")

    def __init__(self) -> None:
        self._times: list[float] = []
        self._values: list[int] = []

    def note(self, time: float, value: int) -> None:
        """
        From *time* on it is *value*; times never fall.
        """
        times, values = self._times, self._values
        if times and times[-1] == time:
            times.pop()
            values.pop()
        if (values[-1] if values else 0) != value:
            times.append(time)
            values.append(value)

    @property
    def steps(self) -> Steps:
        """What was written."""
        return Steps(tuple(self._times), tuple(self._values))


@dataclass(frozen=True, slots=True)
class Timeline:
    """
    Replicas and demand over time.

    Attributes:
        wanted: the replicas that the Deployment asks for.
        pods: all that hold a GPU: those that start, those that are ready, and those that are told to stop.
        ready: pods that can take jobs.
        waiting: jobs on the queue; `in_flight`: jobs that are worked on.
        unknown: 1 while the scaler, or a trigger, could not answer.
    """

    wanted: Steps
    pods: Steps
    ready: Steps
    waiting: Steps
    in_flight: Steps
    unknown: Steps

    @property
    def demand(self) -> Steps:
        """Jobs waiting and in flight together."""
        return summed((self.waiting, self.in_flight))


def summed(parts: Iterable[Steps]) -> Steps:
    """
    Return the sum of step functions.
    """
    changes: dict[float, int] = {}
    for part in parts:
        before = 0
        for time, value in zip(part.times, part.values, strict=True):
            changes[time] = changes.get(time, 0) + value - before
            before = value
    recorder, total = Recorder(), 0
    for time in sorted(changes):
        total += changes[time]
        recorder.note(time, total)
    return recorder.steps
