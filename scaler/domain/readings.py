"""
Readings: what a source said, when, and the difference between *nothing there* and *nothing known*.

Times are seconds on one monotonic clock of the caller's; the domain only ever subtracts them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, MutableMapping
from dataclasses import dataclass
from math import isfinite
from typing import TypeVar

from scaler.domain.choice import Choice

_Held = TypeVar("_Held")


class Signal(Choice):
    """
    One quantity that a trigger uses.
    """

    QUEUE = "queue"
    REQUESTS = "requests"
    GPU = "gpu"


class BySignal(MutableMapping[Signal, _Held]):
    """
    One thing for each of some signals, in the order of `Signal`.

    It is the mapping that it looks like, in a quarter of the memory that a dict takes for so few: there are some of
    them for each of ten thousand workloads.
    """

    __slots__ = ("_gpu", "_queue", "_requests")

    def __init__(self, held: Mapping[Signal, _Held] | None = None) -> None:
        self._queue: _Held | None = None
        self._requests: _Held | None = None
        self._gpu: _Held | None = None
        for signal, each in (held or {}).items():
            self[signal] = each

    def __getitem__(self, signal: Signal) -> _Held:
        """
        Return what is held for a signal.

        Raises:
            KeyError: nothing is.
        """
        held: _Held | None = getattr(self, _PLACES[signal])
        if held is None:
            raise KeyError(signal)
        return held

    def __setitem__(self, signal: Signal, held: _Held) -> None:
        setattr(self, _PLACES[signal], held)

    def __delitem__(self, signal: Signal) -> None:
        self[signal]
        setattr(self, _PLACES[signal], None)

    def __contains__(self, signal: object) -> bool:
        return signal in _PLACES and getattr(self, _PLACES[signal]) is not None

    def __iter__(self) -> Iterator[Signal]:
        return (signal for signal in _PLACES if signal in self)

    def __len__(self) -> int:
        return sum(signal in self for signal in _PLACES)

    def __repr__(self) -> str:
        return f"BySignal({dict(self)})"


_PLACES = {Signal.QUEUE: "_queue", Signal.REQUESTS: "_requests", Signal.GPU: "_gpu"}


DEMAND = frozenset({Signal.QUEUE, Signal.REQUESTS})
"""The signals that can wake a workload."""


@dataclass(frozen=True, slots=True)
class QueueDepth:
    """
    Jobs on a queue: *waiting*, and *in flight* where the system can tell (None where it cannot).
    """

    waiting: int
    in_flight: int | None = None

    def __post_init__(self) -> None:
        """
        Refuse a depth that no queue can have.
        """
        if self.waiting < 0 or (self.in_flight or 0) < 0:
            raise ValueError(f"a queue depth cannot be negative: {self}")

    @property
    def total(self) -> int:
        """
        All jobs that need a replica, those being worked on included.
        """
        return self.waiting + (self.in_flight or 0)


@dataclass(frozen=True, slots=True)
class RequestRate:
    """
    Requests per second.
    """

    per_second: float

    def __post_init__(self) -> None:
        """
        Refuse NaN, infinities and negative rates: they are unknown, not numbers.
        """
        if not isfinite(self.per_second) or self.per_second < 0:
            raise ValueError(f"a request rate must be a finite number of at least 0, not {self.per_second}")


@dataclass(frozen=True, slots=True)
class PodUse:
    """
    Utilisation in per cent of one GPU, or of one MIG instance, by one pod. A pod with several GPUs has several uses.

    `device` names the GPU: pods that share one (time-slicing) are each given the whole GPU's value. Empty: not known,
    and not shared.
    """

    pod: str
    percent: float
    device: str = ""

    def __post_init__(self) -> None:
        """
        Refuse NaN, infinities and negative utilisation.
        """
        if not isfinite(self.percent) or self.percent < 0:
            raise ValueError(f"GPU utilisation must be a finite number of at least 0, not {self.percent}")


@dataclass(frozen=True, slots=True)
class GpuUse:
    """
    GPU utilisation of a workload's pods: at least one pod, otherwise the reading is *absent*.
    """

    pods: tuple[PodUse, ...]

    def __post_init__(self) -> None:
        """
        Refuse a use without pods.
        """
        if not self.pods:
            raise ValueError("a GPU use needs at least one pod; none is an absent reading")

    @property
    def total(self) -> float:
        """
        The sum over all GPUs, in per cent of one GPU; a GPU that several of the pods share counts once.
        """
        shared: dict[str, float] = {}
        for use in self.pods:
            if use.device:
                shared[use.device] = max(use.percent, shared.get(use.device, 0.0))
        return sum(shared.values()) + sum(use.percent for use in self.pods if not use.device)

    @property
    def highest(self) -> float:
        """
        The busiest GPU, in per cent.
        """
        return max(use.percent for use in self.pods)


Value = QueueDepth | RequestRate | GpuUse


@dataclass(frozen=True, slots=True)
class Known:
    """
    A sample: a value, and when it was taken.
    """

    value: Value
    at: float


@dataclass(frozen=True, slots=True)
class Absent:
    """
    The source answered, and it has no series for this workload.

    Normal where there are no replicas to have one, and unknown everywhere else: only the decision can tell.
    """

    at: float


@dataclass(frozen=True, slots=True)
class Unknown:
    """
    Nothing is known, why, and since when.
    """

    cause: str
    since: float


Reading = Known | Absent | Unknown


@dataclass(frozen=True, slots=True)
class Observation:
    """
    What is held of one signal: the last good sample, and the trouble that came after it, if any.
    """

    good: Known | Absent | None = None
    trouble: Unknown | None = None

    def reading(self, freshness: float, now: float) -> Reading:
        """
        Return what may be believed at *now*: a sample stays good for *freshness* seconds, then it is unknown.
        """
        if self.good is not None and now - self.good.at < freshness:
            return self.good
        if self.good is None:
            return self.trouble or Unknown("not read yet", now)
        stale_since = self.good.at + freshness
        if self.trouble is not None:
            return Unknown(self.trouble.cause, stale_since)
        return Unknown(f"no reading for more than {freshness:g} s", stale_since)


NOTHING_SEEN = Observation()
