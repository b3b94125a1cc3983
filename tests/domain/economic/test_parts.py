"""
The parts of the economic kind, each by a table: gaps and stopping, the forecast, growing, levels.
"""

from __future__ import annotations

import pytest

from scaler.domain.economic.forecast import Forecast
from scaler.domain.economic.gaps import BINS, EDGES, Gaps
from scaler.domain.economic.growth import Prospect
from scaler.domain.economic.levels import NEW_LEVEL, Prices
from scaler.domain.economic.params import EconomicParams

WAKE_UP = 180.0
"""Seconds: what a wake-up is expected to cost, at a cold start of 90 s and a price of 1."""


def gaps(*seconds: float, cost: float = WAKE_UP) -> Gaps:
    """Return gaps of so many seconds, in this order."""
    found = Gaps()
    for each in seconds:
        found = found.booked(each, cost)
    return found


@pytest.mark.parametrize(
    ("seen", "least", "most"),
    [
        ((30.0,) * 40, 30, 180),
        ((150.0,) * 40, 150, 260),
        ((3600.0,) * 40, 0, 10),
        ((100_000.0,) * 40, 0, 10),
        ((20.0, 4000.0) * 30, 20, 60),
    ],
)
def test_a_replica_is_kept_for_as_long_as_gaps_are_worth_it(seen: tuple[float, ...], least: float, most: float) -> None:
    """Short gaps: until they are over, and not much longer; long ones: not at all; both: as for the short ones."""
    assert least <= gaps(*seen).worth_keeping(WAKE_UP) <= most


def test_without_gaps_a_replica_is_kept_for_a_part_of_what_a_wake_up_costs() -> None:
    """Nothing was seen: some time, and never longer than four times the cost."""
    assert 0 < Gaps().worth_keeping(WAKE_UP) <= 4 * WAKE_UP
    assert Gaps().worth_keeping(10 * WAKE_UP) > Gaps().worth_keeping(WAKE_UP)


def test_the_more_a_wake_up_costs_the_longer_a_replica_is_kept() -> None:
    """The same gaps, and growing costs: it is kept for longer, never shorter."""
    kept = [gaps(*(10.0, 60.0, 300.0, 900.0) * 10, cost=cost).worth_keeping(cost) for cost in (20, 200, 2000, 20_000)]
    assert kept == sorted(kept)
    assert kept[0] < kept[-1]


def test_old_gaps_fade() -> None:
    """After a month of short gaps come long ones: 200 of them later the short ones hardly count."""
    before = gaps(*(30.0,) * 1000)
    after = gaps(*(30.0,) * 1000, *(7200.0,) * 600)
    assert before.worth_keeping(WAKE_UP) >= 30
    assert after.worth_keeping(WAKE_UP) < 10


def test_every_gap_has_its_bin() -> None:
    """From nothing to weeks: each is counted once, at an edge in the bin that begins there."""
    for index, edge in enumerate(EDGES[:-1]):
        assert gaps(edge).counts[index] == 1
    for odd, index in ((-1.0, 0), (1e7, BINS - 1)):
        assert gaps(odd).counts[index] == 1


def test_when_the_next_job_usually_comes() -> None:
    """Most gaps last a minute: within the rest of it. Of what never lasted so long nothing is said."""
    seen = gaps(*(60.0,) * 30)
    within = seen.usually_within(10.0, WAKE_UP)
    assert within is not None
    assert 50 <= within <= 80
    assert seen.usually_within(3600.0, WAKE_UP) is None
    assert Gaps().usually_within(0.0, WAKE_UP) is None


@pytest.mark.parametrize(
    ("counts", "costs"),
    [([0.0] * 31, [0.0] * 32), ([0.0] * 32, [-1.0] + [0.0] * 31), ([float("nan")] + [0.0] * 31, [0.0] * 32)],
)
def test_what_cannot_be_gaps_is_refused(counts: list[float], costs: list[float]) -> None:
    """Too few bins, negative costs, counts that are no number."""
    with pytest.raises(ValueError, match="gaps need 32 counts"):
        Gaps.of(counts, costs, 0.0, 0.0)


def test_the_last_minute_goes_on_until_more_is_known() -> None:
    """Four jobs in a minute: three more a minute are expected. Nothing ever follows four: then hardly any are."""
    forecast = Forecast()
    for at in (60.0, 70.0, 80.0, 90.0):
        forecast = forecast.came(at)
    assert forecast.rate(95.0, 60.0) == pytest.approx(3 / 60)
    assert forecast.rate(200.0, 60.0) == 0
    for burst in range(1, 96):
        now = 600.0 * burst
        for _ in range(4):
            forecast = forecast.passed(now, 60.0).came(now)
        forecast = forecast.sampled(now, 60.0)
    assert forecast.rate(now, 60.0) == pytest.approx(5 * 3 / 60 / (94 + 5))


