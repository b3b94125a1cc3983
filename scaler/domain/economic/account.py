"""
The account of a workload, event by event: jobs come and end, and once in a while it is asked how many replicas to have.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import auto
from math import ceil, floor

from scaler.domain.choice import Choice
from scaler.domain.economic.growth import Prospect
from scaler.domain.economic.levels import NEW_LEVEL, Level, Prices
from scaler.domain.economic.params import EconomicParams
from scaler.domain.economic.state import LEAST_COLD_START, Depth, EconomicState, Fleet, Wake, service_time

_MOST_WAKES = 8
_MOST_FINISHED = 2000.0
_SLOWEST = 0.2
_LEAST_COST = 0.1
_LOOK_AGAIN = 5.0
_PATIENCE = 2
_MANY = 1000
"""Counting further changes nothing."""


class Why(Choice):
    """
    Why so many replicas.
    """

    WAKE = auto()
    """There are none, and work for one."""
    GROW = auto()
    """More of them save more waiting than they cost."""
    WORK = auto()
    """So many jobs are there."""
    KEEP = auto()
    """One is kept, because it will probably be needed soon."""
    LOOK = auto()
    """Nothing needs one, but its GPU has not been looked at since."""
    NOTHING = auto()
    """Nothing needs one, or is worth keeping one for."""


@dataclass(frozen=True, slots=True)
class Answer:
    """
    How many replicas to have.

    Attributes:
        look_at: when to ask again at the latest, None where nothing changes by itself.
        until: with `Why.KEEP`, until when the last of them is kept.
        prospect: what was expected of the queue, where there were replicas.
    """

    replicas: int
    why: Why
    look_at: float | None = None
    until: float | None = None
    prospect: Prospect | None = None


class Account:
    """
    A state that is being carried forward. Times never fall, and are in seconds.
    """

    def __init__(self, params: EconomicParams, state: EconomicState, most: int) -> None:
        """
        *most*: the most replicas that there may be.
        """
        self._params, self._most = params, most
        self._now, self._jobs, self._ready = state.at, state.jobs, state.ready
        self._busy, self._finished = state.busy, state.finished
        self._cold_start, self._starts = state.cold_start, state.starts
        self._forecast, self._wakes, self._last_arrival = state.forecast, state.wakes, state.last_arrival
        self._levels = list(state.levels[:most])
        self._disagreed = state.disagreed
        fresh = range(len(self._levels) + 1, most + 1)
        self._levels += [NEW_LEVEL] * len(fresh)
        self._solve_all() if state.price != params.price else self._solve(fresh)

    def state(self, depth: Depth, read_at: float, fleet: Fleet) -> EconomicState:
        """
        Return the state now, after that reading of the queue, with those replicas.
        """
        # Every field by its name: `replace` would take as long as all the rest of a quiet decision.
        return EconomicState(
            open=True,
            at=self._now,
            jobs=self._jobs,
            depth=depth,
            read_at=read_at,
            disagreed=self._disagreed,
            ready=self._ready,
            cold_start=self._cold_start,
            starts=self._starts,
            busy=self._busy,
            finished=self._finished,
            last_arrival=self._last_arrival,
            wakes=self._wakes,
            forecast=self._forecast,
            levels=tuple(self._levels),
            price=self._params.price,
            fleet=fleet,
        )

    @property
    def jobs(self) -> int:
        """The jobs that are there."""
        return self._jobs

    @property
    def most(self) -> int:
        """The most replicas that there may be."""
        return self._most

    @property
    def prices(self) -> Prices:
        """What a replica costs and saves now."""
        return Prices(self._cold_start, self._service, self._params.price)

    def level(self, number: int) -> Level:
        """
        Return a level, of which the first is 1.
        """
        return self._levels[number - 1]

    def resume(self, jobs: int, replicas: int, now: float) -> None:
        """
        Begin anew with so many jobs and replicas, and what was learned before: nothing is open.
        """
        self._now, self._jobs, self._disagreed = now, jobs, 0
        self._wakes, self._last_arrival, self._forecast = (), None, self._forecast.interrupted()
        self._levels = [
            level.resumed(now, on=number <= jobs, absent=replicas < number, kept=number <= replicas)
            for number, level in enumerate(self._levels, 1)
        ]

    def started(self, seconds: float) -> None:
        """
        Learn from a replica that took so long to be ready.
        """
        self._starts = min(self._starts + 1, _MANY)
        moved = max(_SLOWEST, 1 / self._starts) * (seconds - self._cold_start)
        self._cold_start = max(LEAST_COLD_START, self._cold_start + moved)

    def pass_time(self, now: float, ready: int) -> None:
        """
        Go on to *now*, from when on so many replicas are ready.
        """
        if now > self._now:
            self._busy += min(self._jobs, self._ready) * (now - self._now)
            self._now = now
        self._ready = ready
        self._forecast = self._forecast.passed(self._now, self._cold_start)
        while self._wakes and self._now - self._wakes[0].at > self._cold_start:
            self._book(self._wakes[0])
            self._wakes = self._wakes[1:]

    def arrive(self, replicas: int, jobs: int = 1) -> None:
        """
        Note that so many jobs came, now; so many replicas are wanted at that moment.

        The time that this takes does not depend on how many came: a queue may be filled at once with any number.
        """
        if jobs < 1:
            return
        now, service = self._now, self._service
        self._serve(1)
        last = self._last_arrival
        if last is not None and now > last + service and len(self._wakes) < _MOST_WAKES:
            self._wakes += (Wake(now, now - last - service, 0.0, self._cold_start, now + service, 1),)
        self._serve(jobs - 1)
        self._last_arrival = now
        self._forecast = self._forecast.came(now, jobs)
        self._jobs += jobs
        for number in range(1, min(self._jobs, self._most) + 1):
            level = self._levels[number - 1]
            if not level.on:
                self._levels[number - 1] = level.gone_on(now, absent=replicas < number)

    def finish(self, jobs: int = 1) -> None:
        """
        Note that so many jobs ended, now.
        """
        above = min(jobs, max(0, self._jobs - self._most))
        self._end(above)  # of whom no level knows
        known = min(jobs - above, self._jobs)
        for _ in range(known):
            self._end(1)
            for number in range(self._most, self._jobs, -1):
                level = self._levels[number - 1]
                if level.on:
                    self._levels[number - 1] = self._floored(number, level.gone_off(number, self._now, self.prices))
        self._end(jobs - above - known)

    def answer(self, waiting: int, in_flight: int, replicas: int) -> Answer:
        """
        Return how many replicas to have now, where so many are wanted; and learn what can be learned from asking.
        """
        now = self._now
        self._check(waiting + in_flight, replicas)
        for number in range(1, min(replicas, self._most) + 1):
            level = self._levels[number - 1]
            if level.on and not level.started:
                self._levels[number - 1] = replace(level, started=True)
        if self._jobs:
            self._forecast = self._forecast.sampled(now, self._cold_start)
        if not replicas:
            return Answer(1, Why.WAKE, now + _LOOK_AGAIN) if waiting else Answer(0, Why.NOTHING)
        prospect = self._prospect(waiting, replicas)
        best = prospect.best(self._most) if waiting or prospect.rate else replicas
        if best > replicas:
            return Answer(best, Why.GROW, now + _LOOK_AGAIN, prospect=prospect)
        return self._kept(waiting, in_flight, replicas, prospect)

    def kept_until(self, number: int) -> float | None:
        """
        Return until when a replica is kept for a level that is off, None if nothing is known of it.

        KEDA's own cooldown comes on top for the last replica, so that is taken off here, as far as it is known. But not
        where the level was not seen to go off: KEDA's may have run out meanwhile.
        """
        level = self._levels[number - 1]
        if level.below is None:
            return None
        on_top = (self._params.cooldown or 0.0) if number == 1 and level.seen_off else 0.0
        return level.below + max(0.0, level.keep - on_top)

    @property
    def _service(self) -> float:
        return service_time(self._busy, self._finished)

    def _kept(self, waiting: int, in_flight: int, replicas: int, prospect: Prospect) -> Answer:
        """
        Return the replicas up to the highest that works or is worth keeping; no more than there are.
        """
        now = self._now
        for number in range(min(replicas, self._most), 0, -1):
            if in_flight >= number or self._levels[number - 1].on:
                return Answer(number, Why.WORK, now + _LOOK_AGAIN, prospect=prospect)
            until = self.kept_until(number)
            if until is not None and now < until:
                return Answer(number, Why.KEEP, min(now + _LOOK_AGAIN, until), until, prospect)
        return Answer(1, Why.WORK, now + _LOOK_AGAIN) if waiting else Answer(0, Why.NOTHING)

    def _prospect(self, waiting: int, replicas: int) -> Prospect:
        return Prospect(
            waiting,
            self._forecast.rate(self._now, self._cold_start),
            replicas,
            self._ready,
            self._cold_start,
            self._service,
            self._params.price,
        )

    def _check(self, jobs: int, replicas: int) -> None:
        """
        Believe the queue where it has had another number of jobs for too long.
        """
        self._disagreed = 0 if jobs == self._jobs else self._disagreed + 1
        if self._disagreed > _PATIENCE:
            self.resume(jobs, replicas, self._now)

    def _end(self, jobs: int) -> None:
        self._jobs = max(0, self._jobs - jobs)
        while jobs > 0:
            step = min(jobs, floor(_MOST_FINISHED - self._finished) + 1)
            self._finished += step
            if self._finished > _MOST_FINISHED:
                self._finished /= 2
                self._busy /= 2
            jobs -= step

    def _serve(self, jobs: int) -> None:
        """
        Note in each wake-up that so many more jobs came, now: a replica that had been kept would have taken them, too.
        """
        if jobs:
            now, service = self._now, self._service
            self._wakes = tuple(self._served(wake, now, service, jobs) for wake in self._wakes)

    def _served(self, wake: Wake, now: float, service: float, jobs: int) -> Wake:
        counting = min(jobs, max(0, max(1, ceil(self._cold_start / service)) - wake.jobs))
        return Wake(
            wake.at,
            wake.gap,
            wake.idle + max(0.0, now - wake.until),
            wake.waited + counting * (self._cold_start - (now - wake.at)),
            max(now, wake.until) + jobs * service,
            wake.jobs + jobs,
        )

    def _book(self, wake: Wake) -> None:
        start = self._cold_start
        cost = max(_LEAST_COST * start, start - wake.idle) + self._params.price * max(start, wake.waited)
        self._levels[0] = self._floored(1, self._levels[0].booked(1, wake.gap, cost, self.prices))

    def _solve_all(self) -> None:
        self._solve(range(1, len(self._levels) + 1))

    def _solve(self, numbers: range) -> None:
        """
        Solve levels for what is known now; those that nothing is known of are alike.
        """
        alike: dict[bool, Level] = {}
        for number in numbers:
            level = self._levels[number - 1]
            if level == NEW_LEVEL:
                first = number == 1
                if first not in alike:
                    alike[first] = self._floored(number, level.solved(number, self.prices))
                self._levels[number - 1] = alike[first]
            else:
                self._levels[number - 1] = self._floored(number, level.solved(number, self.prices))

    def _floored(self, number: int, level: Level) -> Level:
        """
        Keep the last replica for the least share of what a wake-up costs, so that no gap costs much more than it must.
        """
        if number != 1:
            return level
        least = self._params.floor * level.gaps.mean_cost(self.prices.expected(1))
        return level if level.keep >= least else replace(level, keep=least)
