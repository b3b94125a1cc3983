"""
A moment: what is decided at one time about many.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from scaler.domain.decide import decide
from scaler.domain.policy import Policy, SignalRule
from scaler.domain.readings import BySignal, Known, Observation, QueueDepth, Signal
from scaler.domain.state import NEVER_SEEN, State
from scaler.engine.moment import Moment

POLICY = Policy(rules={Signal.QUEUE: SignalRule(3.0)})
WOKEN = decide(POLICY, {Signal.QUEUE: Observation(Known(QueueDepth(5), 0.0))}, NEVER_SEEN, 0.0)[1]


def seen(waiting: int, at: float = 9.0) -> BySignal[Observation]:
    """
    Return a reading of a queue.
    """
    return BySignal({Signal.QUEUE: Observation(Known(QueueDepth(waiting), at))})


def test_who_are_alike_share_a_decision_and_a_state() -> None:
    """
    Equal readings and states, from wherever: one decision, one state.
    """
    moment = Moment(10.0)
    first, second = (moment.decide(POLICY, seen(0), replace(NEVER_SEEN)) for _ in range(2))
    assert first[0] is second[0]
    assert first[1] is second[1]


@pytest.mark.parametrize(
    ("policy", "waiting", "at", "state"),
    [
        pytest.param(replace(POLICY, minimum=2), 5, 9.0, NEVER_SEEN, id="policy"),
        pytest.param(replace(POLICY), 5, 9.0, NEVER_SEEN, id="equal policy"),
        pytest.param(POLICY, 6, 9.0, NEVER_SEEN, id="reading"),
        pytest.param(POLICY, 5, 8.0, NEVER_SEEN, id="its time"),
        pytest.param(POLICY, 5, 9.0, WOKEN, id="state"),
    ],
)
def test_everybody_gets_what_the_decision_would_be_alone(policy: Policy, waiting: int, at: float, state: State) -> None:
    """
    One who differs in anything from somebody before him has a decision of his own.
    """
    moment = Moment(10.0)
    for _ in range(2):
        assert moment.decide(POLICY, seen(5), NEVER_SEEN) == decide(POLICY, seen(5), NEVER_SEEN, 10.0)
        assert moment.decide(policy, seen(waiting, at), state) == decide(policy, seen(waiting, at), state, 10.0)


def test_who_is_seen_decides_nothing_for_who_is_not_seen_yet() -> None:
    """
    Alike in all else: the one sleeps, of the other nothing is known.
    """
    moment = Moment(10.0)
    for pending in ("", "its pods were not listed yet", ""):
        alone = decide(POLICY, seen(0), NEVER_SEEN, 10.0, None, pending)
        assert moment.decide(POLICY, seen(0), NEVER_SEEN, None, pending) == alone
