"""
What the results say: means over the seeds, the best stock setting in hindsight, and how ours compares.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from math import exp, log
from statistics import fmean
from typing import Any

from loadgen.experiments.grid import Variant
from loadgen.experiments.running import Results

_Pair = tuple[Variant, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Score:
    """
    What a variant came to on one workload in one world, as the mean over all seeds.

    Attributes:
        numbers: an outcome's numbers, by their names.
        costs: by the price of waiting.
    """

    variant: Variant
    numbers: Mapping[str, float]
    costs: Mapping[float, float]

    @property
    def whole(self) -> bool:
        """
        Whether every job was done: what is left undone is cheap, but no service.
        """
        return self.numbers["unfinished"] == 0


@dataclass(frozen=True, slots=True)
class Place:
    """
    One workload in one world, with all scores.

    Attributes:
        bounds: by price, what nobody can go below; `exact`: whether all of them are proven.
    """

    workload: str
    world: str
    scores: Sequence[Score]
    bounds: Mapping[float, float]
    exact: bool

    def ours(self, price: float | None = None) -> list[Score]:
        """
        Return our policies as the file states them.

        At a *price*, one that is told a price of waiting is judged by its variant that is told this one, if there is
        one: the price is not a setting that is tried, but the question that it answers.
        """
        stated = [score for score in self.scores if score.variant.family == "ours" and score.variant.base]
        return [self._told(score, price) for score in stated]

    def _told(self, stated: Score, price: float | None) -> Score:
        for score in self.scores:
            if score.variant.policy == stated.variant.policy and price is not None and score.variant.price == price:
                return score
        return stated

    def best(self, family: str, price: float, *, base: bool = False) -> Score | None:
        """
        Return the cheapest of a family, chosen in hindsight (*base*: of its policies as the file states them).

        Those that left jobs undone count only where there is nothing else.
        """
        found = [score for score in self.scores if score.variant.family == family and (score.variant.base or not base)]
        return min(found, key=lambda score: (not score.whole, score.costs[price]), default=None)


@dataclass(frozen=True, slots=True)
class Line:
    """
    One comparison: a workload, a world, a price, and one policy of ours against stock KEDA.

    Attributes:
        ours: as the file states it; `tuned`: the cheapest of all of ours, in hindsight.
        default: the cheapest of stock KEDA's as the file states them; `best`: the cheapest of all of it, in hindsight.
    """

    place: Place
    price: float
    ours: Score
    tuned: Score | None
    default: Score | None
    best: Score | None

    @property
    def against_default(self) -> float | None:
        """
        Our cost over that of stock KEDA's settings as the file states them.
        """
        return _ratio(self.ours, self.default, self.price)

    @property
    def against_best(self) -> float | None:
        """
        Our cost over that of the best stock settings in hindsight.
        """
        return _ratio(self.ours, self.best, self.price)

    @property
    def tuned_against_best(self) -> float | None:
        """
        The cost of our best settings in hindsight over that of the best stock settings in hindsight.
        """
        return None if self.tuned is None else _ratio(self.tuned, self.best, self.price)


def places(results: Results) -> list[Place]:
    """
    Return every workload in every world, in the order of the file.
    """
    pairs = zip(results.plan.cells, results.measured, strict=True)
    return [
        _place(workload, world, [(cell.variant, measured) for cell, measured in group])
        for (workload, world), group in groupby(pairs, key=lambda pair: (pair[0].workload, pair[0].world))
    ]


def lines(found: Iterable[Place], prices: Sequence[float]) -> list[Line]:
    """
    Return every comparison.
    """
    return [
        Line(
            place,
            price,
            ours,
            place.best("ours", price),
            place.best("stock", price, base=True),
            place.best("stock", price),
        )
        for place in found
        for price in prices
        for ours in place.ours(price)
    ]


def front(scores: Iterable[Score]) -> list[Score]:
    """
    Return the scores that no other beats both in GPU-hours and in waiting, from the fewest GPU-hours on.
    """
    kept: list[Score] = []
    for score in sorted(scores, key=lambda each: (each.numbers["gpu_hours"], each.numbers["wait_mean"])):
        if not kept or score.numbers["wait_mean"] < kept[-1].numbers["wait_mean"]:
            kept.append(score)
    return kept


def geometric_mean(ratios: Iterable[float | None]) -> float | None:
    """
    Return the geometric mean of those that are known, or None.
    """
    known = [ratio for ratio in ratios if ratio is not None]
    return exp(fmean(log(ratio) for ratio in known)) if known else None


def _place(workload: str, world: str, measured: Sequence[_Pair]) -> Place:
    scores = [_score(group[0][0], [each for _, each in group]) for group in _by_variant(measured)]
    by_price = [price for _, each in measured for price in each["prices"]]
    bounds = {
        price: fmean(each["bound"] for each in by_price if each["price"] == price)
        for price in dict.fromkeys(each["price"] for each in by_price)
    }
    return Place(workload, world, scores, bounds, all(each["bound_exact"] for each in by_price))


def _by_variant(measured: Sequence[_Pair]) -> Iterable[Sequence[_Pair]]:
    """
    Group by variants, by identity: they hold mappings, which have no hash.
    """
    groups: dict[int, list[_Pair]] = {}
    for pair in measured:
        groups.setdefault(id(pair[0]), []).append(pair)
    return groups.values()


def _score(variant: Variant, seeds: Sequence[Mapping[str, Any]]) -> Score:
    names = [name for name in seeds[0] if name != "prices"]
    numbers = {name: fmean(each[name] for each in seeds) for name in names}
    prices = [each["price"] for each in seeds[0]["prices"]]
    costs = {price: fmean(each["prices"][place]["cost"] for each in seeds) for place, price in enumerate(prices)}
    return Score(variant, numbers, costs)


def _ratio(ours: Score, other: Score | None, price: float) -> float | None:
    if other is None or not (ours.whole and other.whole) or not other.costs[price]:
        return None
    return ours.costs[price] / other.costs[price]
