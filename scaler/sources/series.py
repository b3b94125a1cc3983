"""
Series: a name, labels and a number, as metrics pages and Prometheus both have them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Series:
    """
    One series at one moment. The name is empty where a calculation dropped it.
    """

    name: str
    labels: Mapping[str, str]
    value: float


class SeriesTable:
    """
    Series that are found by their labels; a label that is missing is empty, as in PromQL.
    """

    def __init__(self, series: Iterable[Series]) -> None:
        self.series = tuple(series)
        self._indexes: dict[tuple[str, ...], Mapping[tuple[str, ...], Sequence[Series]]] = {}

    def matching(self, match: Sequence[tuple[str, str]]) -> Sequence[Series]:
        """
        Return the series that carry all the labels.

        Hundreds of workloads may ask with the same names, so each set of names is indexed once.
        """
        names = tuple(name for name, _ in match)
        if names not in self._indexes:
            index = defaultdict(list)
            for one in self.series:
                index[tuple(one.labels.get(name, "") for name in names)].append(one)
            self._indexes[names] = index
        return self._indexes[names].get(tuple(value for _, value in match), ())
