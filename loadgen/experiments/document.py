"""
The experiment file: what is to be simulated, and what waiting is worth.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field, ValidationError, field_validator

from loadgen.errors import UsageError
from loadgen.experiments.findings import findings
from loadgen.experiments.values import Flag, Level, Section, Whole
from loadgen.experiments.workloads import WorkloadSection
from loadgen.experiments.worlds import WorldSection
from loadgen.experiments.yamltext import parse_yaml

_LONGEST_NAME = 60


class Experiment(Section):
    """
    An experiment.
    """

    title: str
    description: str = ""
    """A sentence or two for the report."""
    seeds: Annotated[tuple[Whole, ...], Field(min_length=1)] = (1,)
    """Each is a run of its own; costs are their mean."""
    waitingPrices: Annotated[tuple[Level, ...], Field(min_length=1)] = (1.0,)
    """What an hour that a job waits is worth, in GPU-hours."""
    bounds: Flag = True
    """Whether to work out what nobody can go below: with many jobs and replicas that takes longer than all the rest."""
    workloads: Annotated[dict[str, WorkloadSection], Field(min_length=1)]
    worlds: dict[str, WorldSection] = Field(min_length=1, default_factory=lambda: {"usual": WorldSection()})
    policies: Annotated[dict[str, dict[str, Any]], Field(min_length=1)]
    """By name, each with an optional `grid`: see `grid.py`."""

    @field_validator("workloads", "worlds", "policies")
    @classmethod
    def _named(cls, named: dict[str, Any]) -> dict[str, Any]:
        for name in named:
            if not 0 < len(name) <= _LONGEST_NAME or not name.isprintable():
                raise ValueError(f"a name must have 1 to {_LONGEST_NAME} printable characters, not {name[:40]!r}")
        return named

    @field_validator("seeds", "waitingPrices")
    @classmethod
    def _once(cls, values: tuple[float, ...]) -> tuple[float, ...]:
        if len(set(values)) < len(values):
            raise ValueError("no value may be given twice")
        return values


def parse(text: str) -> Experiment:
    """
    Return the experiment that a YAML text describes.

    Raises:
        UsageError: with everything that is wrong with it, each finding with its path.
    """
    return checked(parse_yaml(text))


def checked(data: Mapping[str, Any]) -> Experiment:
    """
    Return the experiment that plain data means.

    Raises:
        UsageError: as `parse`.
    """
    try:
        return Experiment.model_validate(data)
    except ValidationError as error:
        raise UsageError(findings(error, Experiment)) from error
