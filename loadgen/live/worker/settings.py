"""
A worker's settings, from flags and the environment.
"""

from __future__ import annotations

import socket
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from loadgen.live.brokers.kinds import QUEUE_OPTIONS, queue_type
from loadgen.live.dcgm import Owner
from loadgen.live.gpus.base import KINDS
from loadgen.live.options import Option, read_options
from loadgen.live.values import Address, address, duration, name, number, one_of, positive_duration, size, whole

OPTIONS = (
    *QUEUE_OPTIONS,
    Option("LOADGEN_GROUP", "NAME", "a stream's consumer group (default agents)", name, "agents"),
    Option("LOADGEN_HTTP", "ADDRESS", "where /health and /metrics are (default :8080)", address, Address(None, 8080)),
    Option("LOADGEN_MODEL_LOAD", "DURATION", "how long the model takes to load (default 0)", duration, 0.0),
    Option("LOADGEN_CONCURRENCY", "N", "jobs at a time (default 1)", whole(1, 1000), 1),
    Option("LOADGEN_SERVICE", "DURATION", "the work of a job that does not say (default 1s)", duration, 1.0),
    Option(
        "LOADGEN_LEASE",
        "DURATION",
        "how long a silent worker is believed to live (default 30s)",
        positive_duration,
        30.0,
    ),
    Option("LOADGEN_DRAIN_WITHIN", "DURATION", "how long stopping may take (default 25s)", positive_duration, 25.0),
    Option("LOADGEN_GPU", "KIND", f"{', '.join(KINDS)} (default none)", one_of(*KINDS), "none"),
    Option("LOADGEN_GPU_BUSY", "PERCENT", "a simulated GPU's utilisation at work (default 75)", number(0, 100), 75.0),
    Option("LOADGEN_GPU_MEMORY", "SIZE", "the model in a real GPU's memory (default 256MiB)", size, 256 * 2**20),
    Option("LOADGEN_DONE", "KEY", "count done jobs: a hash in Redis, a queue in RabbitMQ", name, None),
)
"""Every setting that has a flag."""

_NAMES = (
    Option("POD_NAME", "", "", name, None),
    Option("POD_NAMESPACE", "", "", name, "default"),
    Option("NODE_NAME", "", "", name, None),
    Option("LOADGEN_CONTAINER", "", "", name, "agent"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerSettings:
    """
    What `OPTIONS` say, durations in seconds and sizes in bytes; and which pod this is.

    Attributes:
        owner: the pod and container, by POD_NAME (else the host's name), POD_NAMESPACE and LOADGEN_CONTAINER.
        host: the node, by NODE_NAME, else the host's name.
    """

    broker: str
    queue: str
    queue_type: str
    group: str
    http: Address
    model_load: float
    concurrency: int
    service: float
    lease: float
    drain_within: float
    gpu: str
    gpu_busy: float
    gpu_memory: int
    done: str | None
    owner: Owner
    host: str

    @classmethod
    def read(cls, flags: Mapping[str, str | None], environ: Mapping[str, str]) -> Self:
        """
        Return the settings.

        Raises:
            UsageError: with everything that is wrong.
        """
        values = read_options(OPTIONS, flags, environ)
        values["queue_type"] = queue_type(values["broker"], values["queue_type"])
        names = read_options(_NAMES, {}, environ)
        machine = socket.gethostname()
        owner = Owner(names["pod_namespace"], names["pod_name"] or machine, names["container"])
        return cls(**values, owner=owner, host=names["node_name"] or machine)
