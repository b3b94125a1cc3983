"""
The file that describes a node's simulated GPUs. It is read again when it changes, so that one can play with it.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, ValidationError, model_validator

from loadgen.errors import UsageError
from loadgen.experiments.findings import findings
from loadgen.experiments.values import Flag, Section, Whole, shown
from loadgen.experiments.yamltext import parse_yaml
from loadgen.live.dcgm import BLANKS, Instance, Owner, Reading
from loadgen.live.gpus.simulated import simulated_uuid

_FULL = 100


def percent(value: Any) -> float | str:
    """
    Return a GPU's use, or why DCGM cannot tell it.

    Raises:
        ValueError: it is neither.
    """
    if isinstance(value, str) and value in BLANKS:
        return value
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= _FULL:
        raise ValueError(f"must be a number from 0 to 100, or one of {', '.join(BLANKS)}, not {shown(value)}")
    return float(value)


Percent = Annotated[float | str, BeforeValidator(percent)]


class PodSection(Section):
    """
    A pod that has a GPU.
    """

    pod: str
    namespace: str = "default"
    container: str = "agent"


class InstanceSection(Section):
    """
    A MIG instance.
    """

    id: Whole
    """GPU_I_ID."""
    profile: str = "1g.10gb"
    """GPU_I_PROFILE."""
    percent: Percent = 0.0
    pods: tuple[PodSection, ...] = ()


class GpuSection(Section):
    """
    A GPU; several pods share it by time-slicing, and each is shown the whole GPU's use.
    """

    percent: Percent = 0.0
    pods: tuple[PodSection, ...] = ()
    ratio: Flag = False
    """Whether DCGM_FI_PROF_GR_ENGINE_ACTIVE is collected, too."""
    instances: tuple[InstanceSection, ...] = ()
    """In MIG mode: these are shown instead of the GPU."""

    @model_validator(mode="after")
    def _one_kind(self) -> GpuSection:
        if self.instances and self.pods:
            raise ValueError("a GPU in MIG mode has no pods of its own: give them to its instances")
        return self


class Node(Section):
    """
    The document: a node and its GPUs.
    """

    host: str = "gpu-node-1"
    model: str = "NVIDIA H100 80GB HBM3"
    gpus: Annotated[tuple[GpuSection, ...], Field(min_length=1)]

    def readings(self) -> Iterator[Reading]:
        """
        Yield what the exporter shows.
        """
        for index, gpu in enumerate(self.gpus):
            uuid = simulated_uuid(self.host, str(index))
            for owner in _owners(gpu.pods) if not gpu.instances else ():
                yield Reading(index, uuid, self.model, self.host, gpu.percent, owner, None, gpu.ratio)
            for each in gpu.instances:
                instance = Instance(each.profile, each.id)
                for owner in _owners(each.pods):
                    yield Reading(index, uuid, self.model, self.host, each.percent, owner, instance)


def _owners(pods: tuple[PodSection, ...]) -> Iterator[Owner | None]:
    if not pods:
        yield None
    yield from (Owner(pod.namespace, pod.pod, pod.container) for pod in pods)


def read_node(path: Path) -> Node:
    """
    Return the node that a file describes.

    Raises:
        UsageError: with everything that is wrong with it.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: cannot be read: {getattr(error, 'strerror', None) or 'it is no UTF-8'}") from error
    return node_of(parse_yaml(text))


def node_of(data: Any) -> Node:
    """
    Return the node that plain data means.

    Raises:
        UsageError: with everything that is wrong with it.
    """
    try:
        return Node.model_validate(data)
    except ValidationError as error:
        raise UsageError(findings(error, Node)) from error
