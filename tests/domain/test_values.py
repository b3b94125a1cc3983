"""
Values that cannot be: whoever makes one is told so at once, and nothing impossible reaches a decision.
"""

from __future__ import annotations

from collections.abc import Callable
from math import inf, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scaler.domain.policy import Holds, Policy, SignalRule
from scaler.domain.readings import (
    Absent,
    BySignal,
    GpuUse,
    Known,
    Observation,
    PodUse,
    QueueDepth,
    RequestRate,
    Signal,
    Unknown,
)
from scaler.domain.replicas import whole_replicas
from scaler.domain.state import NEVER_SEEN
from scaler.domain.target import TargetParams

QUEUE = {Signal.QUEUE: SignalRule(target=1)}


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda: QueueDepth(-1), id="fewer than no jobs"),
        pytest.param(lambda: QueueDepth(1, -1), id="fewer than none in flight"),
        *(pytest.param(lambda rate=rate: RequestRate(rate), id=f"{rate}/s") for rate in (nan, inf, -inf, -0.1)),
        *(pytest.param(lambda use=use: PodUse("a-0", use), id=f"{use} %") for use in (nan, inf, -1.0)),
        pytest.param(lambda: GpuUse(()), id="GPUs of no pod"),
        *(
            pytest.param(lambda target=target: SignalRule(target), id=f"target {target}")
            for target in (0, -1, nan, inf)
        ),
        pytest.param(lambda: SignalRule(1, on=1, off=2), id="off above on"),
        pytest.param(lambda: SignalRule(1, on=0, off=-1), id="off below nothing"),
        pytest.param(lambda: SignalRule(1, on=nan), id="on above what is no number"),
        pytest.param(lambda: SignalRule(1, on=inf), id="never on"),
        *(pytest.param(lambda s=s: SignalRule(1, freshness=s), id=f"fresh for {s} s") for s in (0, -1, nan, inf)),
        *(pytest.param(lambda s=s: Holds(gpu=s), id=f"held for {s} s") for s in (-1, nan, inf)),
        pytest.param(lambda: Holds(unknown=inf), id="unknown without a bound"),
        pytest.param(lambda: Holds(loading=inf), id="loading without a bound"),
        *(pytest.param(lambda s=s: TargetParams(idle_window=s), id=f"window {s}") for s in (-1, nan, inf)),
        pytest.param(lambda: TargetParams(stabilization=inf), id="stable for ever"),
        pytest.param(lambda: Policy(rules={}), id="no signal"),
        pytest.param(lambda: Policy(rules={Signal.GPU: SignalRule(80)}), id="a GPU alone"),
        pytest.param(lambda: Policy(rules=QUEUE, minimum=3, maximum=2), id="bounds that cross"),
        pytest.param(lambda: Policy(rules=QUEUE, minimum=-1), id="negative minimum"),
        pytest.param(lambda: Policy(rules=QUEUE, maximum=0), id="nothing allowed"),
    ],
)
def test_what_cannot_be_is_refused(make: Callable[[], object]) -> None:
    """
    NaN, infinities, negative numbers, and rules without an end.
    """
    with pytest.raises(ValueError, match=r"must|cannot|needs"):
        make()


KNOWN = Known(QueueDepth(1), at=100.0)
DOWN = Unknown("it is down", since=110.0)


@pytest.mark.parametrize(
    ("observation", "now", "reading"),
    [
        pytest.param(Observation(), 100.0, Unknown("not read yet", 100.0), id="never read"),
        pytest.param(Observation(None, DOWN), 120.0, DOWN, id="never good"),
        pytest.param(Observation(KNOWN), 129.9, KNOWN, id="good for its freshness"),
        pytest.param(Observation(KNOWN, DOWN), 129.9, KNOWN, id="whatever happened since"),
        pytest.param(Observation(Absent(100.0)), 129.9, Absent(100.0), id="no series is a reading too"),
        pytest.param(Observation(KNOWN), 130.0, Unknown("no reading for more than 30 s", 130.0), id="then it is not"),
        pytest.param(Observation(KNOWN, DOWN), 130.0, Unknown("it is down", 130.0), id="and the trouble is the cause"),
    ],
)
def test_a_sample_stays_good_for_its_freshness(observation: Observation, now: float, reading: object) -> None:
    """
    Then it is unknown, since that moment, for the reason that there is.
    """
    assert observation.reading(30.0, now) == reading


@pytest.mark.parametrize(
    ("load", "replicas"),
    [(0.0, 0), (1e-12, 1), (0.3, 1), (1.0, 1), (0.1 * 3 / 0.1, 3), (3.001, 4), (1e12, 10**12)],
)
def test_a_load_is_rounded_up_to_whole_replicas(load: float, replicas: int) -> None:
    """
    However little it is, and whatever floats add to it.
    """
    assert whole_replicas(load) == replicas


@given(st.lists(st.tuples(st.sampled_from(Signal), st.integers() | st.none()), max_size=8))
def test_what_is_held_by_signal_is_the_mapping_that_it_looks_like(steps: list[tuple[Signal, int | None]]) -> None:
    """
    Whatever is put in and taken out (None), it tells the same as a dict, in the order of the signals.
    """
    ours: BySignal[int] = BySignal()
    theirs: dict[Signal, int] = {}
    for signal, number in steps:
        if number is None:
            assert ours.pop(signal, None) == theirs.pop(signal, None)
        else:
            ours[signal] = theirs[signal] = number
        assert ours == theirs == BySignal(theirs)
        assert list(ours) == [each for each in Signal if each in theirs]
        assert [each in ours for each in Signal] == [each in theirs for each in Signal]
        assert [ours.get(each) for each in Signal] == [theirs.get(each) for each in Signal]
        assert len(ours) == len(theirs)
    with pytest.raises(KeyError):
        BySignal[int]()[Signal.GPU]
    assert repr(BySignal({Signal.GPU: 1})) == "BySignal({<Signal.GPU: 'gpu'>: 1})"


def test_a_state_that_does_not_change_is_the_same() -> None:
    """
    So that thousands who sleep on share it.
    """
    assert NEVER_SEEN.having(replicas=0, held_since=None) is NEVER_SEEN
    changed = NEVER_SEEN.having(replicas=2, since=1.0)
    assert (changed.replicas, changed.since, NEVER_SEEN.replicas) == (2, 1.0, 0)
