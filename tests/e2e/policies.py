"""
The scaler's document on the stage: the policies of a real one, with shorter times.
"""

from __future__ import annotations

from typing import Any

from tests.e2e.names import SYSTEM

FRESHNESS = 12.0
"""Seconds for which a reading stays good."""

HOLD = 20.0
"""Seconds for which the last decision is kept while something is unknown."""

GPU_HOLD = 40.0
"""Seconds for which a busy GPU alone holds a workload."""

IDLE_WINDOW = 5.0
"""Seconds for which it has to be quiet."""

LOADING = 45.0
"""Seconds that a model may take to load."""


def policy(**rules: Any) -> dict[str, Any]:
    """
    Return a policy with what all of them share.
    """
    return {
        "kind": "target",
        "replicas": {"max": 20},
        "idleWindow": f"{IDLE_WINDOW:g}s",
        "stabilization": "10s",
        "hold": {"unknown": f"{HOLD:g}s", "gpu": f"{GPU_HOLD:g}s", "loading": f"{LOADING:g}s"},
        **rules,
    }


_LIST = {"connection": "redis", "type": "list", "target": 1}
_GPU = {"connection": "prometheus"}

DOCUMENT: dict[str, Any] = {
    "connections": {
        "redis": {
            "type": "redis",
            "addresses": [f"redis.{SYSTEM}.svc:6379"],
            "password": {"file": "/etc/scaler/secrets/queues/redis"},
        },
        "rabbitmq": {
            "type": "rabbitmq",
            "amqp": f"rabbitmq.{SYSTEM}.svc:5672",
            "management": f"http://rabbitmq.{SYSTEM}.svc:15672",
        },
        "prometheus": {"type": "prometheus", "url": f"http://prometheus.{SYSTEM}.svc:9090"},
    },
    "policies": {
        "list": policy(queue={**_LIST, "processing": "$queue:processing"}, gpu=_GPU),
        "stream": policy(queue={"connection": "redis", "type": "stream", "group": "agents", "target": 1}, gpu=_GPU),
        "rabbitmq": policy(queue={"connection": "rabbitmq", "target": 1}, gpu=_GPU),
        # Blind to jobs in flight, so that nothing but a GPU or the loading budget can protect them.
        "blind": policy(queue=_LIST, gpu=_GPU),
        # For many at once, whose pods nobody has to run.
        "plain": policy(queue=_LIST),
        "plain-rabbitmq": policy(queue={"connection": "rabbitmq", "target": 1}),
    },
    "defaults": {
        "policy": "plain",
        "interval": "1s",
        "safetyNet": "2s",
        "freshness": f"{FRESHNESS:g}s",
    },
}
"""The document."""
