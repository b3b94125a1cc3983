"""
The phases of a workload and how they follow one another: a table, from which the documentation's diagram is drawn.
"""

from __future__ import annotations

from collections.abc import Mapping

from scaler.domain.choice import Choice
from scaler.domain.decision import Phase


class Event(Choice):
    """
    What a decision found.
    """

    WAKE = "replicas are wanted, and none has been seen yet"
    WORK = "replicas are wanted, and they are there"
    HOLD = "there is no known work, and something keeps the replicas"
    REST = "there is no work, and nothing keeps them"


TRANSITIONS: Mapping[Phase | None, Mapping[Event, Phase]] = {
    # First sight: a restart of the scaler, or a new ScaledObject.
    None: {
        Event.WAKE: Phase.WAKING,
        Event.WORK: Phase.ACTIVE,
        Event.HOLD: Phase.HOLDING,
        Event.REST: Phase.IDLE,
    },
    # Always by way of waking, so that what wakes is pushed; what is idle cannot be held.
    Phase.IDLE: {
        Event.WAKE: Phase.WAKING,
        Event.REST: Phase.IDLE,
    },
    Phase.WAKING: {
        Event.WAKE: Phase.WAKING,
        Event.WORK: Phase.ACTIVE,
        Event.HOLD: Phase.HOLDING,
        Event.REST: Phase.IDLE,
    },
    # What is active has been woken already.
    Phase.ACTIVE: {
        Event.WORK: Phase.ACTIVE,
        Event.HOLD: Phase.HOLDING,
        Event.REST: Phase.IDLE,
    },
    Phase.HOLDING: {
        Event.WAKE: Phase.WAKING,
        Event.WORK: Phase.ACTIVE,
        Event.HOLD: Phase.HOLDING,
        Event.REST: Phase.IDLE,
    },
}

AWAKE = frozenset({Phase.WAKING, Phase.ACTIVE, Phase.HOLDING})
"""The phases in which a workload has, or is about to have, replicas."""


def follow(phase: Phase | None, event: Event) -> Phase:
    """
    Return the next phase.

    Raises:
        LookupError: this cannot happen in this phase; our mistake, never the caller's.
    """
    try:
        return TRANSITIONS[phase][event]
    except KeyError:
        raise LookupError(f"{event.name} cannot happen while {phase}") from None
