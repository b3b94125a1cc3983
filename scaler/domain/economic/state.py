"""
What the kind `economic` remembers of a workload, and what of it outlives a restart.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from math import isfinite
from typing import Any

from scaler.domain.economic.forecast import Forecast
from scaler.domain.economic.gaps import Gaps
from scaler.domain.economic.levels import Level

Depth = tuple[int, int]
"""Jobs waiting, and jobs in flight."""

FIRST_COLD_START = 60.0
LEAST_COLD_START = 1.0
_FIRST_JOBS, _FIRST_BUSY = 3.0, 90.0
_MOST_LEVELS = 100_000


def service_time(busy: float, finished: float) -> float:
    """
    Return how long a job takes, in seconds, where so many ended in so many seconds of work.
    """
    return (_FIRST_BUSY + busy) / (_FIRST_JOBS + finished)


@dataclass(frozen=True, slots=True)
class Wake:
    """
    A wake-up whose cold start is not over: what a kept replica would have done instead. Times in seconds.

    Attributes:
        at: when it was; `gap`: how long nothing had been needed before.
        idle: how long the kept replica would have had nothing to do since; `until`: when it would have been done.
        waited: what the jobs that came meanwhile have waited for it together; `jobs`: how many of them count.
    """

    at: float
    gap: float
    idle: float
    waited: float
    until: float
    jobs: int


@dataclass(frozen=True, slots=True)
class Fleet:
    """
    What is remembered of the replicas. Times in seconds.

    Attributes:
        watched_from: since when pods are seen: those created before were not seen while they started. None where nobody
            may look, and until anything is seen.
        counted: those of the present pods whose start was learned from.
        answered: when each of the replicas was first wanted, where nobody may look at them; None where somebody may,
            and until anything is answered.
    """

    watched_from: float | None = None
    counted: tuple[str, ...] = ()
    answered: tuple[float, ...] | None = None


@dataclass(frozen=True, slots=True)
class EconomicState:
    """
    What is remembered, bounded by the policy's maximum. Times in seconds.

    Attributes:
        open: whether what follows is going on: not after a restart, nor after readings were unknown.
        at: until when everything is accounted for; `jobs`: the jobs that are there.
        depth, read_at: the last reading of the queue that was accounted for, and its time.
        disagreed: for how many readings the queue has had another number of jobs.
        ready: the replicas that were ready when it was last looked at.
        cold_start: how long a replica takes to start; `starts`: how many starts that was learned from.
        busy, finished: the time that replicas worked, and the jobs that they ended in it, the older ones faded.
        last_arrival: when a job last came, None if that is not known.
        wakes: wake-ups whose cold start is not over.
        price: what the levels were last solved for.
        fleet: what is remembered of the replicas.
    """

    open: bool = False
    at: float = 0.0
    jobs: int = 0
    depth: Depth = (0, 0)
    read_at: float = 0.0
    disagreed: int = 0
    ready: int = 0
    cold_start: float = FIRST_COLD_START
    starts: int = 0
    busy: float = 0.0
    finished: float = 0.0
    last_arrival: float | None = None
    wakes: tuple[Wake, ...] = ()
    # States are told apart often, to decide once about those who are alike. These are compared, and left out of the
    # hash: they are large, and hardly any two states differ in them alone.
    forecast: Forecast = field(default=Forecast(), hash=False)
    levels: tuple[Level, ...] = field(default=(), hash=False)
    price: float | None = None
    fleet: Fleet = Fleet()

    def interrupted(self) -> EconomicState:
        """
        Return it after something that mattered was not known.
        """
        return replace(self, open=False) if self.open else self

    def saved(self) -> dict[str, Any]:
        """
        Return what was learned as plain data, for JSON: without what goes on just now; nothing if that is nothing.
        """
        if not self._learned:
            return {}
        return {
            "coldStart": self.cold_start,
            "starts": self.starts,
            "busy": self.busy,
            "finished": self.finished,
            "forecast": {"sums": list(self.forecast.sums), "counts": list(self.forecast.counts)},
            "levels": [_saved(level) for level in self.levels],
        }

    @property
    def _learned(self) -> bool:
        numbers = (self.cold_start != FIRST_COLD_START, self.starts, self.busy, self.finished, self.forecast.bins)
        return any(numbers) or any(level.absences or level.gaps.bins for level in self.levels)

    @classmethod
    def restored(cls, data: Mapping[str, Any]) -> EconomicState:
        """
        Return a state that goes on from what was learned before.

        Raises:
            ValueError: these data are not what `saved` returns; the message says where.
        """
        levels, forecast = data.get("levels"), data.get("forecast")
        if not isinstance(levels, list) or len(levels) > _MOST_LEVELS:
            raise ValueError("levels: must be a list of levels")
        if not isinstance(forecast, Mapping):
            raise ValueError("forecast: must be a mapping of sums and counts")  # noqa: TRY004 - data, whatever its type
        cold_start = _number(data, "coldStart")
        if cold_start < LEAST_COLD_START:
            raise ValueError(f"coldStart: must be at least {LEAST_COLD_START:g} s, not {cold_start:g}")
        return cls(
            cold_start=cold_start,
            starts=int(_number(data, "starts")),
            busy=_number(data, "busy"),
            finished=_number(data, "finished"),
            forecast=Forecast.of(_numbers(forecast, "sums"), _numbers(forecast, "counts")),
            levels=tuple(_restored(level) for level in levels),
        )


def _saved(level: Level) -> dict[str, Any]:
    gaps = level.gaps
    seen = {"counts": list(gaps.counts), "costs": list(gaps.costs)} if gaps.bins else {}
    return {
        "share": level.share,
        "waited": level.waited,
        "absences": level.absences,
        "cost": gaps.cost,
        "count": gaps.count,
        **seen,
    }


def _restored(data: Any) -> Level:
    if not isinstance(data, Mapping):
        raise ValueError("levels: each must be a mapping")  # noqa: TRY004 - data, whatever its type
    gaps = Gaps()
    if "counts" in data or "costs" in data:
        gaps = Gaps.of(_numbers(data, "counts"), _numbers(data, "costs"), _number(data, "cost"), _number(data, "count"))
    share = _number(data, "share")
    if share > 1:
        raise ValueError(f"share: must be at most 1, not {share:g}")
    return Level(share=share, waited=_number(data, "waited"), absences=int(_number(data, "absences")), gaps=gaps)


def _numbers(data: Mapping[str, Any], key: str) -> list[float]:
    values = data.get(key)
    if not isinstance(values, list):
        raise ValueError(f"{key}: must be a list of numbers")  # noqa: TRY004 - data, whatever its type
    return [_plain(value, key) for value in values]


def _number(data: Mapping[str, Any], key: str) -> float:
    return _plain(data.get(key), key)


def _plain(value: Any, key: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not (value >= 0 and isfinite(value)):
        raise ValueError(f"{key}: must be a finite number of at least 0")
    return float(value)
