"""
The policies that are compared. Each is data: to add one, add an entry to `ROWS`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import yaml

from scaler.settings.loading import ConfigurationError, load
from tests.e2e import plain
from tests.e2e.agents import CHART
from tests.e2e.names import AGENTS, SYSTEM
from tests.e2e.policies import DOCUMENT

_FULL = 80
"""Per cent of a GPU that one replica is to carry, where a trigger asks for the GPUs."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """
    A policy.

    Attributes:
        name: the beginning of its figures' names.
        about: a line for people.
        settings: of its ScaledObject, beside its triggers.
        rules: of the scaler's policy; None for KEDA's own triggers.
    """

    name: str
    about: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    rules: Mapping[str, Any] | None = None

    @property
    def ours(self) -> bool:
        """
        Whether the scaler decides; the agent's chart then makes the ScaledObject, as it comes.
        """
        return self.rules is not None

    @property
    def target(self) -> int | None:
        """
        Jobs that one replica carries, as the scaler's policy is told; None for a kind that learns it.
        """
        told: int | None = self.rules["queue"].get("target") if self.rules is not None else None
        return told

    def triggers(self, agent: str, queue: str) -> Sequence[dict[str, Any]]:
        """
        Return the triggers of an agent with its queue.
        """
        if self.ours:
            told = {"queue": queue, "minReplicas": "0", "queueProcessing": f"{queue}:processing"}
            return [plain.ours(self.name, **told)]
        gpus = f'sum(DCGM_FI_DEV_GPU_UTIL{{exported_namespace="{AGENTS}",exported_pod=~"{agent}-.+"}})'
        address = f"http://prometheus.{SYSTEM}.svc:9090"
        by_gpu = {"serverAddress": address, "query": gpus, "threshold": str(_FULL)}
        return [plain.stock_list(queue), {"type": "prometheus", "metadata": by_gpu}]


def _chart() -> dict[str, Any]:
    with open(f"{CHART}/values.yaml", encoding="utf-8") as file:  # noqa: PTH123 - a path in text
        values: dict[str, Any] = yaml.safe_load(file)["keda"]
    return values


KEDA: Mapping[str, Any] = _chart()
"""What the agent's chart tells KEDA, as it comes."""

_QUEUE = {"connection": "redis", "type": "list", "processing": "$queue:processing"}
_AS_THE_CHART = {key: KEDA[key] for key in ("pollingInterval", "cooldownPeriod")}

ROWS: Sequence[Row] = (
    Row(
        name="stock",
        about="KEDA's redis and prometheus triggers, everything else at its defaults",
        settings={"pollingInterval": 30, "cooldownPeriod": 300},
    ),
    Row(
        # Of the lab's grid (`loadgen run tests/comparison/bursts.yaml`) the one that needs the fewest GPU-hours, and at
        # a price of 1 within a few per cent of the least cost.
        name="tuned",
        about="the same triggers, set for this trace by the lab",
        settings={
            "pollingInterval": 5,
            "cooldownPeriod": 15,
            "advanced": {
                "horizontalPodAutoscalerConfig": {"behavior": {"scaleDown": {"stabilizationWindowSeconds": 0}}}
            },
        },
    ),
    Row(
        name="ours",
        about="the scaler's kind target, as the agent's chart installs it",
        settings=_AS_THE_CHART,
        rules={"kind": "target", "queue": {**_QUEUE, "target": 1}, "hold": {"loading": "600s"}},
    ),
    Row(
        name="economic",
        about="the scaler's kind economic, an hour of waiting worth an hour of a GPU",
        settings=_AS_THE_CHART,
        rules={"kind": "economic", "waitingPrice": 1, "queue": _QUEUE, "hold": {"loading": "600s"}},
    ),
)
"""All of them."""


def document(rows: Sequence[Row], replicas: int) -> dict[str, Any]:
    """
    Return the scaler's document with the policies of these, each by its row's name.
    """
    bounds = {"replicas": {"min": 0, "max": replicas}}
    policies = {row.name: {**bounds, **row.rules} for row in rows if row.rules is not None}
    return {"connections": DOCUMENT["connections"], "policies": policies}


def known(row: Row) -> bool:
    """
    Tell whether this version of the scaler has the kind of policy that a row asks for.
    """
    if row.rules is None:
        return True
    try:
        load(json.dumps(document([row], 1)))
    except ConfigurationError as error:
        if ".kind:" in str(error):
            return False
        raise
    return True
