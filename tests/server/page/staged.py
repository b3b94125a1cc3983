"""
An eventful history: woken, at work, held by a GPU, let go, woken again, an outage, back at work.
"""

from __future__ import annotations

from scaler.domain.decision import Phase, Reason, Verdict
from scaler.domain.readings import Signal
from scaler.engine.views import Change, HistoryView, Sample
from tests.server.showing import NOW

_BUSY = "keeping 4 replicas for another 30 min at most: there is no work, but a GPU is busy (95 % on 1 pod)"
_HELD = (
    "keeping 3 replicas as decided before, for another 2 min at most: queue is unknown (redis-main refuses the "
    "connection)"
)
_NOTHING = "nothing can be decided: queue is unknown (redis-main refuses the connection)"

CHANGES = (
    Change(NOW - 900, Verdict.INACTIVE, Phase.IDLE, 0, Reason.QUIET, "there is no work yet"),
    Change(NOW - 800, Verdict.ACTIVE, Phase.WAKING, 4, Reason.DEMAND, "4 replicas wanted: queue has 12 waiting"),
    Change(NOW - 700, Verdict.ACTIVE, Phase.ACTIVE, 4, Reason.DEMAND, "4 replicas wanted: gpu wants 4"),
    Change(NOW - 600, Verdict.ACTIVE, Phase.HOLDING, 4, Reason.GPU_BUSY, _BUSY),
    Change(NOW - 500, Verdict.INACTIVE, Phase.IDLE, 0, Reason.QUIET, "there is no work"),
    Change(NOW - 400, Verdict.ACTIVE, Phase.ACTIVE, 3, Reason.DEMAND, "3 replicas wanted"),
    Change(NOW - 300, Verdict.ACTIVE, Phase.HOLDING, 3, Reason.HELD_UNKNOWN, _HELD),
    Change(NOW - 180, Verdict.UNKNOWN, Phase.HOLDING, 0, Reason.UNKNOWN, _NOTHING),
    Change(NOW - 90, Verdict.ACTIVE, Phase.ACTIVE, 3, Reason.DEMAND, "3 replicas wanted"),
)

SAMPLES = (
    Sample(NOW - 900, {Signal.QUEUE: 0.0, Signal.GPU: 0.0}, frozenset(), 0),
    Sample(NOW - 800, {Signal.QUEUE: 12.0, Signal.GPU: 0.0}, frozenset(), 4),
    Sample(NOW - 700, {Signal.QUEUE: 8.0, Signal.GPU: 380.0}, frozenset(), 4),
    Sample(NOW - 600, {Signal.QUEUE: 0.0, Signal.GPU: 95.0}, frozenset(), 4),
    Sample(NOW - 500, {Signal.QUEUE: 0.0, Signal.GPU: 0.0}, frozenset(), 0),
    Sample(NOW - 400, {Signal.QUEUE: 9.0, Signal.GPU: 180.0}, frozenset(), 3),
    Sample(NOW - 300, {Signal.GPU: 190.0}, frozenset({Signal.QUEUE}), 3),
    Sample(NOW - 90, {Signal.QUEUE: 7.0, Signal.GPU: 170.0}, frozenset(), 3),
)

EVENTFUL = HistoryView(NOW - 900, CHANGES, SAMPLES)
