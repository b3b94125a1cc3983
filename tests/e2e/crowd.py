"""
Idle ScaledObjects by the hundred: those that are woken one by one, and two hundred that are woken at once.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from typing import Any

from tests.e2e import plain
from tests.e2e.kubectl import eventually, get
from tests.e2e.names import AGENTS
from tests.e2e.queues import ListQueue, Queue, RabbitQueue, StreamQueue
from tests.e2e.stage import Stage

_SEEN_WITHIN = 400.0
_PORTION = 6
_APART = 3.5
"""Seconds between so many and the next: about KEDA's own pace, so that what others put up meanwhile does not wait."""

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
        self._coming = threading.Thread(target=self._put_up, daemon=True)
        self._going = threading.Thread(target=self._take_down, daemon=True)

    def come(self) -> None:
        """
        Begin to put them up, and return at once.
        """
        self._coming.start()

    def leave(self) -> None:
        """
        Begin to take them down, and return at once.
        """
        if not self._going.ident:
            self._going.start()

    def gone(self) -> None:
        """
        Return when they are gone.
        """
        self.leave()
        self._going.join()
        if self._trouble is not None:
            raise self._trouble

    def group(self, name: str) -> Sequence[Queue]:
        """
        Return the queues of a group, once KEDA has seen all of its ScaledObjects.
        """
        self._coming.join()
        if self._trouble is not None:
            raise self._trouble
        eventually(f"KEDA has seen all of {name}", lambda: _seen(name) == _SIZES[name], _SEEN_WITHIN)
        return self._groups[name]

    def _put_up(self) -> None:
        try:
            plain.put_up([plain.redis_authentication()])
            for group, size in _SIZES.items():
                kind = _QUEUES.get(group, ListQueue)
                self._groups[group] = queues = [kind(self._stage, name) for name in plain.numbered(group, size)]
                for some in _portions(queues):
                    plain.put_up(_objects(group, some))
                    time.sleep(_APART)
        except Exception as error:  # noqa: BLE001 - it is told to who asks for a group
            self._trouble = error

    def _take_down(self) -> None:
        self._coming.join()
        try:
            for queues in self._groups.values():
                for some in _portions(queues):
                    plain.remove([queue.name for queue in some])
        except Exception as error:  # noqa: BLE001 - it is told to who waits for it
            self._trouble = error


def _portions(queues: Sequence[Queue]) -> Iterator[Sequence[Queue]]:
    return (queues[at : at + _PORTION] for at in range(0, len(queues), _PORTION))


def _objects(group: str, queues: Sequence[Queue]) -> Iterator[dict[str, Any]]:
    for queue in queues:
        trigger = _trigger(group, queue.name)
        yield plain.deployment(queue.name, group)
        yield plain.scaled_object(queue.name, group, trigger, pollingInterval=30, cooldownPeriod=90)


def _trigger(group: str, name: str) -> dict[str, Any]:
    match group:
        case "wake-stock":
            return plain.stock_list(name)
        case "wake-rabbit":
            return plain.ours("plain-rabbitmq", queue=name)
        case "wake-stream":
            return plain.ours("plain", queue=name, queueType="stream", queueGroup="agents")
        case _:
            return plain.ours("plain", queue=name)


def _seen(group: str) -> int:
    listed = get("scaledobjects.keda.sh", "-n", AGENTS, "-l", f"{plain.LABEL}={group}")["items"]
    return sum(bool(each.get("status", {}).get("externalMetricNames")) for each in listed)
