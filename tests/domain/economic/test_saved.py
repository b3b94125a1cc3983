"""
What is worth keeping of a workload, and what is not.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from scaler.domain.decide import decide
from scaler.domain.economic.kind import ECONOMIC
from scaler.domain.economic.params import EconomicParams
from scaler.domain.economic.state import EconomicState
from scaler.domain.policy import Policy, SignalRule
from scaler.domain.readings import Known, Observation, QueueDepth, Signal
from scaler.domain.state import NEVER_SEEN, State

POLICY = Policy(rules={Signal.QUEUE: SignalRule(target=1)}, params=EconomicParams())


@dataclass
class Watched:
    """
    A workload whose queue is read.
    """

    state: State = NEVER_SEEN

    def sees(self, now: float, waiting: int, in_flight: int = 0) -> Mapping[str, Any]:
        """
        Take one reading, and return what is worth keeping then.
        """
        reading = Observation(Known(QueueDepth(waiting, in_flight), now))
        _, self.state = decide(POLICY, {Signal.QUEUE: reading}, self.state, now)
        return ECONOMIC.save(self.state.kind)


def test_who_has_only_been_looked_at_has_taught_nothing() -> None:
    """An empty queue, or a job that has just come, is nothing worth keeping; that the job was done is."""
    it = Watched()
    assert it.sees(0, 0) == {}
    assert it.sees(5, 1) == {}
    assert it.sees(5, 0, 1) == {}
    assert isinstance(it.state.kind, EconomicState)
    assert it.state.kind.levels, "there is something that could be written"
    assert it.sees(10, 0)["finished"] == 1


@pytest.mark.parametrize("learned", [{"starts": 1}, {"cold_start": 61.0}, {"busy": 1.0}, {"finished": 1.0}])
def test_the_least_that_was_learned_is_kept(learned: dict[str, Any]) -> None:
    """Each number by itself."""
    state = EconomicState(**learned)
    assert ECONOMIC.restore(ECONOMIC.save(state)) == state
