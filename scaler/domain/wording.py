"""
The sentences' building blocks: numbers and readings as people say them.
"""

from __future__ import annotations

from collections.abc import Iterable

from scaler.domain.decision import Want
from scaler.domain.readings import DEMAND, Absent, GpuUse, Known, QueueDepth, RequestRate, Signal, Unknown, Value
from scaler.domain.replicas import level

_SMALLEST = 0.01
_TEN = 10
_MINUTE = 60
_HOUR = 3600


def duration(seconds: float) -> str:
    """
    Write a duration with its two largest units: `250 ms`, `1.5 s`, `12 s`, `2 min 10 s`, `3 h 5 min`.
    """
    if 0 < seconds < 0.9995:  # noqa: PLR2004 - 999.5 ms and more is a second
        return f"{max(1, round(seconds * 1000))} ms"
    if seconds < _TEN:
        return f"{number(round(seconds, 1))} s"
    whole = round(seconds)
    if whole < _MINUTE:
        return f"{whole} s"
    if whole < _HOUR:
        return f"{whole // _MINUTE} min" + (f" {whole % _MINUTE} s" if whole % _MINUTE else "")
    minutes = whole % _HOUR // _MINUTE
    return f"{whole // _HOUR} h" + (f" {minutes} min" if minutes else "")


def number(value: float) -> str:
    """
    Write a number with two decimals at most, and none that say nothing: `5`, `4.75`, `less than 0.01`.
    """
    if 0 < value < _SMALLEST:
        return f"less than {_SMALLEST}"
    return f"{value:.2f}".rstrip("0").rstrip(".")


def replicas_text(replicas: int) -> str:
    """
    Write a number of replicas with its noun.
    """
    return "1 replica" if replicas == 1 else f"{replicas} replicas"


def value_text(value: Value) -> str:
    """
    Write a value: `7 waiting and 2 in flight`, `12/s`, `380 % on 4 pods`.
    """
    match value:
        case QueueDepth(waiting, None):
            return f"{waiting} waiting"
        case QueueDepth(waiting, in_flight):
            return f"{waiting} waiting and {in_flight} in flight"
        case RequestRate(per_second):
            return f"{number(per_second)}/s"
        case GpuUse():
            pods = len({use.pod for use in value.pods})
            return f"{number(value.total)} % on {pods} pod" + ("" if pods == 1 else "s")


def reading_text(want: Want) -> str:
    """
    Write a signal's reading: its value, or why there is none.
    """
    match want.reading:
        case Known(value):
            return value_text(value)
        case Absent():
            return "no series (normal without replicas)"
        case Unknown(cause):
            return f"unknown: {cause}"


_PER_REPLICA = {Signal.QUEUE: " per replica", Signal.REQUESTS: "/s per replica", Signal.GPU: " % per replica"}


def want_text(want: Want) -> str:
    """
    Write what a signal wants and from what: `queue has 7 waiting and 2 in flight at 3 per replica`.
    """
    return f"{want.signal.value} has {reading_text(want)} at {number(want.target)}{_PER_REPLICA[want.signal]}"


def leading_want(wants: Iterable[Want]) -> str:
    """
    Say which signal asks for most, and what the others ask for.
    """
    known = sorted((want for want in wants if want.replicas), key=lambda want: -(want.replicas or 0))
    if not known:
        return "no signal asks for more"
    first, *others = known
    text = f"{want_text(first)}, which wants {number(first.replicas or 0)}"
    if others:
        text += "; " + ", ".join(f"{want.signal.value} wants {number(want.replicas or 0)}" for want in others)
    return text


def quiet_text(wants: Iterable[Want]) -> str:
    """
    Say that there is no demand, and claim no more than is known: there may be some work, or something unknown.
    """
    demand = [want for want in wants if want.signal in DEMAND]
    if any(isinstance(want.reading, Known) and level(want.reading.value) > 0 for want in demand):
        all_of_it = ", ".join(f"{want.signal.value} has {reading_text(want)}" for want in demand)
        return f"there is not enough work to be awake for ({all_of_it})"
    if any(isinstance(want.reading, Unknown) for want in demand):
        return "there is no known work"
    return "there is no work"


def unknown_text(wants: Iterable[Want]) -> str:
    """
    Say which signals are unknown, and why.
    """
    return "; ".join(
        f"{want.signal.value} is unknown ({want.reading.cause})" for want in wants if isinstance(want.reading, Unknown)
    )


def pending_text(pending: str) -> str:
    """
    Say that nobody knows yet whether there are pods, and why.
    """
    return f"it is not known yet whether pods are there ({pending})"
