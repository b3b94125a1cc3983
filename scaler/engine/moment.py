"""
Moments: what is decided at one time about many workloads.
"""

from __future__ import annotations

from scaler.domain.decide import decide
from scaler.domain.decision import Decision
from scaler.domain.observed import Observed
from scaler.domain.policy import Policy
from scaler.domain.signals import Observations
from scaler.domain.state import State


class Moment:
    """
    One time, and what was decided at it.

    A decision follows from nothing but its policy, readings, state and time. So workloads that are alike in these are
    decided about once, and share the decision and the state: of ten thousand workloads most sleep, and are alike.
    """

    def __init__(self, now: float) -> None:
        self.now = now
        self._decided: dict[tuple[object, ...], tuple[Policy, Decision, State]] = {}

    def decide(
        self, policy: Policy, seen: Observations, state: State, observed: Observed | None = None, pending: str = ""
    ) -> tuple[Decision, State]:
        """
        Return the decision and the next state, as `decide` does.
        """
        alike = (id(policy), *seen.items(), state, observed, pending)
        if alike not in self._decided:
            decision, after = decide(policy, seen, state, self.now, observed, pending)
            self._decided[alike] = policy, decision, after  # the policy, too: its place must not become another's
        _, decision, after = self._decided[alike]
        return decision, after
