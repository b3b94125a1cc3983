"""
The scaler's configuration in the demo, and the trigger's metadata: as a user would write them, only faster.
"""

from __future__ import annotations

import yaml

from scaler.demo.agents import WORKLOAD
from scaler.demo.jobs import PROCESSING, QUEUE
from scaler.demo.pages import GPU_PAGE, NAMESPACE, REQUEST_PAGE, REQUESTS
from scaler.demo.tempo import Tempo
from scaler.demo.trigger import ScaledObject

_FEW_REQUESTS = 20


def document(tempo: Tempo, queue_address: str, pages: str) -> str:
    """
    Return the YAML document: one Redis, the two metrics pages, and one policy on all three signals.
    """
    interval = _duration(tempo.interval)
    defaults = {"interval": interval, "safetyNet": interval, "freshness": _duration(tempo.freshness)}
    connections = {
        "redis": {"type": "redis", "addresses": [queue_address]},
        "dcgm": {"type": "scrape", "urls": [pages + GPU_PAGE]},
        "agents": {"type": "scrape", "urls": [pages + REQUEST_PAGE]},
    }
    policy = {
        "replicas": {"min": 0, "max": tempo.replicas},
        "idleWindow": _duration(tempo.idle_window),
        "stabilization": _duration(tempo.idle_window),
        "queue": {
            "connection": "redis",
            "name": QUEUE,
            "processing": PROCESSING,
            "target": tempo.jobs / tempo.replicas,
        },
        "requests": {
            "connection": "agents",
            "metric": REQUESTS,
            "match": {"namespace": "$namespace"},
            "measuredAt": "workload",
            "target": _FEW_REQUESTS,
            # Jobs are counted as requests too, and a rate looks back 15 s: these few are no demand of their own.
            "activation": _FEW_REQUESTS,
            "quiet": _FEW_REQUESTS,
        },
        "gpu": {"connection": "dcgm", "target": 80},
    }
    whole = {"connections": connections, "policies": {"default": policy}, "defaults": defaults}
    return yaml.safe_dump(whole, sort_keys=False)


def scaled_object(tempo: Tempo, scaler_address: str) -> ScaledObject:
    """
    Return the ScaledObject that KEDA is given.
    """
    metadata = {"scalerAddress": scaler_address}
    return ScaledObject(NAMESPACE, WORKLOAD, metadata, maximum=tempo.replicas)


def _duration(seconds: float) -> str:
    return f"{round(seconds * 1000)}ms"
