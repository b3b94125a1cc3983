"""
What operators and tenants change while everything runs, and the mistakes they make.
"""

from __future__ import annotations

import json
import ssl
from collections.abc import Callable, Generator
from copy import deepcopy
from typing import Any

import pytest

from tests.e2e import plain
from tests.e2e.agents import POLL
from tests.e2e.kubectl import Forward, events, eventually, get, kubectl
from tests.e2e.names import AGENTS, SYSTEM
from tests.e2e.policies import DOCUMENT
from tests.e2e.queues import ListQueue
from tests.e2e.stage import Stage, note

_GROUP = "config"
_SEEN_WITHIN = 60.0

Make = Callable[..., ListQueue]


@pytest.fixture
def sleeper(stage: Stage) -> Generator[Make]:
    """
    Makes idle ScaledObjects of their own, which KEDA has seen.
    """

    def make(name: str, *, seen: bool = True, spec: dict[str, Any] | None = None, **trigger: str) -> ListQueue:
        queue = ListQueue(stage, name)
        asked = plain.ours("plain", **{"queue": name, **trigger})
        scaled = plain.scaled_object(name, _GROUP, asked, pollingInterval=POLL, cooldownPeriod=3 * POLL, **(spec or {}))
        plain.put_up([plain.deployment(name, _GROUP), scaled])
        if seen:
            eventually(f"KEDA has seen {name}", lambda: plain.seen(name), _SEEN_WITHIN)
        return queue

    yield make
    plain.take_down(_GROUP)


def _configure(document: str) -> None:
    """
    Put a document into the ConfigMap, past the chart, which would refuse a wrong one.
    """
    patch = json.dumps({"data": {"config.yaml": document}})
    kubectl("-n", SYSTEM, "patch", "configmap", "agent-scaler", "--type=merge", f"-p={patch}")


def _pod() -> tuple[str, int]:
    """
    Return the scaler's pod, and how often it was started anew.
    """
    (pod,) = get("pods", "-n", SYSTEM, "-l", "app.kubernetes.io/name=agent-scaler")["items"]
    return pod["metadata"]["uid"], pod["status"]["containerStatuses"][0]["restartCount"]


def test_a_changed_document_takes_effect_without_a_restart(stage: Stage, sleeper: Make) -> None:
    """Changed, broken, restored: what is valid is in force at once, what is not is refused and shown."""
    queue = sleeper("changes")
    before = _pod()
    queue.push(1.0, 3)
    stage.says(queue.name, "3 replicas wanted", 20, replicas=3)

    changed = deepcopy(DOCUMENT)
    changed["policies"]["plain"]["queue"]["target"] = 3
    _configure(json.dumps(changed))
    stage.sync()
    stage.says(queue.name, "", 90, replicas=1)

    _configure(json.dumps(changed | {"polices": {}}))
    stage.sync()
    eventually("the refusal is shown", lambda: "polices" in stage.scaler_page("/readyz"), 90)
    assert "did you mean" in stage.scaler_page("/readyz")
    assert stage.explained(queue.name)["replicas"] == 1

    _configure(json.dumps(DOCUMENT))
    stage.sync()
    eventually("the refusal is over", lambda: stage.scaler_page("/readyz").strip() == "ready", 90)
    stage.says(queue.name, "", 90, replicas=3)
    assert _pod() == before


def test_a_wrong_key_is_named_where_people_look(sleeper: Make) -> None:
    """A ScaledObject with a mistyped key: an event on it names the key, and the one that was meant."""
    queue = sleeper("mistyped", seen=False, queueTraget="2")

    def told() -> bool:
        messages = [event["message"] for event in events(AGENTS, queue.name)]
        return any("queueTraget" in message and "queueTarget" in message for message in messages)

    eventually("an event names the key", told, 60)


def test_paused_means_paused(stage: Stage, sleeper: Make) -> None:
    """A paused ScaledObject is not woken; as soon as it is no longer paused, it is."""
    queue = sleeper("paused")
    annotation = "autoscaling.keda.sh/paused"
    kubectl("-n", AGENTS, "annotate", "scaledobject", queue.name, f"{annotation}=true")
    eventually("KEDA has paused it", lambda: _condition(queue.name, "Paused") == "True", 30)
    pushed = queue.push(1.0)
    stage.says(queue.name, "1 replica wanted", 20)
    assert stage.history.lowest(AGENTS, queue.name, pushed) == 0
    kubectl("-n", AGENTS, "annotate", "scaledobject", queue.name, f"{annotation}-")
    stage.history.replicas(AGENTS, queue.name, 1, 30, since=pushed)


def test_the_plain_trigger_wakes_at_the_next_poll(stage: Stage, sleeper: Make) -> None:
    """`type: external`, which cannot be pushed to, and a push trigger beside it: both wake."""
    polled, pushed = sleeper("polled", type="external"), sleeper("pushed")
    at = pushed.push(1.0)
    stage.history.replicas(AGENTS, pushed.name, 1, 3, since=at)
    at = polled.push(1.0)
    woken = stage.history.replicas(AGENTS, polled.name, 1, POLL + 3, since=at)
    note(f"a trigger of type external woke after {woken.at - at:.1f} s (poll {POLL} s)")


def test_a_rotated_certificate_is_taken_up(stage: Stage, sleeper: Make) -> None:
    """A new certificate of the same authority is served without a restart, and KEDA goes on."""
    queue, before = sleeper("rotated"), _pod()
    forward = Forward(SYSTEM, "deploy/agent-scaler", 6000)
    new = stage.trust()
    stage.sync()
    try:
        eventually("the new certificate is served", lambda: _served(forward).split() == new.split(), 90)
    finally:
        forward.close()
    at = queue.push(1.0)
    stage.history.replicas(AGENTS, queue.name, 1, 3, since=at)
    later = sleeper("rotated-later")
    at = later.push(1.0)
    stage.history.replicas(AGENTS, later.name, 1, 3, since=at)
    assert _pod() == before


def _served(forward: Forward) -> str:
    return ssl.get_server_certificate(("127.0.0.1", forward.port), timeout=5)


def _condition(name: str, kind: str) -> str:
    told = get("scaledobjects.keda.sh", "-n", AGENTS, name)
    return next((each["status"] for each in told["status"].get("conditions", ()) if each["type"] == kind), "")
