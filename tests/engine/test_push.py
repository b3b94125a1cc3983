"""
What one push stream says, decision by decision.
"""

from __future__ import annotations

import pytest

from scaler.domain.decision import Decision, Phase, Reason, Verdict
from scaler.engine.push import Pushes


def decided(phase: Phase, verdict: Verdict | None = None) -> Decision:
    """
    Return a decision in a phase.
    """
    verdict = verdict or (Verdict.INACTIVE if phase is Phase.IDLE else Verdict.ACTIVE)
    return Decision(verdict, int(verdict is Verdict.ACTIVE), phase, Reason.DEMAND, "because", (), 0.0, 0.0, None)


IDLE, WAKING, ACTIVE, HOLDING = map(decided, Phase)
UNKNOWN = decided(Phase.HOLDING, Verdict.UNKNOWN)


@pytest.mark.parametrize(
    ("decisions", "said"),
    [
        pytest.param([None, UNKNOWN, None], [None, None, None], id="nothing while nothing is known"),
        pytest.param([IDLE, IDLE, IDLE], [False, None, None], id="false is said once"),
        pytest.param([ACTIVE, HOLDING, ACTIVE], [True, None, None], id="one true is another"),
        pytest.param([IDLE, WAKING, ACTIVE, IDLE], [False, True, None, False], id="every change"),
        pytest.param([ACTIVE, UNKNOWN, ACTIVE], [True, None, None], id="what was said stays said"),
        pytest.param([ACTIVE, UNKNOWN, IDLE], [True, None, False], id="and a change is one after an outage too"),
    ],
)
def test_changes_are_said_once(decisions: list[Decision | None], said: list[bool | None]) -> None:
    """
    The present state first, then what differs from what was said last.
    """
    pushes = Pushes()
    assert [pushes.due(decision, 0.0) for decision in decisions] == said


def times(pushes: Pushes, decision: Decision, seconds: int) -> list[int]:
    """
    Return the seconds at which True is said, asked every second.
    """
    return [now for now in range(seconds) if pushes.due(decision, now)]


def test_true_is_repeated_with_back_off_while_waking() -> None:
    """
    After 1 s, 2 s, 4 s, 8 s, then every 15 s.
    """
    assert times(Pushes(), WAKING, 62) == [0, 1, 3, 7, 15, 30, 45, 60]


def test_a_new_waking_begins_with_the_shortest_pause() -> None:
    """
    False between the two makes the second one news.
    """
    pushes = Pushes()
    times(pushes, WAKING, 60)
    assert pushes.due(IDLE, 60) is False
    assert pushes.due(WAKING, 61) is True
    assert pushes.due(WAKING, 62) is True


@pytest.mark.parametrize("between", [UNKNOWN, HOLDING])
def test_repeating_goes_on_after_an_interruption(between: Decision) -> None:
    """
    Held or unknown for a moment, then waking again: it may still not have been heard; the pause does not shrink.
    """
    pushes = Pushes()
    assert times(pushes, WAKING, 10) == [0, 1, 3, 7]
    assert pushes.due(between, 10) is None
    assert pushes.again_at is None
    assert pushes.due(WAKING, 20) is None
    assert pushes.again_at == 28
    assert pushes.due(WAKING, 28) is True


@pytest.mark.parametrize("decision", [IDLE, ACTIVE, HOLDING, UNKNOWN, None])
def test_only_waking_is_looked_at_again(decision: Decision | None) -> None:
    """
    Every repetition costs KEDA a write; what is not waking waits for a change.
    """
    pushes = Pushes()
    pushes.due(decision, 0.0)
    assert pushes.again_at is None
