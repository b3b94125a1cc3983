"""
The rule, read off all that ever happened, in the plainest way there is.

Every event is kept, and to answer, everything is derived anew from the first one on. Nothing is packed, pruned or
solved ahead.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from math import ceil, floor, inf, log2

EDGES = [0.0, *(2 * 86400 ** (j / 32) for j in range(1, 33))]


@dataclass
class Wake:
    """One wake-up on the warm path."""

    at: float
    gap: float
    idle: float
    area: float
    until: float
    jobs: int = 1


@dataclass
class Level:
    """One level, with every gap that it ever had."""

    on: bool = False
    since: float = 0.0
    below: float | None = None
    absent: bool = False
    started: bool = False
    share: float = 0.5
    waited: float = 0.0
    absences: int = 0
    gaps: list[tuple[float, float]] = field(default_factory=list)
    keep: float = 0.0


@dataclass
class Story:
    """What is known after all events."""

    price: float
    floor: float
    levels: dict[int, Level]
    cold_start: float = 60.0
    starts: int = 0
    jobs: int = 0
    ready: int = 0
    now: float = 0.0
    busy: float = 0.0
    finished: float = 0.0
    arrivals: list[float] = field(default_factory=list)
    taken: list[float] = field(default_factory=list)
    open: list[tuple[float, int, int]] = field(default_factory=list)
    over: list[tuple[int, int]] = field(default_factory=list)
    wakes: list[Wake] = field(default_factory=list)

    @property
    def service(self) -> float:
        """How long a job takes."""
        return (90 + self.busy) / (3 + self.finished)


class Naive:
    """
    All events, and the rule.
    """

    def __init__(self, price: float, floor: float, most: int) -> None:
        self._price, self._floor, self._most = price, floor, most
        self._events: list[tuple[str, tuple[float, ...]]] = []

    def add(self, what: str, *details: float) -> None:
        """
        Remember an event.
        """
        self._events.append((what, details))

    def replay(self) -> tuple[Story, int]:
        """
        Go through everything; return what is known, and the last answer.
        """
        story = Story(self._price, self._floor, {number: Level() for number in range(1, self._most + 1)})
        for number in story.levels:
            _solve(story, number)
        answer = 0
        for what, details in self._events:
            if what == "ask":
                answer = _answer(story, *map(int, details))
            else:
                _EVENTS[what](story, *details)
        return story, answer


def _start(story: Story, seconds: float) -> None:
    story.starts += 1
    story.cold_start += max(0.2, 1 / story.starts) * (seconds - story.cold_start)


def _pass(story: Story, now: float, ready: float) -> None:
    story.busy += min(story.jobs, story.ready) * (now - story.now)
    story.now, story.ready = now, int(ready)
    for sample in [each for each in story.open if each[0] + story.cold_start <= now]:
        story.open.remove(sample)
        story.over.append((sample[1], len(story.arrivals) - sample[2]))
    for wake in [each for each in story.wakes if now - each.at > story.cold_start]:
        story.wakes.remove(wake)
        start = story.cold_start
        _book(story, 1, wake.gap, max(0.1 * start, start - wake.idle) + story.price * max(start, wake.area))


def _arrive(story: Story, replicas: float) -> None:
    t, start, service = story.now, story.cold_start, story.service
    for wake in story.wakes:
        if t > wake.until:
            wake.idle += t - wake.until
            wake.until = t
        wake.until += service
        if wake.jobs < max(1, ceil(start / service)):
            wake.area += start - (t - wake.at)
        wake.jobs += 1
    if story.arrivals and t > story.arrivals[-1] + service and len(story.wakes) < 8:
        story.wakes.append(Wake(t, t - story.arrivals[-1] - service, 0.0, start, t + service))
    story.arrivals.append(t)
    story.jobs += 1
    for number, level in story.levels.items():
        if number <= story.jobs and not level.on:
            level.on, level.since, level.absent, level.started = True, t, replicas < number, False


def _finish(story: Story) -> None:
    story.jobs = max(0, story.jobs - 1)
    story.finished += 1
    if story.finished > 2000:
        story.finished, story.busy = story.finished / 2, story.busy / 2
    for number in sorted(story.levels, reverse=True):
        level = story.levels[number]
        if number > story.jobs and level.on:
            _go_off(story, number, level)


def _go_off(story: Story, number: int, level: Level) -> None:
    t, start = story.now, story.cold_start
    gap = None if level.below is None else level.since - level.below
    level.on, level.below = False, t
    if number == 1:
        return
    lasted = t - level.since
    m = min(lasted, start)
    waited = m + (m * m / (2 * story.service) + max(0.0, lasted - start) * start / story.service) / 2
    if level.absent:
        level.share += 0.1 * (level.started - level.share)
        level.waited += max(0.1, 1 / (level.absences + 1)) * (waited - level.waited)
        level.absences += 1
    elif level.absences >= 3:
        waited = level.waited
    if gap is not None:
        _book(story, number, gap, level.share * start + story.price * waited)


def _book(story: Story, number: int, gap: float, penalty: float) -> None:
    story.levels[number].gaps.append((gap, min(penalty, 5 * story.cold_start * (1 + story.price))))
    _solve(story, number)


def _solve(story: Story, number: int) -> None:
    level, wake_up = story.levels[number], story.cold_start * (1 + story.price)
    weighed = [(gap, penalty, 0.995**age) for age, (gap, penalty) in enumerate(reversed(level.gaps))]
    d = wake_up if number == 1 else min(wake_up, story.price * story.service)
    mean = (sum(penalty * weight for _, penalty, weight in weighed) + 2 * d) / (sum(w for _, _, w in weighed) + 2)
    c = 0.2 * mean
    bins = []
    for j in range(32):
        low, high = EDGES[j], EDGES[j + 1] if j < 31 else inf
        within = [(penalty, weight) for gap, penalty, weight in weighed if low <= gap < high]
        count = sum(weight for _, weight in within)
        expected = c / (c + low) - c / (c + high)
        cost = (sum(penalty * weight for penalty, weight in within) + 2 * mean) / (count + 2)
        bins.append((count + 2 * expected, cost))
    value = off = 0.0
    stops = []
    for j in reversed(range(32)):
        h = bins[j][0] / sum(mass for mass, _ in bins[j:])
        width = EDGES[j + 1] - EDGES[j]
        stay = h * width / 2 + (1 - h) * (width + value)
        off = h * bins[j][1] + (1 - h) * off
        value = min(stay, off)
        if not stay < off:
            stops.append(EDGES[j])
    level.keep = min([*stops, 4 * mean])
    if number == 1:
        level.keep = max(level.keep, story.floor * mean)


def _answer(story: Story, waiting: int, in_flight: int, replicas: int) -> int:
    t, start = story.now, story.cold_start
    for number, level in story.levels.items():
        level.started = level.started or (level.on and number <= replicas)
    minute = sum(floor(at / 5) > floor(t / 5) - 12 for at in story.arrivals)
    which = minute if minute < 4 else min(23, 4 + floor(3 * log2(minute / 4)))
    known = _forecast(story, which)
    due = not story.taken or t - story.taken[-1] >= max(15, start / 24)
    if story.jobs and due and len(story.open) < 25:
        story.open.append((t, which, len(story.arrivals)))
        story.taken.append(t)
    if not replicas:
        return 1 if waiting else 0
    rate = (known[0] / start + 5 * max(0, minute - 1) / 60) / (known[1] + 5)
    most = len(story.levels)
    costs = {n: _cost(story, waiting, rate, replicas, n) for n in range(replicas, most + 1)}
    best = min(costs, key=lambda n: (costs[n], n), default=replicas)
    if best > replicas:
        return best
    held = [
        number
        for number, level in story.levels.items()
        if number <= replicas
        and (in_flight >= number or level.on or (level.below is not None and t - level.below < level.keep))
    ]
    return max(held, default=max(in_flight, 1 if waiting else 0))


def _forecast(story: Story, which: int) -> tuple[float, float]:
    total = count = 0.0
    for bin_, arrived in story.over:
        if bin_ == which:
            total, count = total + arrived, count + 1
            if count > 500:
                total, count = 0.9 * total, 0.9 * count
    return total, count


def _cost(story: Story, waiting: int, rate: float, replicas: int, wanted: int) -> float:
    start, service = story.cold_start, story.service
    x, area = float(waiting), 0.0
    for lasting, servers in ((start / 2, story.ready), (start / 2, replicas), (start, wanted)):
        for _ in range(8):
            before, x = x, max(0.0, x + (rate - servers / service) * lasting / 8)
            area += (before + x) / 2 * lasting / 8
    return (wanted - replicas) * start + story.price * (area + x * x * service / (2 * wanted))


_EVENTS: dict[str, Callable[..., None]] = {"start": _start, "pass": _pass, "arrive": _arrive, "finish": _finish}
