"""
The table of phases: what may follow what, all of it.
"""

from __future__ import annotations

import pytest

from scaler.domain.decision import Phase
from scaler.domain.phases import AWAKE, TRANSITIONS, Event, follow

IDLE, WAKING, ACTIVE, HOLDING = Phase.IDLE, Phase.WAKING, Phase.ACTIVE, Phase.HOLDING


@pytest.mark.parametrize(
    ("phase", "after"),
    [
        #                     WAKE    WORK    HOLD     REST
        pytest.param(None, (WAKING, ACTIVE, HOLDING, IDLE), id="first sight may be anything"),
        pytest.param(IDLE, (WAKING, None, None, IDLE), id="from idle only by way of waking"),
        pytest.param(WAKING, (WAKING, ACTIVE, HOLDING, IDLE), id="waking may end in anything"),
        pytest.param(ACTIVE, (None, ACTIVE, HOLDING, IDLE), id="what is active is awake already"),
        pytest.param(HOLDING, (WAKING, ACTIVE, HOLDING, IDLE), id="a hold may end in anything"),
    ],
)
def test_every_event_in_every_phase(phase: Phase | None, after: tuple[Phase | None, ...]) -> None:
    """
    One row a phase; None is what cannot happen.
    """
    for event, expected in zip(Event, after, strict=True):
        if expected is not None:
            assert follow(phase, event) is expected
            continue
        with pytest.raises(LookupError, match=f"^{event.name} cannot happen while {phase}$"):
            follow(phase, event)


def test_no_phase_is_left_out() -> None:
    """
    Every phase has its row, and can be left; whoever is not idle is awake.
    """
    assert set(TRANSITIONS) == {None, *Phase}
    assert set(Phase) - {IDLE} == AWAKE
    assert all(set(row.values()) - {phase} for phase, row in TRANSITIONS.items())
