"""
From what was told of pods to how long each of them had its GPU.
"""

from __future__ import annotations

from collections.abc import Iterable

from tests.comparison.accounting import PodLife
from tests.e2e.history import Standing


def lives(told: Iterable[Standing]) -> list[PodLife]:
    """
    Return the lives of the pods, in the order in which they were first told of.
    """
    by_pod: dict[str, list[Standing]] = {}
    for standing in told:
        by_pod.setdefault(standing.pod, []).append(standing)
    return [
        PodLife(
            created=of_one[0].at,
            bound=next((standing.at for standing in of_one if standing.bound), None),
            gone=next((standing.at for standing in of_one if standing.gone), None),
        )
        for of_one in by_pod.values()
    ]
