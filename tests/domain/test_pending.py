"""
First sight while the cluster has not been seen yet: nobody is stopped by it, and nobody waits for it who has work.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from scaler.domain.decision import Phase, Reason, Verdict
from scaler.domain.forecast import forecast
from scaler.domain.policy import Holds
from scaler.domain.readings import Known, Observation, QueueDepth, Signal
from scaler.domain.state import NEVER_SEEN
from tests.domain.story import QUEUE, QUEUE_AND_GPU, QUEUE_ONLY, Story

MINUTE = 60.0

SENTENCE = (
    "nothing can be decided: it is not known yet whether pods are there (its pods were not listed yet); what is known "
    "decides in 2 min if that does not change"
)


def test_quiet_is_not_idle_before_it_is_known_whether_pods_are_there() -> None:
    """
    All is read and quiet: nothing is said, and why; pods that load are seen a minute later, and stay.
    """
    story = Story(QUEUE_ONLY).queue(0, None).pending().expect(Verdict.UNKNOWN, reason=Reason.UNKNOWN)
    assert story.decision is not None
    assert story.decision.sentence == SENTENCE
    story.passes(MINUTE).expect(Verdict.UNKNOWN).pods(False, False).passes(0)
    story.expect(Verdict.ACTIVE, phase=Phase.HOLDING, reason=Reason.LOADING, replicas=2)


def test_without_pods_it_is_idle_as_soon_as_that_is_known() -> None:
    """
    Nobody is woken by a restart.
    """
    story = Story(QUEUE_ONLY).queue(0, None).pending().expect(Verdict.UNKNOWN).pods().passes(0)
    story.expect(Verdict.INACTIVE, phase=Phase.IDLE)


def test_it_is_waited_for_no_longer_than_for_what_is_unknown() -> None:
    """
    After two minutes the readings decide alone, as where nobody may look, and from then on nothing is waited for.
    """
    story = Story(QUEUE_ONLY).queue(0, None).pending().passes(119).expect(Verdict.UNKNOWN)
    story.passes(1).expect(Verdict.INACTIVE, phase=Phase.IDLE).passes(MINUTE).expect(Verdict.INACTIVE)
    assert {decision.verdict for decision in story.decisions} == {Verdict.UNKNOWN, Verdict.INACTIVE}
    Story(replace(QUEUE_ONLY, holds=Holds(unknown=0))).queue(0, None).pending().expect(Verdict.INACTIVE)


def test_the_end_of_that_wait_is_a_time_to_look_again() -> None:
    """
    Whether or not anything is read then.
    """
    rules = {Signal.QUEUE: replace(QUEUE, freshness=600)}
    story = Story(replace(QUEUE_ONLY, rules=rules)).queue(0, None).pending().expect(Verdict.UNKNOWN)
    assert story.decision is not None
    assert story.decision.recheck_at == story.now + 120


def test_work_waits_for_no_pods() -> None:
    """
    Jobs wake at once, at first sight and during the wait, and so does all else that is known to need replicas.
    """
    Story(QUEUE_ONLY).queue(4, None).pending().expect(Verdict.ACTIVE, phase=Phase.WAKING, replicas=2)
    story = Story(QUEUE_ONLY).queue(0, None).pending().passes(30).expect(Verdict.UNKNOWN)
    story.queue(4, None).passes(5).expect(Verdict.ACTIVE, phase=Phase.WAKING, replicas=2)
    Story(replace(QUEUE_ONLY, minimum=1)).queue(0, None).pending().expect(Verdict.ACTIVE, reason=Reason.MINIMUM)
    Story(QUEUE_AND_GPU).queue(0).gpu(0, 0).pending().expect(Verdict.ACTIVE, reason=Reason.IDLE_WINDOW, replicas=2)


@pytest.mark.parametrize("waiting", [0, 4])
def test_later_nothing_waits_for_what_is_not_seen(waiting: int) -> None:
    """
    Once it was decided, what is lost from sight changes nothing: idle stays idle, and work is work.
    """
    plain = Story(QUEUE_ONLY).queue(waiting, None).expect().passes(5)
    story = Story(QUEUE_ONLY).queue(waiting, None).expect().pending().passes(5)
    assert story.decisions == plain.decisions


def test_the_forecast_tells_what_comes_of_it() -> None:
    """
    Idle, when the wait is over.
    """
    seen = {Signal.QUEUE: Observation(Known(QueueDepth(0), 0.0))}
    coming = forecast(QUEUE_ONLY, seen, NEVER_SEEN, 0.0, None, "its pods were not listed yet")
    assert coming is not None
    assert (coming.at, coming.decision.phase) == (120, Phase.IDLE)
