"""
Idle ScaledObjects by the hundred: those that are woken one by one, and two hundred that are woken at once.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

from tests.e2e import plain
from tests.e2e.kubectl import eventually, get
from tests.e2e.names import AGENTS
from tests.e2e.queues import ListQueue, Queue, RabbitQueue, StreamQueue
from tests.e2e.stage import Stage

_SEEN_WITHIN = 400.0
_SIZES = {"wake-list": 30, "wake-stream": 10, "wake-rabbit": 30, "wake-stock": 30, "many": 200}
_QUEUES: dict[str, type[Queue]] = {"wake-stream": StreamQueue, "wake-rabbit": RabbitQueue}


class Crowd:
    """
    The ScaledObjects, by group.
    """

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._groups: dict[str, Sequence[Queue]] = {}
        self._trouble: Exception | None = None
        self._thread: threading.Thread | None = None

    def begin(self, after: float) -> None:
        """
        Put them up in so many seconds, and return at once.
        """
        self._thread = threading.Timer(after, self._put_up)
        self._thread.daemon = True
        self._thread.start()

    def group(self, name: str) -> Sequence[Queue]:
        """
        Return the queues of a group, once KEDA has seen all of its ScaledObjects.
        """
        assert self._thread is not None, "nothing was begun"
        self._thread.join()
        if self._trouble is not None:
            raise self._trouble
        eventually(f"KEDA has seen all of {name}", lambda: _seen(name) == _SIZES[name], _SEEN_WITHIN)
        return self._groups[name]

    def take_down(self) -> None:
        """
        Remove them all.
        """
        if self._thread is not None:
            self._thread.join()
        for group in self._groups:
            plain.take_down(group)

    def _put_up(self) -> None:
        try:
            plain.put_up([plain.redis_authentication()])
            for group, size in _SIZES.items():
                kind = _QUEUES.get(group, ListQueue)
                self._groups[group] = queues = [kind(self._stage, name) for name in plain.numbered(group, size)]
                plain.put_up(each for queue in queues for each in _objects(group, queue.name))
        except Exception as error:  # noqa: BLE001 - it is told to who asks for a group
            self._trouble = error


def _objects(group: str, name: str) -> Sequence[dict[str, Any]]:
    match group:
        case "wake-stock":
            trigger = plain.stock_list(name)
        case "wake-rabbit":
            trigger = plain.ours("plain-rabbitmq", queue=name)
        case "wake-stream":
            trigger = plain.ours("plain", queue=name, queueType="stream", queueGroup="agents")
        case _:
            trigger = plain.ours("plain", queue=name)
    scaled = plain.scaled_object(name, group, trigger, pollingInterval=30, cooldownPeriod=90)
    return plain.deployment(name, group), scaled


def _seen(group: str) -> int:
    listed = get("scaledobjects.keda.sh", "-n", AGENTS, "-l", f"{plain.LABEL}={group}")["items"]
    return sum(bool(each.get("status", {}).get("externalMetricNames")) for each in listed)
