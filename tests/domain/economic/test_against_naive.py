"""
The account against the rule read off all history: any events, and the same answers.
"""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scaler.domain.economic.account import Account
from scaler.domain.economic.params import EconomicParams
from scaler.domain.economic.state import EconomicState, Fleet
from tests.domain.economic.naive import Naive

MOST = 4
EVENTS = st.lists(
    st.one_of(
        st.tuples(st.just("pass"), st.sampled_from([0.0, 0.5, 3.0, 7.0, 20.0, 61.0, 200.0, 1000.0, 90000.0])),
        st.tuples(st.just("arrive"), st.integers(1, 5)),
        st.tuples(st.just("finish"), st.integers(1, 3)),
        st.tuples(st.just("start"), st.sampled_from([20.0, 90.0, 300.0])),
        st.tuples(st.just("ready"), st.integers(0, MOST)),
        st.tuples(st.just("follow"), st.booleans()),
    ),
    max_size=50,
)


class Both:
    """
    The account and the naive rule, told the same. The account is handed on as a value after every event.
    """

    def __init__(self, params: EconomicParams) -> None:
        self.params, self.state, self.naive = params, EconomicState(open=True), Naive(params.price, params.floor, MOST)
        self.now, self.jobs, self.replicas, self.ready = 0.0, 0, 0, 0

    def tell(self, what: str, detail: float, *, compared: bool = True) -> None:
        """Tell both of one event, and hold their answers against each other."""
        account = Account(self.params, self.state, MOST)
        if what == "pass":
            self.now += detail
        elif what == "ready":
            self.ready = min(int(detail), self.replicas)
        elif what == "start":
            account.started(detail)
            self.naive.add("start", detail)
        account.pass_time(self.now, self.ready)
        self.naive.add("pass", self.now, self.ready)
        for _ in range(int(detail) if what == "arrive" else 0):
            account.arrive(self.replicas)
            self.naive.add("arrive", self.replicas)
            self.jobs += 1
        for _ in range(min(int(detail), self.jobs) if what == "finish" else 0):
            account.finish()
            self.naive.add("finish")
            self.jobs -= 1
        in_flight = min(self.jobs, self.ready)
        answer = account.answer(self.jobs - in_flight, in_flight, self.replicas)
        self.naive.add("ask", self.jobs - in_flight, in_flight, self.replicas)
        self.state = account.state((0, 0), self.now, Fleet())
        if compared:
            self.compare(account, answer.replicas)
        if what == "follow" and detail:
            self.replicas = answer.replicas
            self.ready = min(self.ready, self.replicas)

    def compare(self, account: Account, answer: int) -> None:
        """Hold what is known, and the answer, against the naive ones."""
        story, expected = self.naive.replay()
        assert account.jobs == story.jobs
        assert account.prices.cold_start == pytest.approx(story.cold_start)
        assert account.prices.service == pytest.approx(story.service)
        for number, level in story.levels.items():
            known = account.level(number)
            assert (known.on, known.below, known.started) == (level.on, level.below, level.started or known.started)
            assert known.keep == pytest.approx(level.keep), f"level {number}"
        assert answer == expected


@settings(max_examples=100, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from([0.3, 1.0, 10.0]), st.sampled_from([0.0, 0.1]), EVENTS)
def test_the_account_answers_as_all_history_does(price: float, floor: float, events: list[tuple[str, float]]) -> None:
    """Whatever happens in whatever order, what is learned and what is answered follow from the whole of it."""
    both = Both(EconomicParams(price, floor))
    for what, detail in events:
        both.tell(what, detail)


def test_a_long_day_is_answered_alike() -> None:
    """A day of jobs in bursts: what was seen fades, and does not drift away from what it would be."""
    both = Both(EconomicParams())
    for turn in range(300):
        jobs, pause = 1 + turn % 3, 90.0 + 60 * (turn % 5)
        for what, detail in (("arrive", jobs), ("follow", 1), ("pass", 41.0), ("ready", turn % 4), ("finish", jobs)):
            both.tell(what, detail, compared=False)
        both.tell("follow", 1, compared=False)
        both.tell("pass", pause, compared=turn % 100 == 99)
