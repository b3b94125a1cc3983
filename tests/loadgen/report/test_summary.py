"""
What a report makes of results: the best in hindsight, ratios, the front.
"""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from loadgen.experiments.grid import Variant
from loadgen.report.summary import Line, Place, Score, front, geometric_mean
from loadgen.simulation.scaling import Fixed

_ON_A_BUSY_MACHINE = settings(deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])

PRICE = 1.0


def score(family: str, cost: float, *, base: bool = True, unfinished: float = 0, wait: float = 1.0) -> Score:
    """
    Return a score of that cost.
    """
    variant = Variant(f"{family} {cost}", family, (), base, Fixed(1))
    numbers = {"gpu_hours": cost, "wait_mean": wait, "unfinished": unfinished}
    return Score(variant, numbers, {PRICE: cost})


def place(*scores: Score) -> Place:
    """
    Return a place with these scores.
    """
    return Place("w", "usual", scores, {PRICE: 1.0}, exact=True)


def test_the_default_is_as_the_file_states_it_and_the_best_is_any() -> None:
    """
    Of two policies as stated the cheaper one is the default; a grid's setting may be better still.
    """
    found = place(score("stock", 9), score("stock", 7), score("stock", 4, base=False), score("ours", 1))
    default, best = found.best("stock", PRICE, base=True), found.best("stock", PRICE)
    assert default is not None
    assert best is not None
    assert (default.costs[PRICE], best.costs[PRICE]) == (7, 4)
    line = Line(found, PRICE, found.ours()[0], score("ours", 0.5, base=False), default, best)
    assert (line.against_default, line.against_best, line.tuned_against_best) == (1 / 7, 1 / 4, 1 / 8)


def test_what_leaves_jobs_undone_is_never_the_best() -> None:
    """
    Unless nothing else is there; and then it is not compared with.
    """
    undone = score("stock", 1, unfinished=3)
    best = place(undone, score("stock", 5)).best("stock", PRICE)
    assert best is not None
    assert best.costs[PRICE] == 5
    ours = score("ours", 2)
    found = place(undone, ours)
    assert found.best("stock", PRICE) is undone
    assert Line(found, PRICE, ours, ours, undone, undone).against_best is None


def test_nothing_is_compared_with_nothing() -> None:
    """
    Without stock KEDA in an experiment there is no ratio.
    """
    ours = score("ours", 2)
    assert place(ours).best("stock", PRICE) is None
    assert Line(place(ours), PRICE, ours, ours, None, None).against_default is None
    assert geometric_mean([None]) is None


def test_the_geometric_mean_is_of_the_known_ratios() -> None:
    """
    Half and double cancel out.
    """
    assert geometric_mean([0.5, None, 2.0]) == pytest.approx(1.0)


points = st.lists(st.tuples(st.integers(1, 20), st.integers(1, 20)), min_size=1, max_size=30)


@_ON_A_BUSY_MACHINE
@given(points)
def test_nothing_beats_what_is_on_the_front(found: list[tuple[int, int]]) -> None:
    """
    A score is on the front, or one of the front is at least as good in both; none of the front beats another.
    """
    scores = [score("stock", cost, wait=wait) for cost, wait in found]
    kept = [(each.numbers["gpu_hours"], each.numbers["wait_mean"]) for each in front(scores)]
    assert all(any(cost <= c and wait <= w for cost, wait in kept) for c, w in found)
    assert all(a == b or not (a[0] <= b[0] and a[1] <= b[1]) for a in kept for b in kept)
