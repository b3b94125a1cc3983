"""
How things are said: tables of what people read.
"""

from __future__ import annotations

import pytest

from scaler.domain.decision import Want
from scaler.domain.readings import (
    Absent,
    GpuUse,
    Known,
    PodUse,
    QueueDepth,
    Reading,
    RequestRate,
    Signal,
    Unknown,
    Value,
)
from scaler.domain.wording import duration, leading_want, number, quiet_text, replicas_text, unknown_text, value_text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (0.0001, "1 ms"),
        (0.25, "250 ms"),
        (0.9994, "999 ms"),
        (0.9996, "1 s"),
        (1.5, "1.5 s"),
        (9.96, "10 s"),
        (12.4, "12 s"),
        (59.6, "1 min"),
        (60, "1 min"),
        (130, "2 min 10 s"),
        (3599.6, "1 h"),
        (11100, "3 h 5 min"),
        (2592000, "720 h"),
    ],
)
def test_durations_have_two_units_at_most(seconds: float, text: str) -> None:
    """
    And never 60 of one, nor none of anything that lasts.
    """
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (5.0, "5"), (4.75, "4.75"), (0.1, "0.1"), (100, "100"), (0.01, "0.01"), (0.004, "less than 0.01")],
)
def test_numbers_say_no_more_than_needed(value: float, text: str) -> None:
    """
    And never that something is nothing.
    """
    assert number(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (QueueDepth(7), "7 waiting"),
        (QueueDepth(7, 0), "7 waiting and 0 in flight"),
        (RequestRate(12.5), "12.5/s"),
        (GpuUse((PodUse("a-0", 95.0),)), "95 % on 1 pod"),
        (GpuUse((PodUse("a-0", 95.0), PodUse("a-0", 5.0), PodUse("a-1", 50.0))), "150 % on 2 pods"),
    ],
)
def test_values_are_said_with_their_units(value: Value, text: str) -> None:
    """
    A pod with two GPUs is one pod.
    """
    assert value_text(value) == text


def test_one_replica_is_one() -> None:
    """
    0 and 2 are not.
    """
    assert [replicas_text(count) for count in (0, 1, 2)] == ["0 replicas", "1 replica", "2 replicas"]


def want(signal: Signal, reading: Reading, target: float = 3.0, replicas: float | None = 0.0) -> Want:
    """
    Return a signal's part in a decision.
    """
    return Want(signal, reading, target, replicas)


def queue(waiting: int, replicas: float = 0.0) -> Want:
    """
    Return a queue's part.
    """
    return want(Signal.QUEUE, Known(QueueDepth(waiting), 1.0), replicas=replicas)


def requests(per_second: float, replicas: float = 0.0) -> Want:
    """
    Return the requests' part.
    """
    return want(Signal.REQUESTS, Known(RequestRate(per_second), 1.0), 5.0, replicas)


DOWN = Unknown("it is down", 1.0)
GPU = want(Signal.GPU, Known(GpuUse((PodUse("a-0", 95.0),)), 1.0), 80.0, 1.1875)


@pytest.mark.parametrize(
    ("wants", "text"),
    [
        ([queue(0), requests(0), GPU], "there is no work"),
        ([queue(0), want(Signal.GPU, DOWN)], "there is no work"),
        ([queue(0), want(Signal.REQUESTS, DOWN)], "there is no known work"),
        ([queue(0), want(Signal.REQUESTS, Absent(1.0))], "there is no work"),
        ([queue(2)], "there is not enough work to be awake for (queue has 2 waiting)"),
        ([queue(500), requests(0)],
         "there is not enough work to be awake for (queue has 500 waiting, requests has 0/s)"),
    ],
)  # fmt: skip
def test_quiet_claims_no_more_than_is_known(wants: list[Want], text: str) -> None:
    """
    Some work below the thresholds is not no work, and unknown is not none.
    """
    assert quiet_text(wants) == text


@pytest.mark.parametrize(
    ("wants", "text"),
    [
        ([queue(7, 3.0)], "queue has 7 waiting at 3 per replica, which wants 3"),
        ([queue(7, 3.0), requests(22, 5.0), GPU],
         "requests has 22/s at 5/s per replica, which wants 5; queue wants 3, gpu wants 1.19"),
        ([queue(0), requests(1, 1.0), want(Signal.GPU, DOWN, replicas=None)],
         "requests has 1/s at 5/s per replica, which wants 1"),
        ([GPU], "gpu has 95 % on 1 pod at 80 % per replica, which wants 1.19"),
        ([queue(0)], "no signal asks for more"),
    ],
)  # fmt: skip
def test_the_signal_that_wants_most_is_said_first(wants: list[Want], text: str) -> None:
    """
    With its target; what wants nothing, or is unknown, is not mentioned.
    """
    assert leading_want(wants) == text


def test_every_unknown_is_named_with_its_cause() -> None:
    """
    And what is known is not.
    """
    wants = [queue(1), want(Signal.REQUESTS, DOWN), want(Signal.GPU, Unknown("not read yet", 1.0))]
    assert unknown_text(wants) == "requests is unknown (it is down); gpu is unknown (not read yet)"
