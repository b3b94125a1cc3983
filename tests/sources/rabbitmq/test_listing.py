"""
What a row of the management API's listing says of a queue.
"""

from __future__ import annotations

from typing import Any

import pytest

from scaler.sources.rabbitmq.management import Counts, Listing


def counts(**row: Any) -> object:
    """
    Return what is known of the queue `jobs` with this row in a listing that was asked for at 100.
    """
    return Listing("/", asked=100, rows={"jobs": row}).counts("jobs")


@pytest.mark.parametrize(
    ("kind", "since"), [("classic", 100), ("quorum", 95), ("delayed", 95)], ids=["classic", "quorum", "of the future"]
)
def test_counts_are_as_old_as_their_kind_makes_them(kind: str, since: float) -> None:
    """
    A classic queue counts when it is asked; of the others that is not known, so they may be a tick older.
    """
    row = {"type": kind, "state": "running", "messages_ready": 3, "messages_unacknowledged": 2}
    assert counts(**row) == Counts(3, 2, since)


@pytest.mark.parametrize("state", ["running", "idle", "flow"])
def test_a_queue_in_service_is_known(state: str) -> None:
    """
    These states are said of queues that work.
    """
    assert counts(type="classic", state=state, messages_ready=0, messages_unacknowledged=0) == Counts(0, 0, 100)


@pytest.mark.parametrize(
    ("row", "cause"),
    [
        ({"state": "down", "messages_ready": 0, "messages_unacknowledged": 0}, "is down"),
        ({"state": "of confusion", "messages_ready": 0, "messages_unacknowledged": 0}, "is of confusion"),
        ({"state": ["syncing", 7], "messages_ready": 0, "messages_unacknowledged": 0}, "syncing"),
        ({"type": "stream", "state": "running", "messages_ready": 0, "messages_unacknowledged": 0}, "is a stream"),
        ({"state": "running"}, "no counts"),
        ({"state": "running", "messages_ready": 0}, "no counts"),
        ({"state": "running", "messages_ready": -1, "messages_unacknowledged": 0}, "no counts"),
        ({"state": "running", "messages_ready": "7", "messages_unacknowledged": 0}, "no counts"),
        ({"state": "running", "messages_ready": 0.5, "messages_unacknowledged": 0}, "no counts"),
    ],
)
def test_what_cannot_be_believed_is_unknown(row: dict[str, Any], cause: str) -> None:
    """
    A queue out of service, in a state nobody has heard of, or without whole counts is unknown and says why.
    """
    assert cause in str(counts(**row))
