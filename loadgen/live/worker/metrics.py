"""
What a worker tells of itself in numbers.
"""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

_WAITS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0)


class WorkerMetrics:
    """
    Counters, gauges and a histogram in a registry of their own.

    Attributes:
        requests: jobs that were done and acknowledged.
        put_back: jobs that went back to the queue: cut off, or left by dead workers.
        in_flight: jobs that are held now.
        ready: whether jobs can be taken, as 0 or 1.
        waits: seconds between a job's sending and its taking, where the job says when it was sent.
    """

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter("agent_requests", "Jobs that were done and acknowledged.", registry=self.registry)
        self.put_back = Counter(
            "agent_put_back", "Jobs that went back to the queue, by cause.", ["cause"], registry=self.registry
        )
        self.in_flight = Gauge("agent_in_flight", "Jobs that are held now.", registry=self.registry)
        self.ready = Gauge("agent_ready", "Whether jobs can be taken.", registry=self.registry)
        self.waits = Histogram(
            "agent_queue_wait_seconds",
            "Seconds between a job's sending and its taking.",
            buckets=_WAITS,
            registry=self.registry,
        )
        for cause in ("drained", "reclaimed"):
            self.put_back.labels(cause)
