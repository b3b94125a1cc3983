"""
From histories to figures: what a policy cost and what it gave, by the jobs, the pods and the sizes that were seen.

All times are in seconds of one clock.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import ceil
from statistics import fmean

from tests.comparison.ledger import Record

_HOUR = 3600.0


@dataclass(frozen=True, slots=True)
class PodLife:
    """
    A pod that has its GPU from `bound`, when it got its node, until `gone`; None for what was not seen.
    """

    created: float
    bound: float | None
    gone: float | None

    def held(self, begin: float, end: float) -> float:
        """
        Return the seconds within [begin, end) for which it had its GPU.
        """
        if self.bound is None:
            return 0.0
        return max(0.0, min(end, end if self.gone is None else self.gone) - max(begin, self.bound))


@dataclass(frozen=True, slots=True)
class Step:
    """
    From a moment on so many replicas were wanted, and so many were ready.
    """

    at: float
    wanted: int
    ready: int


@dataclass(frozen=True, slots=True)
class Replay:
    """
    All that was seen of one policy.

    Attributes:
        begin, end: the time that is paid for.
        wakes: seconds from a job to `spec.replicas: 1`, of many ScaledObjects that slept.
    """

    begin: float
    end: float
    jobs: Sequence[Record]
    pods: Sequence[PodLife]
    steps: Sequence[Step]
    wakes: Sequence[float]


def figures(replay: Replay, prices: Iterable[float]) -> dict[str, float]:
    """
    Return the figures by their names; what was never seen, such as the wakes of one that never slept, is left out.
    """
    waits = [record.wait for record in replay.jobs if record.wait is not None]
    undone = [record for record in replay.jobs if record.done is None]
    # A job that was not done waited to the end at least, and did not come for less by being forgotten.
    hours = (sum(waits) + sum(max(0.0, replay.end - record.sent) for record in undone)) / _HOUR
    seconds = sum(pod.held(replay.begin, replay.end) for pod in replay.pods)
    woken = [at - sent for sent, at in wakes(replay, lambda step: step.wanted > 0)]
    served = [at - sent for sent, at in wakes(replay, lambda step: step.ready > 0)]
    found: dict[str, float | None] = {
        "wake_p50_ms": _scaled(quantile(replay.wakes, 0.5), 1000),
        "wake_p99_ms": _scaled(quantile(replay.wakes, 0.99), 1000),
        "wakes": len(woken),
        "trace_wake_p50_ms": _scaled(quantile(woken, 0.5), 1000),
        "ready_p50_s": quantile(served, 0.5),
        "ready_max_s": quantile(served, 1.0),
        "gpu_seconds": seconds,
        "wait_mean_s": fmean(waits) if waits else None,
        "wait_p50_s": quantile(waits, 0.5),
        "wait_p95_s": quantile(waits, 0.95),
        "pending_max_s": max((_pending(pod, replay.end) for pod in replay.pods), default=0.0),
        "cold_starts": sum(pod.bound is not None and pod.bound < replay.end for pod in replay.pods),
        "jobs": len(replay.jobs),
        "jobs_done_once": sum(record.times == 1 for record in replay.jobs),
        "jobs_done_again": sum(record.times > 1 for record in replay.jobs),
        "jobs_undone": len(undone),
        "jobs_cut_off": sum(record.cut_off for record in replay.jobs),
        **{f"cost_at_{price:g}": seconds / _HOUR + price * hours for price in prices},
    }
    return {name: value for name, value in found.items() if value is not None}


def wakes(replay: Replay, up: Callable[[Step], bool]) -> list[tuple[float, float]]:
    """
    Return for each time that it had slept and a job came: when the first job came, and when it was up.
    """
    found = []
    asleep = replay.begin
    for before, after in pairwise([Step(replay.begin, 0, 0), *replay.steps]):
        if up(before) and not up(after):
            asleep = after.at
        elif up(after) and not up(before):
            # A job from before it fell asleep that nobody ended is what wakes it as well: it counts from that moment.
            open_jobs = [
                max(record.sent, asleep)
                for record in replay.jobs
                if record.sent <= after.at and (record.done is None or record.done > asleep)
            ]
            if open_jobs:
                found.append((min(open_jobs), after.at))
    return found


def quantile(values: Sequence[float], share: float) -> float | None:
    """
    Return the least value that so large a share of all does not exceed; None of none.
    """
    ordered = sorted(values)
    return ordered[max(0, ceil(share * len(ordered)) - 1)] if ordered else None


def named(rows: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
    """
    Return the figures of all policies under one name each, the policy's before it.
    """
    return {f"{row}_{name}": round(value, 3) for row, figures in rows.items() for name, value in figures.items()}


def _pending(pod: PodLife, end: float) -> float:
    # A pod that nobody had a GPU for: others were using them, and what was measured is worth little.
    ends = [moment for moment in (pod.bound, pod.gone, end) if moment is not None]
    return max(0.0, min(ends) - pod.created)


def _scaled(value: float | None, factor: float) -> float | None:
    return None if value is None else value * factor
