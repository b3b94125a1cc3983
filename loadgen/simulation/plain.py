"""
The plain model: KEDA's stock triggers on replicas that start at once and are ready exactly one cold start later.

It leaves out all that a cluster adds (`simulate.py` has that), so that its figures can be compared with those of
others. One job at a time each, first come, first served, the oldest free replica first, no time between jobs. Polls
fall on multiples of the polling interval while there is anything to do, the HPA's rounds on multiples of 15 s while
there are replicas. All times in seconds.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from heapq import heappop, heappush
from itertools import product, starmap
from math import ceil, floor, inf

from loadgen.simulation.workload import Workload

SYNC = 15.0
_GRACE = 30.0
_TOLERANCE = 0.1
_GPU_TARGET = 0.8
_HOUR = 3600.0
_GIVE_UP = 100
"""A job that was cut off so often would be for ever: its setting costs infinitely much."""


@dataclass(frozen=True, slots=True)
class PlainStock:
    """
    A stock setting.

    Attributes:
        gpu: whether a GPU trigger stands beside the queue trigger.
        poll, cooldown: KEDA's; `target`: waiting jobs a replica; `window`: the HPA's scale-down window.
        minimum: replicas that always run, from the beginning on.
    """

    gpu: bool = False
    poll: float = 30.0
    cooldown: float = 300.0
    target: float = 1.0
    window: float = 300.0
    minimum: int = 0
    most: int = 8


DEFAULT_STOCK = (PlainStock(), PlainStock(gpu=True))
"""KEDA's and Kubernetes' defaults, with and without the GPU trigger: the cheaper of both counts."""

STOCK = tuple(
    starmap(
        PlainStock,
        product(
            (False, True), (5.0, 30.0), (15.0, 30.0, 60.0, 120.0, 300.0, 600.0), (1.0, 3.0, 6.0), (0.0, 60.0, 300.0)
        ),
    )
)
"""Stock settings from which the best is chosen in hindsight."""

EXTENDED_STOCK = (
    *STOCK,
    *starmap(PlainStock, product((False, True), (5.0,), (1800.0, 3600.0), (1.0, 3.0, 6.0), (0.0, 60.0, 300.0, 900.0))),
    *starmap(PlainStock, product((False, True), (5.0,), (15.0, 60.0, 300.0, 600.0), (1.0, 3.0, 6.0), (900.0,))),
    *starmap(
        PlainStock, product((False, True), (5.0,), (300.0,), (1.0, 3.0, 6.0), (0.0, 60.0, 300.0, 900.0), (1, 2, 3))
    ),
)
"""The same with longer cooldowns and windows, and with replicas that always run."""


@dataclass(frozen=True, slots=True)
class PlainOutcome:
    """
    What it cost, in hours.
    """

    gpu_hours: float
    wait_hours: float

    def cost(self, price: float) -> float:
        """
        Return GPU-hours and hours of waiting together, where an hour of waiting is worth *price* GPU-hours.
        """
        return self.gpu_hours + price * self.wait_hours


def play(workload: Workload, stock: PlainStock, cold_start: float) -> PlainOutcome:
    """
    Play a workload through a stock setting.
    """
    return PlainModel(workload, stock, cold_start).outcome()


class Replica:
    """
    A replica: whether it is ready, and the job that it works on, if any.
    """

    __slots__ = ("ends", "gone", "job", "number", "ready", "since")

    def __init__(self, number: int, since: float) -> None:
        self.number, self.since = number, since
        self.ready = self.gone = False
        self.job: int | None = None
        self.ends = 0.0


class PlainModel:
    """
    The model at work on one workload, scaled by stock triggers.
    """

    def __init__(self, workload: Workload, stock: PlainStock, cold_start: float) -> None:
        self._arrivals, self._services = workload.arrivals, workload.services
        self._stock, self._cold_start = stock, cold_start
        self._now = 0.0
        self._came = 0
        self._waiting: deque[int] = deque()
        self._replicas: list[Replica] = []
        self._free: list[Replica] = []
        self._events: list[tuple[float, int, Replica]] = []
        self._count = 0
        self._busy = 0
        self._gpu_seconds = self._wait_seconds = 0.0
        self._last_active = -inf
        self._recommended: list[tuple[float, int]] = []
        self._span = workload.span
        self._cuts: dict[int, int] = {}
        self._most_cuts = 0
        self._poll_at = self._sync_at = 0.0

    def outcome(self) -> PlainOutcome:
        """
        Play to the end: no jobs are left, and no replicas but the minimum.
        """
        for _ in range(self._stock.minimum):
            self._start()
        while self._most_cuts <= _GIVE_UP:
            self._until_next_look()
            if self._at_rest:
                if self._came == len(self._arrivals):
                    break
                self._sleep()
            self._look()
        else:
            return PlainOutcome(inf, inf)
        end = max(self._now, self._span)
        self._gpu_seconds += sum(end - replica.since for replica in self._replicas)
        return PlainOutcome(self._gpu_seconds / _HOUR, self._wait_seconds / _HOUR)

    @property
    def _at_rest(self) -> bool:
        return len(self._replicas) <= self._stock.minimum and not self._waiting and not self._busy

    def _sleep(self) -> None:
        """
        Pass over the time until the next arrival, in which nothing changes.
        """
        arrival = self._arrivals[self._came]
        self._poll_at = max(self._poll_at, _multiple_at(arrival, self._stock.poll))
        self._sync_at = max(self._sync_at, _multiple_at(arrival, SYNC))
        self._until_next_look()

    def _next_look(self) -> float:
        return min(self._poll_at, self._sync_at)

    def _look(self) -> None:
        """
        Let KEDA and the HPA look, KEDA first where both do.
        """
        now = self._now
        if self._poll_at <= now:
            self._poll()
            self._poll_at = _multiple_after(now, self._stock.poll)
        if self._sync_at <= now:
            if self._replicas:
                self._sync()
            self._sync_at = _multiple_after(now, SYNC)

    def _until_next_look(self) -> None:
        """
        Let jobs come and go until KEDA or the HPA looks.
        """
        while True:
            time = self._next_look()
            arrival = self._arrivals[self._came] if self._came < len(self._arrivals) else inf
            event = self._events[0][0] if self._events else inf
            if min(arrival, event) > time:
                break
            if event <= arrival:
                self._now, _, replica = heappop(self._events)
                self._happen(replica)
            else:
                self._now = arrival
                self._arrived()
                self._waiting.append(self._came)
                self._came += 1
                self._hand_out()
        self._now = time

    def _arrived(self) -> None:
        """
        Note that a job comes.
        """

    def _happen(self, replica: Replica) -> None:
        if replica.gone:
            return
        if replica.job is not None:
            self._done(replica.job, self._now)
            self._busy -= 1
            replica.job = None
        replica.ready = True
        self._free.append(replica)
        self._hand_out()

    def _done(self, job: int, end: float) -> None:
        self._wait_seconds += end - self._arrivals[job] - self._services[job]

    def _hand_out(self) -> None:
        while self._waiting and self._free:
            replica = min(self._free, key=lambda each: each.number)
            self._free.remove(replica)
            replica.job = self._waiting.popleft()
            replica.ends = self._now + self._services[replica.job]
            self._busy += 1
            self._at(replica.ends, replica)

    def _at(self, time: float, replica: Replica) -> None:
        self._count += 1
        heappush(self._events, (time, self._count, replica))

    def _start(self) -> None:
        self._count += 1
        replica = Replica(self._count, self._now)
        self._replicas.append(replica)
        self._at(self._now + self._cold_start, replica)

    def _stop(self) -> None:
        """
        Stop the replica that goes first.

        Its job ends if it can within the grace; else it is back on the queue at once, and the GPU is held until then.
        """
        replica = min(self._replicas, key=self._order)
        self._replicas.remove(replica)
        end = self._now
        if replica.job is None:
            if replica.ready:
                self._free.remove(replica)
        else:
            self._busy -= 1
            if replica.ends - self._now <= _GRACE:
                end = replica.ends
                self._done(replica.job, end)
            else:
                end = self._now + _GRACE
                self._waiting.appendleft(replica.job)
                cuts = self._cuts[replica.job] = self._cuts.get(replica.job, 0) + 1
                self._most_cuts = max(self._most_cuts, cuts)
        self._gpu_seconds += end - replica.since
        replica.gone = True

    def _order(self, replica: Replica) -> tuple[int, ...]:
        """
        Say who goes first: what is not ready, and then the newest.
        """
        return replica.ready, -replica.number

    def _poll(self) -> None:
        stock = self._stock
        if self._waiting or (stock.gpu and self._busy):
            self._last_active = self._now
            if not self._replicas:
                self._start()
        elif self._replicas and not stock.minimum and self._now - self._last_active > stock.cooldown:
            while self._replicas:
                self._stop()
            self._hand_out()

    def _sync(self) -> None:
        stock, current = self._stock, len(self._replicas)
        metric = len(self._waiting) / stock.target
        if stock.gpu:
            metric = max(metric, self._busy / _GPU_TARGET)
        wanted = current if abs(metric / current - 1) <= _TOLERANCE else ceil(metric)
        wanted = min(max(wanted, 1, stock.minimum), stock.most)
        self._recommended = [(at, each) for at, each in self._recommended if at >= self._now - stock.window]
        self._recommended.append((self._now, wanted))
        if wanted < current:
            wanted = min(current, max(each for _, each in self._recommended))
        else:
            wanted = min(wanted, max(2 * current, current + 4))
        for _ in range(wanted - current):
            self._start()
        for _ in range(current - wanted):
            self._stop()
        self._hand_out()


def _multiple_at(time: float, period: float) -> float:
    return ceil(time / period) * period


def _multiple_after(time: float, period: float) -> float:
    return (floor(time / period) + 1) * period
