"""
Events on ScaledObjects: what is worth one, and that nobody is flooded.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from scaler.domain.decision import Decision, Phase, Reason, Verdict
from scaler.observer.fake import FakeCluster
from scaler.observer.herald import News, news
from tests.observer.cluster import observed, scaled_object, target, until

IDLE = Decision(Verdict.INACTIVE, 0, Phase.IDLE, Reason.QUIET, "there is no work", (), 0.0, 0.0, None)
WOKEN = replace(
    IDLE, verdict=Verdict.ACTIVE, replicas=1, phase=Phase.WAKING, reason=Reason.DEMAND, sentence="3 waiting"
)
ACTIVE = replace(WOKEN, phase=Phase.ACTIVE)
HELD = replace(ACTIVE, phase=Phase.HOLDING, reason=Reason.HELD_UNKNOWN, sentence="queue is unknown (refused)")
UNKNOWN = replace(HELD, verdict=Verdict.UNKNOWN, replicas=0, reason=Reason.UNKNOWN, sentence="nothing can be decided")
EXPIRED = replace(IDLE, reason=Reason.GPU_HOLD_EXPIRED, sentence="a busy GPU held it for 30 min")


@pytest.mark.parametrize(
    ("before", "after", "about"),
    [
        pytest.param(IDLE, WOKEN, News.WOKEN, id="woken"),
        pytest.param(ACTIVE, HELD, News.SIGNAL_UNKNOWN, id="held without knowing"),
        pytest.param(HELD, UNKNOWN, News.NOTHING_DECIDED, id="nothing decided"),
        pytest.param(None, UNKNOWN, News.NOTHING_DECIDED, id="nothing decided at first sight"),
        pytest.param(HELD, EXPIRED, News.HOLD_EXPIRED, id="hold expired"),
        pytest.param(None, WOKEN, None, id="a restart is no waking"),
        pytest.param(WOKEN, ACTIVE, None, id="it works"),
        pytest.param(UNKNOWN, replace(UNKNOWN, sentence="another"), None, id="still nothing decided"),
        pytest.param(ACTIVE, IDLE, None, id="it rests"),
    ],
)
def test_what_a_person_should_see_is_news(before: Decision | None, after: Decision, about: News | None) -> None:
    """
    And nothing else is.
    """
    assert news(before, after) is about


class TestWriting:
    """
    Over a real socket.
    """

    async def test_an_event_names_the_scaled_object(self, cluster: FakeCluster, tmp_path: Path) -> None:
        """
        With all that `kubectl describe` finds it by, its kind, and the decision's own sentence.
        """
        await cluster.put("scaledobjects", scaled_object())
        async with observed(cluster, tmp_path, events=True) as it:
            await until(lambda: "no Deployment" in it.missing())
            it.observer.decided("ai", "agent", IDLE, WOKEN)
            await until(lambda: len(cluster.events) == 1)
            (event,) = cluster.events.values()
            assert event["involvedObject"] == {
                "apiVersion": "keda.sh/v1alpha1",
                "kind": "ScaledObject",
                "namespace": "ai",
                "name": "agent",
                "uid": "uid-agent",
            }
            assert (event["reason"], event["type"], event["message"]) == ("Woken", "Normal", "3 waiting")
            assert (event["count"], event["source"]) == (1, {"component": "gpu-agent-scaler"})
            assert event["metadata"]["namespace"] == "ai"

    async def test_one_that_flaps_is_one_event_written_seldom(self, cluster: FakeCluster, tmp_path: Path) -> None:
        """
        A thousand wake-ups at once are one write, with the count and the sentence of the last that is written later.
        """
        await cluster.put("scaledobjects", scaled_object())
        async with observed(cluster, tmp_path, events=True) as it:
            await until(lambda: "no Deployment" in it.missing())
            for number in range(1000):
                it.observer.decided("ai", "agent", IDLE, replace(WOKEN, sentence=f"{number} waiting"))
            await until(lambda: cluster.writes == 1)
            it.observer.decided("ai", "agent", ACTIVE, HELD)  # of another kind, so that it is not held up
            await until(lambda: cluster.writes == 2)
            it.observer.decided("ai", "agent", IDLE, WOKEN)
            it.observer.refused("ai", "agent", "queue: is required")
            await until(lambda: len(cluster.events) == 3)
            assert cluster.writes == 3
            assert {event["reason"]: event["count"] for event in cluster.events.values()} == {
                "Woken": 1000,
                "SignalUnknown": 1,
                "MetadataRefused": 1,
            }

    async def test_a_scaler_after_a_restart_goes_on_with_the_event(self, cluster: FakeCluster, tmp_path: Path) -> None:
        """
        It is the same event, not a second one.
        """
        await cluster.put("scaledobjects", scaled_object())
        for sentence in ("first", "second"):
            async with observed(cluster, tmp_path, events=True) as it:
                await until(lambda: "no Deployment" in it.missing())
                it.observer.decided("ai", "agent", IDLE, replace(WOKEN, sentence=sentence))
                await until(lambda: [each["message"] for each in cluster.events.values()] == [sentence])  # noqa: B023

    async def test_settings_that_hurt_are_told_once_to_who_calls(self, cluster: FakeCluster, tmp_path: Path) -> None:
        """
        One event each, at the first decision; nothing on a ScaledObject that calls another scaler.
        """
        hurt: dict[str, Any] = {"cooldownPeriod": 1, "fallback": {"replicas": 0}}
        await cluster.put("scaledobjects", scaled_object(**hurt))
        await cluster.put("scaledobjects", scaled_object("stranger", **hurt))
        async with observed(cluster, tmp_path, events=True) as it:
            await until(lambda: "no Deployment" in it.missing())
            for _ in range(3):
                it.observer.decided("ai", "agent", IDLE, IDLE)
            await until(lambda: len(cluster.events) == 2)
            it.observer.decided("ai", "agent", IDLE, WOKEN)
            await until(lambda: len(cluster.events) == 3)
            assert cluster.writes == 3
            assert sorted(event["reason"] for event in cluster.events.values()) == ["SettingHurts"] * 2 + ["Woken"]
            assert it.observer.sighting("ai", "agent").warnings[0].startswith("cooldownPeriod is 1 s")

    async def test_what_cannot_be_written_is_logged_once(
        self, cluster: FakeCluster, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        """
        Without the right there is one line, and the observer goes on seeing.
        """
        caplog.set_level(logging.WARNING)
        cluster.forbid("events")
        await cluster.put("scaledobjects", scaled_object())
        await cluster.put("scaledobjects", scaled_object("other"))
        await cluster.put("deployments", target())
        async with observed(cluster, tmp_path, events=True) as it:
            await until(lambda: it.pods() == {})
            for name in ("agent", "other"):
                it.observer.decided("ai", name, IDLE, WOKEN)
            await until(lambda: sum("POST" in each for each in cluster.requests) == 2)
            assert it.pods() == {}
        assert sum("it may not create events" in record.getMessage() for record in caplog.records) == 1
