"""
Policy kinds: the part of a decision that differs from kind to kind, and the table of all kinds.

A kind sees only known readings. Unknown ones, GPU holds, loading and the bounds stand above every kind (`decide.py`).
To add a kind: one module with its frozen parameters, its frozen state and an object of the shape `Kind`; one line in
`KINDS`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from scaler.domain.economic.kind import ECONOMIC
from scaler.domain.economic.params import EconomicParams
from scaler.domain.outlook import Outlook, Proposal
from scaler.domain.target import TARGET, TargetParams


class Kind(Protocol):
    """
    What a policy kind must be able to do. Parameters and state are its own types.

    Attributes:
        name: the kind's name, for people and in files.
    """

    name: str

    def propose(self, params: Any, outlook: Outlook, state: Any, now: float) -> Proposal:
        """
        Return the replicas that the kind wants (0: nothing of its own speaks against idling), why, and its next state.

        *state* is None at first sight.
        """
        ...

    def interrupted(self, state: Any) -> Any:
        """
        Return the state after readings were unknown: unknown time is never quiet time.
        """
        ...

    def save(self, state: Any) -> Mapping[str, Any]:
        """
        Return what was learned and should outlive a restart, as plain data for JSON; nothing where nothing is learned.
        """
        ...

    def restore(self, data: Mapping[str, Any]) -> Any:
        """
        Return a state that goes on from what was learned before.

        Raises:
            ValueError: this is not what `save` returns; the message says what is wrong with it.
        """
        ...


KINDS: Mapping[type, Kind] = {TargetParams: TARGET, EconomicParams: ECONOMIC}
"""The kinds, by the type of their parameters."""
