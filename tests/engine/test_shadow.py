"""
Shadow mode: a policy that decides, is recorded and shown, and never reaches KEDA.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest

from scaler.domain.decision import Phase, Reason, Verdict
from scaler.engine.showing import Showing
from scaler.engine.views import ConfigurationView, HistoryView, WorkloadView
from scaler.engine.workload import Caller, MetadataError, UndecidedError
from scaler.settings.document import Document
from tests.engine.installation import CONFIGURATION, RATE, Installation, caller, installed, jobs, minutes

pytestmark = pytest.mark.looptime

QUEUE = {"connection": "jobs", "type": "list", "target": 3}
RATES = {"connection": "metrics", "query": "sum(rate(requests[1m]))", "target": 5}
WATCHED = caller(policy="new")


def configuration(shadow: dict[str, str] | None, **new: Any) -> dict[str, object]:
    """
    Return a configuration with a policy of three jobs a replica, and a new one of one job a replica.
    """
    policy = {"queue": {**QUEUE, "target": 1}, **new} | ({} if shadow is None else {"shadow": shadow})
    return {**CONFIGURATION, "policies": {"default": {"queue": QUEUE}, "new": policy}}


BESIDE_DEFAULT = configuration({"policy": "default"})


def show(it: Installation) -> tuple[WorkloadView, HistoryView]:
    """
    Return what is shown of the workload, and what happened to it.
    """
    showing = Showing(it.engine, ConfigurationView(loaded_at=0.0, generation=1))
    (view,), (past,) = showing.workload("ai", "agent"), showing.histories("ai", "agent")
    return view, past


async def test_another_policy_answers_while_it_is_watched() -> None:
    """
    Nine jobs: KEDA hears three replicas of `default`; `new` would have nine, and both are shown and remembered.
    """
    async with installed(BESIDE_DEFAULT) as it:
        await it.engine.decision(WATCHED)
        it.queue(9)
        await asyncio.sleep(1)
        decision = await it.engine.decision(WATCHED)
        assert (decision.verdict, decision.replicas) == (Verdict.ACTIVE, 3)
        view, past = show(it)
    assert (view.policy, view.acts, view.decision.replicas) == ("default", True, 3)
    assert view.shadow is not None
    assert (view.shadow.policy, view.shadow.acts, view.shadow.decision.replicas) == ("new", False, 9)
    assert past.shadow is not None
    assert [change.replicas for change in past.changes] == [0, 3]
    assert [change.replicas for change in past.shadow.changes] == [0, 9]


async def test_what_only_the_watched_policy_reads_is_read_too() -> None:
    """
    It uses requests, the other one the queue: each decides on its own readings, and both stop when it is forgotten.
    """
    new = {"requests": RATES}
    policies = {"default": {"queue": {**QUEUE, "name": "jobs"}}, "new": {**new, "shadow": {"policy": "default"}}}
    async with installed({**CONFIGURATION, "policies": policies}) as it:
        it.rate(20)
        assert (await it.engine.decision(Caller("ai", "agent", {"policy": "new"}))).verdict is Verdict.INACTIVE
        await asyncio.sleep(6)
        view, _ = show(it)
        assert view.shadow is not None
        assert (view.decision.replicas, view.shadow.decision.replicas) == (0, 4)
        assert RATE in it.engine.ledger
        await minutes(15)
        assert (len(it.engine.ledger), len(it.engine.roster), len(it.engine.archive)) == (0, 0, 0)


async def test_unavailable_is_what_keda_hears_if_the_operator_says_so() -> None:
    """
    Calls fail whatever is decided, the stream says nothing; the decision is shown as one that does not act.
    """
    async with installed(configuration({"answer": "unavailable"})) as it:
        it.queue(9)
        pushes = it.engine.pushes(WATCHED)
        first = asyncio.ensure_future(anext(pushes))
        await asyncio.sleep(5)
        with pytest.raises(UndecidedError, match="the policy of ai/agent is in shadow mode"):
            await it.engine.decision(WATCHED)
        assert not first.done()
        view, past = show(it)
        assert (view.acts, view.shadow, view.decision.replicas) == (False, None, 9)
        assert past.shadow is None
        it.engine.reconfigure(Document.parse(configuration(None)))
        assert await asyncio.wait_for(first, 2.0)
        assert (await it.engine.decision(WATCHED)).replicas == 9
        await pushes.aclose()


async def test_it_acts_as_soon_as_it_is_no_shadow_any_more_and_back() -> None:
    """
    Three replicas by the other policy; nine once the section is gone; three and a shadow again once it is back.
    """
    async with installed(BESIDE_DEFAULT) as it:
        it.queue(9)
        assert (await it.engine.decision(WATCHED)).replicas == 3
        it.engine.reconfigure(Document.parse(configuration(None)))
        assert (await it.engine.decision(WATCHED)).replicas == 9
        assert show(it)[0].shadow is None
        it.engine.reconfigure(Document.parse(BESIDE_DEFAULT))
        view, _ = show(it)
        assert view.shadow is not None
        assert view.policy == "default"
        assert view.shadow.decision.replicas == 9


async def test_a_new_document_changes_what_is_watched() -> None:
    """
    Another target of the watched policy is another number there, and the same answer for KEDA.
    """
    async with installed(BESIDE_DEFAULT) as it:
        it.queue(9)
        await it.engine.decision(WATCHED)
        changed = configuration({"policy": "default"}, queue={**QUEUE, "target": 0.9})
        it.engine.reconfigure(Document.parse(changed))
        view, _ = show(it)
        assert view.shadow is not None
        assert (view.decision.replicas, view.shadow.decision.replicas) == (3, 10)


async def test_metadata_that_is_refused_ends_what_is_watched_too() -> None:
    """
    Its policy is gone: nothing is asked any more.
    """
    async with installed(BESIDE_DEFAULT) as it:
        await it.engine.decision(WATCHED)
        it.engine.reconfigure(Document.parse({**CONFIGURATION, "policies": {"default": {"queue": QUEUE}}}))
        with pytest.raises(MetadataError, match="there is no policy 'new'"):
            await it.engine.decision(WATCHED)
        view, _ = show(it)
        assert view.shadow is None
        assert jobs() not in it.engine.ledger


async def test_an_outage_is_watched_as_well() -> None:
    """
    Both hold, then neither can say anything.
    """
    async with installed(BESIDE_DEFAULT) as it:
        it.queue(9)
        await it.engine.decision(WATCHED)
        it.sources["jobs"].stop()
        await minutes(1)
        it.engine.accept(WATCHED)
        view, _ = show(it)
        assert view.shadow is not None
        assert [each.decision.phase for each in (view, view.shadow)] == [Phase.HOLDING] * 2
        await minutes(5)
        view, _ = show(it)
        assert view.shadow is not None
        assert [each.decision.reason for each in (view, view.shadow)] == [Reason.UNKNOWN] * 2


async def test_a_watched_decision_is_logged_as_such_and_counted_nowhere(caplog: pytest.LogCaptureFixture) -> None:
    """
    The line says that it is only watched; the counters know the answers alone.
    """
    caplog.set_level(logging.INFO, "scaler.decisions")
    async with installed(BESIDE_DEFAULT) as it:
        it.queue(9)
        await it.engine.decision(WATCHED)
        await asyncio.sleep(1)
        assert it.engine.record.counters().decisions_total == {Reason.DEMAND: 1}
    said = [(record.getMessage(), getattr(record, "shadow", False)) for record in caplog.records]
    assert sorted(shadow for _, shadow in said) == [False, True]
    assert all(("(only watched) waking, 9 wanted" in line) is shadow for line, shadow in said)
