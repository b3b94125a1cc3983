"""
From what a signal says to the replicas it wants.
"""

from __future__ import annotations

from math import ceil

from scaler.domain.readings import GpuUse, QueueDepth, RequestRate, Value

# A quotient that misses a whole number by less than this is that number: 0.1 * 3 / 0.1 is 3.0000000000000004.
_ROUNDING = 1e-9


def whole_replicas(load: float) -> int:
    """
    Return the replicas that carry *load*: rounded up, forgiving what floats add; the least of loads wants one.
    """
    return max(ceil(load - _ROUNDING), 1) if load > 0 else 0


def level(value: Value) -> float:
    """
    Return the number that thresholds are about: jobs, requests per second, or the busiest pod's per cent.
    """
    match value:
        case QueueDepth():
            return float(value.total)
        case RequestRate():
            return value.per_second
        case GpuUse():
            return value.highest


def replicas_for(value: Value, target: float) -> float:
    """
    Return the replicas that a value wants: whole for demand; the sum over GPUs is left to be rounded at the end.
    """
    match value:
        case QueueDepth():
            return float(whole_replicas(value.total / target))
        case RequestRate():
            return float(whole_replicas(value.per_second / target))
        case GpuUse():
            return value.total / target
