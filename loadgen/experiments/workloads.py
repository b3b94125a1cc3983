"""
Workloads of an experiment: patterns of arrivals, or traces.
"""

from __future__ import annotations

from abc import abstractmethod
from math import floor, inf
from pathlib import Path
from random import Random
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from loadgen.arrivals.agents import read_agents
from loadgen.arrivals.azure import read_functions, read_llm
from loadgen.arrivals.jobs import Jobs, faster, thinned, window
from loadgen.arrivals.own import read_own
from loadgen.arrivals.servegen import read_servegen
from loadgen.errors import UsageError
from loadgen.experiments.patterns import AnyPattern, ServiceSection
from loadgen.experiments.values import Count, Duration, Interval, Load, Section, Whole
from loadgen.simulation.workload import Workload
from loadgen.traces import shipped, shipped_names

_SHORTEST_SERVICE = 0.001
"""Seconds: a job that a trace calls instant takes so long."""
_MINUTE = 60.0


class TraceSection(Section):
    """
    A file of arrivals: one of ours (`shipped`), or a path from the experiment file's folder (`file`).
    """

    shipped: str | None = None
    file: Path | None = None

    @field_validator("shipped")
    @classmethod
    def _known(cls, name: str | None) -> str | None:
        if name is not None and name not in shipped_names():
            raise ValueError(f"must be one of {', '.join(shipped_names())}, not {name[:40]!r}")
        return name

    @model_validator(mode="after")
    def _one(self) -> TraceSection:
        if (self.shipped is None) == (self.file is None):
            raise ValueError("give exactly one of shipped and file")
        return self

    def path(self, folder: Path) -> Path:
        """
        Return where it is.
        """
        return shipped(self.shipped) if self.shipped is not None else folder / str(self.file)

    @abstractmethod
    def jobs(self, folder: Path, seed: str) -> Jobs:
        """
        Return all jobs of the trace.
        """


class OwnTrace(TraceSection):
    """
    A CSV with columns `arrival` and, if known, `service`.
    """

    format: Literal["csv"]
    service: ServiceSection | None = None
    """How long a job takes for which the file does not tell."""

    def jobs(self, folder: Path, seed: str) -> Jobs:
        """
        Return all jobs of the trace.
        """
        return read_own(self.path(folder), self.service.service() if self.service else None, seed)


class LlmTrace(TraceSection):
    """
    An Azure LLM inference trace; a replica works on one request at a time at these rates.
    """

    format: Literal["azure-llm"]
    prefillRate: Load
    """Input tokens per second."""
    decodeRate: Load
    """Output tokens per second."""

    def jobs(self, folder: Path, seed: str) -> Jobs:  # noqa: ARG002 - nothing is drawn
        """
        Return all jobs of the trace.
        """
        return read_llm(self.path(folder), self.prefillRate, self.decodeRate)


class FunctionsTrace(TraceSection):
    """
    An Azure Functions trace, its calls spread over their minutes.
    """

    format: Literal["azure-functions"]
    functions: tuple[Whole, ...] = ()
    """Which; all if left out."""
    service: ServiceSection

    def jobs(self, folder: Path, seed: str) -> Jobs:
        """
        Return all jobs of the trace.
        """
        return read_functions(self.path(folder), self.functions, self.service.service(), seed)


class AgentsTrace(TraceSection):
    """
    Sessions of coding agents, laid over one another.
    """

    format: Literal["coding-agent"]
    sessions: Count
    over: Interval
    """Each session starts at a drawn moment within so long."""

    def jobs(self, folder: Path, seed: str) -> Jobs:
        """
        Return all jobs of the trace.
        """
        return read_agents(self.path(folder), self.sessions, self.over, seed)


class ServegenTrace(TraceSection):
    """
    A ServeGen client's windows, arrivals drawn from their distributions.
    """

    format: Literal["servegen"]
    client: Whole
    service: ServiceSection

    def jobs(self, folder: Path, seed: str) -> Jobs:
        """
        Return all jobs of the trace.
        """
        return read_servegen(self.path(folder), self.client, self.service.service(), seed)


AnyTrace = Annotated[OwnTrace | LlmTrace | FunctionsTrace | AgentsTrace | ServegenTrace, Field(discriminator="format")]


class WorkloadSection(Section):
    """
    Jobs: a pattern with service times, or a trace.
    """

    arrivals: AnyPattern | None = None
    service: ServiceSection | None = None
    """With `arrivals`: how long a job takes."""
    trace: AnyTrace | None = None
    start: Duration = 0.0
    """What comes before is left out, and times are counted from here."""
    length: Interval | None = None
    """How long the workload lasts; a trace's own length, in whole minutes, if left out."""
    speed: Load = 1.0
    """So much closer to each other do jobs come, after `start` and before `length`; each takes as long as before."""
    share: Annotated[Load, Field(le=1)] = 1.0
    """This share of the jobs, drawn at random."""

    @model_validator(mode="after")
    def _whole(self) -> WorkloadSection:
        if (self.arrivals is None) == (self.trace is None):
            raise ValueError("give exactly one of arrivals and trace")
        if (self.service is None) != (self.arrivals is None):
            raise ValueError("give service exactly where arrivals is given; a trace has its own")
        if self.arrivals is not None and self.length is None:
            raise ValueError("length is required where arrivals is given")
        return self

    def workload(self, name: str, folder: Path, seed: str) -> Workload:
        """
        Return the simulator's workload.

        Raises:
            UsageError: a trace cannot be read, or nothing of it is left.
        """
        jobs = self._jobs(folder, seed)
        if self.share < 1:
            jobs = thinned(jobs, self.share, f"{seed}/share")
        jobs = faster(window(jobs, self.start, inf), self.speed)
        # A trace ends with its last job's minute, so that no job stands at the very end.
        last = jobs[-1][0] if jobs else 0.0
        length = self.length or (floor(last / _MINUTE) + 1) * _MINUTE
        jobs = window(jobs, 0.0, length)
        if not jobs:
            raise UsageError(f"workloads.{name}: no job is left of it")
        return Workload(
            name,
            tuple(arrival for arrival, _ in jobs),
            tuple(max(service, _SHORTEST_SERVICE) for _, service in jobs),
            length,
        )

    def _jobs(self, folder: Path, seed: str) -> Jobs:
        if self.trace is not None:
            return self.trace.jobs(folder, seed)
        if self.arrivals is None or self.service is None or self.length is None:
            raise UsageError("a workload needs arrivals or a trace")
        times = self.arrivals.pattern().times(self.start + self.length * self.speed, seed)
        draws, service = Random(f"{seed}/service"), self.service.service()
        return [(at, service.draw(draws)) for at in times]
