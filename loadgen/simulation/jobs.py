"""
The queue: jobs that wait, and jobs that are worked on.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from loadgen.simulation.agenda import Agenda
from loadgen.simulation.timeline import Recorder
from loadgen.simulation.workload import Workload


class Jobs:
    """
    First come, first served; what is given back goes to the head. A job is its number in the order of arrival.

    Attributes:
        came: how many have come; `done_at`: when each was done.
        lost_seconds: work that was begun and not ended; `killed`: how often that happened.
        down: whether the broker cannot be reached: nobody takes a job or acknowledges one.
        on_arrival: called when a job has come or come back; `on_change`: called when the numbers changed.
    """

    def __init__(self, workload: Workload, agenda: Agenda) -> None:
        self.came = 0
        self.done_at: list[float | None] = [None] * len(workload.arrivals)
        self.lost_seconds = 0.0
        self.killed = 0
        self.down = False
        self.waiting_steps = Recorder()
        self.in_flight_steps = Recorder()
        self.on_arrival: Callable[[], None] = _nothing
        self.on_change: Callable[[], None] = _nothing
        self._workload = workload
        self._agenda = agenda
        self._waiting: deque[int] = deque()
        self._in_flight = 0
        self._open = len(workload.arrivals)
        if self._open:
            agenda.at(workload.arrivals[0], self._arrive)
        else:
            agenda.end = workload.span

    @property
    def waiting(self) -> int:
        """How many wait."""
        return len(self._waiting)

    @property
    def in_flight(self) -> int:
        """How many are worked on."""
        return self._in_flight

    @property
    def unfinished(self) -> int:
        """How many are not done, or have not come yet."""
        return self._open

    def waits(self) -> tuple[float, ...]:
        """
        Return how long each job took beyond its service time, in seconds; of one that is not done, until now.
        """
        now, jobs = self._agenda.now, self._workload
        return tuple(
            max(end - arrival - service, 0.0) if end is not None else max(now - arrival, 0.0)
            for end, arrival, service in zip(self.done_at, jobs.arrivals, jobs.services, strict=True)
        )

    def service(self, job: int) -> float:
        """
        Return how long a job takes, in seconds.
        """
        return self._workload.services[job]

    def take(self) -> int:
        """
        Take the first job that waits.

        Raises:
            IndexError: none waits.
        """
        job = self._waiting.popleft()
        self._in_flight += 1
        self._changed()
        return job

    def done(self, job: int) -> None:
        """
        Take note that a job is done and acknowledged.
        """
        now = self._agenda.now
        self.done_at[job] = now
        self._in_flight -= 1
        self._open -= 1
        if not self._open:
            self._agenda.end = max(self._workload.span, now)
        self._changed()

    def give_back(self, job: int, worked: float) -> None:
        """
        Put a job that was cut off after so many seconds of work at the head of the queue.
        """
        self._waiting.appendleft(job)
        self._in_flight -= 1
        self.lost_seconds += worked
        self.killed += 1
        self._changed()

    def restored(self) -> None:
        """
        Let the broker be reached again.
        """
        self.down = False
        self.on_arrival()
        self.on_change()

    def _arrive(self) -> None:
        arrivals = self._workload.arrivals
        self._waiting.append(self.came)
        self.came += 1
        if self.came < len(arrivals):
            self._agenda.at(arrivals[self.came], self._arrive)
        self._changed()
        self.on_arrival()

    def _changed(self) -> None:
        now = self._agenda.now
        self.waiting_steps.note(now, len(self._waiting))
        self.in_flight_steps.note(now, self._in_flight)
        self.on_change()


def _nothing() -> None:
    pass
