"""
A trace that is replayed on one agent, beside everything else that is tried.
"""

from __future__ import annotations

import random
import threading
import time

from tests.e2e.agents import Agent

MINUTES = 10.0
"""How long it lasts."""

_SEED = 7


def bursts(seed: int, length: float) -> list[tuple[float, float]]:
    """
    Return jobs as (seconds from the beginning, seconds of work): bursts of a few, and pauses of all lengths.
    """
    draw = random.Random(seed)  # noqa: S311 - a workload, not a secret
    jobs, at = [], 0.0
    while at < length:
        jobs += [(at + draw.uniform(0, 5), draw.uniform(2, 20)) for _ in range(draw.randint(1, 5))]
        at += draw.expovariate(1 / 50) + 5
    return sorted(job for job in jobs if job[0] < length)


class Replay(threading.Thread):
    """
    Sends the jobs of a trace when they are due.
    """

    def __init__(self, agent: Agent) -> None:
        super().__init__(daemon=True)
        self.agent = agent
        self.jobs = bursts(_SEED, MINUTES * 60)
        self.begun = time.monotonic()
        self.trouble: Exception | None = None

    def run(self) -> None:
        """
        Send them.
        """
        try:
            for at, service in self.jobs:
                time.sleep(max(0.0, self.begun + at - time.monotonic()))
                self.agent.queue.push(service)
        except Exception as error:  # noqa: BLE001 - it is told where the test waits
            self.trouble = error
