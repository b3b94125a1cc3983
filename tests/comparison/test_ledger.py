"""
The ledger: what became of each job, from looks at its queue.
"""

from __future__ import annotations

import pytest

from loadgen.live.brokers.base import Delivery
from loadgen.live.brokers.redis_list import _labelled
from loadgen.live.jobs import Job
from tests.comparison.ledger import Ledger, hands


def test_a_job_that_is_done_waited_for_all_that_was_not_its_work() -> None:
    """Sent at 10, done at 25 with five seconds of work: it waited ten seconds, in one pair of hands."""
    ledger = Ledger()
    ledger.sent("a", 10.0, 5.0)
    ledger.looked(19.0, [("token", "a")], {})
    assert not ledger.all_done()
    ledger.looked(25.0, [], {"a": 1})
    assert ledger.all_done()
    (record,) = ledger.records()
    assert (record.wait, record.cut_off, record.times) == (10.0, 0, 1)


def test_a_second_token_is_a_job_cut_off() -> None:
    """A job that is seen in other hands was taken from the first ones; seen again in the same, it was not."""
    ledger = Ledger()
    for job in ("a", "b"):
        ledger.sent(job, 0.0, 5.0)
    ledger.looked(1.0, [("first", "a"), ("third", "b")], {})
    ledger.looked(2.0, [("first", "a"), ("third", "b")], {})
    ledger.looked(3.0, [("third", "b")], {})
    ledger.looked(9.0, [("second", "a")], {"b": 1})
    assert [record.cut_off for record in ledger.records()] == [1, 0]


def test_done_is_when_it_was_first_seen_done() -> None:
    """Later looks at the books move nothing, and tell of a job that was done again."""
    ledger = Ledger()
    ledger.sent("a", 0.0, 1.0)
    ledger.looked(4.0, [], {"a": 1})
    ledger.looked(8.0, [], {"a": 2})
    (record,) = ledger.records()
    assert (record.done, record.times) == (4.0, 2)


def test_a_job_never_waits_for_less_than_nothing() -> None:
    """A job whose work took a little less than it said did not wait, and is no gain."""
    ledger = Ledger()
    ledger.sent("a", 0.0, 5.0)
    ledger.looked(4.9, [], {"a": 1})
    assert ledger.records()[0].wait == 0.0


def test_jobs_of_others_are_nobodys() -> None:
    """What lies on the queue and was not sent here is not counted."""
    ledger = Ledger()
    ledger.looked(1.0, [("token", "foreign")], {"other": 1})
    assert ledger.records() == ()


@pytest.mark.parametrize("sent", [1, 3])
def test_records_come_in_the_order_of_sending(sent: int) -> None:
    """The first that was sent is the first that is told."""
    ledger = Ledger()
    for number in range(sent):
        ledger.sent(f"job-{number}", float(number), 1.0)
    assert [record.sent for record in ledger.records()] == [float(number) for number in range(sent)]


def test_a_worker_marks_what_it_holds() -> None:
    """The marks are those that the lab's worker makes; an entry on its way to one is in nobody's hands."""
    token, body = "0123456789abcdef" * 2, Job("a job", 3.0, 1.0).body
    held = _labelled(Delivery(token, body)).decode()
    assert hands([held, body.decode()]) == [(token, "a job")]
