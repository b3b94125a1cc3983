"""
How fast the demo's world turns: every length of the story, of the scaler's configuration and of KEDA's periods.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Tempo:
    """
    Lengths, all in seconds, and the size of a burst.

    Attributes:
        jobs: how many are pushed at once; `replicas` carry them.
        model_load: what an agent needs before it can work.
        job: computing one job.
        afterwork: how long one GPU computes on when the last job is already acknowledged.
        lull: how long nothing happens at first.
        outage: how long the queue server is away.
        interval: between two reads of a source by the scaler; a reading is good for `freshness`.
        whole: about how long the story takes.
    """

    jobs: int = 12
    replicas: int = 4
    model_load: float = 3.0
    job: float = 2.0
    afterwork: float = 8.0
    lull: float = 4.0
    outage: float = 8.0
    interval: float = 0.5
    freshness: float = 2.0
    idle_window: float = 4.0
    poll: float = 2.0
    hpa_sync: float = 3.0
    cooldown: float = 2.0
    whole: float = 60.0


NORMAL = Tempo()
FAST = Tempo(
    model_load=1.0,
    job=0.6,
    afterwork=3.5,
    lull=1.5,
    outage=3.5,
    interval=0.3,
    freshness=1.2,
    idle_window=1.5,
    poll=0.7,
    hpa_sync=1.0,
    cooldown=0.5,
    whole=24.0,
)
