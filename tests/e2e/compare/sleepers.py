"""
How soon a job wakes an agent under each policy: many ScaledObjects that sleep, each woken once.

All policies at the same time, so that they meet the same cluster; the jobs are spread evenly over KEDA's longest
polling interval, for all these ScaledObjects were made in the same moment and so are polled in the same moment.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from tests.e2e import plain
from tests.e2e.compare.rows import Row
from tests.e2e.kubectl import eventually, get
from tests.e2e.names import AGENTS
from tests.e2e.queues import ListQueue
from tests.e2e.stage import Stage, note

_KNOWN_WITHIN = 120.0
_WOKEN_WITHIN = 90.0


def woken(stage: Stage, rows: Sequence[Row], number: int) -> Mapping[str, Sequence[float]]:
    """
    Return for each policy the seconds from a job to `spec.replicas: 1`, so many times.
    """
    queues = {row.name: [ListQueue(stage, name) for name in plain.numbered(_group(row), number)] for row in rows}
    note(f"putting up {number} sleeping ScaledObjects for each of {', '.join(queues)}")
    try:
        objects = [plain.redis_authentication()]
        for row in rows:
            for queue in queues[row.name]:
                objects += [plain.deployment(queue.name, _group(row)), _scaled_object(row, queue)]
        plain.put_up(objects)
        eventually("KEDA has seen them all", lambda: _known(rows, number), _KNOWN_WITHIN)
        note("waking them")
        return _woken(stage, queues, max(row.settings["pollingInterval"] for row in rows) / number)
    finally:
        for row in rows:
            plain.take_down(_group(row))


def _woken(stage: Stage, queues: Mapping[str, Sequence[ListQueue]], apart: float) -> dict[str, list[float]]:
    pushed: dict[str, float] = {}
    begin = time.monotonic()
    for number, together in enumerate(zip(*queues.values(), strict=True)):
        # Shifted among themselves, so that none is measured while KEDA is busy with another.
        for place, queue in enumerate(together):
            due = begin + (number + place / len(together)) * apart
            time.sleep(max(0.0, due - time.monotonic()))
            pushed[queue.name] = queue.push(1.0)
    return {
        row: [
            stage.history.replicas(AGENTS, queue.name, 1, _WOKEN_WITHIN, since=pushed[queue.name]).at
            - pushed[queue.name]
            for queue in several
        ]
        for row, several in queues.items()
    }


def _scaled_object(row: Row, queue: ListQueue) -> dict[str, Any]:
    scaled = plain.scaled_object(queue.name, _group(row), {}, **row.settings)
    scaled["spec"] |= {"triggers": list(row.triggers(queue.name, queue.name)), "maxReplicaCount": 1}
    return scaled


def _known(rows: Sequence[Row], number: int) -> bool:
    groups = ",".join(_group(row) for row in rows)
    listed = get("scaledobjects.keda.sh", "-n", AGENTS, "-l", f"{plain.LABEL} in ({groups})")["items"]
    known = [each for each in listed if each.get("status", {}).get("externalMetricNames")]
    return len(known) == number * len(rows)


def _group(row: Row) -> str:
    return f"sleep-{row.name}"
