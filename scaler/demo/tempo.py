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
        job: computing one job of the first burst; `long_job` one of the second, which outlasts the outage.
        afterwork: how long one GPU computes on when the last job is already acknowledged; longer than `idle_window`.
        lull: how long nothing happens at first.
        outage: how long the queue server is away; longer than `freshness`.
        interval: between two reads of a source by the scaler; a reading is good for `freshness`.
        whole: about how long the story takes.
    """

    jobs: int = 12
    replicas: int = 4
    model_load: float = 3.0
    job: float = 2.0
    long_job: float = 3.0
    afterwork: float = 8.0
    lull: float = 3.0
    outage: float = 7.0
    interval: float = 0.5
    freshness: float = 2.0
    idle_window: float = 3.0
    poll: float = 2.0
    hpa_sync: float = 3.0
    cooldown: float = 2.0
    whole: float = 54.0


NORMAL = Tempo()
FAST = Tempo(
    model_load=0.8,
    job=0.5,
    long_job=1.5,
    afterwork=2.5,
    lull=0.8,
    outage=3.5,
    interval=0.3,
    freshness=1.2,
    idle_window=1.0,
    poll=0.6,
    hpa_sync=1.0,
    cooldown=0.5,
    whole=19.0,
)