def test_a_sample_ends_before_what_comes_at_its_very_end() -> None:
    """The cold start after a sample is over at 60 s: what comes then is not in it, what came before is."""
    forecast = Forecast().came(0.0).sampled(0.0, 60.0)
    forecast = forecast.passed(30.0, 60.0).came(30.0).passed(60.0, 60.0).came(60.0)
    assert forecast.sums[1] == 1
    assert forecast.counts[1] == 1
    assert not forecast.pending


def test_samples_are_few_and_bounded() -> None:
    """At most one in 15 s, and 25 that are not over, however often it is asked and however long a cold start lasts."""
    forecast = Forecast()
    for second in range(600):
        forecast = forecast.sampled(float(second), 100.0)
    assert [sample.at for sample in forecast.pending] == [15.0 * index for index in range(25)]


def prospect(**changes: float) -> Prospect:
    """Return a queue of ten at one ready replica, with changes."""
    usual = {"waiting": 10, "rate": 0.0, "replicas": 1, "ready": 1, "cold_start": 90.0, "service": 30.0, "price": 1.0}
    return Prospect(**{**usual, **changes})  # type: ignore[arg-type] # names and types are the test's


@pytest.mark.parametrize(
    ("changes", "wanted"),
    [
        ({}, 3),
        ({"price": 0.3}, 2),
        ({"waiting": 4}, 1),
        ({"waiting": 0, "rate": 0.05}, 2),
        ({"price": 10.0}, 8),
        ({"price": 0.01}, 1),
        ({"service": 1.0}, 1),
        ({"replicas": 4, "ready": 4}, 4),
        ({"waiting": 10_000, "service": 300.0}, 8),
    ],
)
def test_replicas_are_added_where_they_save_more_than_they_cost(changes: dict[str, float], wanted: int) -> None:
    """Long queues, high prices and many arrivals want more; a queue that is soon empty wants none."""
    assert prospect(**changes).best(8) == wanted


@pytest.mark.parametrize("rate", [0.0, 0.02, 0.3])
@pytest.mark.parametrize("waiting", [0, 1, 7, 300])
@pytest.mark.parametrize("price", [0.1, 1.0, 30.0])
def test_the_best_is_the_best_of_all(rate: float, waiting: int, price: float) -> None:
    """Tried one by one in eight steps a piece, no other number of replicas is cheaper."""

    def cost(wanted: int) -> float:
        x, area = float(waiting), 0.0
        for lasting, servers in ((45.0, 1), (45.0, 2), (90.0, wanted)):
            for _ in range(8):
                before, x = x, max(0.0, x + (rate - servers / 30) * lasting / 8)
                area += (before + x) / 2 * lasting / 8
        return (wanted - 2) * 90 + price * (area + x * x * 30 / (2 * wanted))

    best = prospect(rate=rate, waiting=waiting, price=price, replicas=2).best(20)
    assert cost(best) == pytest.approx(min(cost(wanted) for wanted in range(2, 21)))


def test_a_missing_replica_costs_more_the_longer_its_level_is_on() -> None:
    """Of a short job nothing is saved but its own waiting; of a long queue a whole cold start for every job."""
    prices = Prices(cold_start=90.0, service=30.0, waiting=1.0)
    costs = [prices.missed(lasted) for lasted in (0.0, 10.0, 90.0, 900.0)]
    assert costs[0] == 0
    assert costs == sorted(costs)
    assert prices.missed(90.0) == pytest.approx(90 + 90 * 90 / 120)


def test_a_level_learns_whether_its_replica_is_started() -> None:
    """It goes on without one: started in half of the cases at first, less and less where that never happens."""
    prices, level = Prices(90.0, 30.0, 1.0), NEW_LEVEL
    for turn in range(10):
        level = level.gone_on(100.0 * turn, absent=True).gone_off(2, 100.0 * turn + 5, prices)
    assert level.share == pytest.approx(0.5 * 0.9**10)
    assert level.absences == 10
    assert level.gaps.count == pytest.approx(sum(0.995**age for age in range(9)))


@pytest.mark.parametrize(
    "parameters", [{"price": 0.0}, {"price": float("inf")}, {"floor": 1.5}, {"floor": -0.1}, {"cooldown": -1.0}]
)
def test_parameters_without_a_meaning_are_refused(parameters: dict[str, float]) -> None:
    """A price of nothing, a floor above all there is, a cooldown that is over before it begins."""
    with pytest.raises(ValueError, match=r"price|floor|cooldown"):
        EconomicParams(**parameters)
