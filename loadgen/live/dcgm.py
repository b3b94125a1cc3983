"""
The text of dcgm-exporter's metrics page, for GPUs that need not exist.

As the exporter (3 and 4) writes it: a GPU that a pod has carries the pod's labels, a MIG instance is known by its
GPU's UUID and an id of its own and has no DCGM_FI_DEV_GPU_UTIL, and what cannot be read is one of DCGM's blanks or left
out. Scraped by Prometheus without `honorLabels`, the pod's labels are called `exported_…`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

UTILISATION = "DCGM_FI_DEV_GPU_UTIL"
ENGINE_ACTIVE = "DCGM_FI_PROF_GR_ENGINE_ACTIVE"
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

BLANKS = ("blank", "not-found", "not-supported", "not-permissioned")
"""Why DCGM could not read something; each is a number above all others, in the order in which its header has them."""

_INTEGER_BLANK, _FLOAT_BLANK = 0x7FFFFFF0, 2**47

_HELP = {UTILISATION: "GPU utilization (in %).", ENGINE_ACTIVE: "Ratio of time the graphics engine is active."}


@dataclass(frozen=True, slots=True)
class Owner:
    """
    The pod and container that have a GPU.
    """

    namespace: str
    pod: str
    container: str


@dataclass(frozen=True, slots=True)
class Instance:
    """
    A MIG instance of a GPU, such as 1g.10gb with the id 7.
    """

    profile: str
    id: int


@dataclass(frozen=True, slots=True)
class Reading:
    """
    What a GPU or a MIG instance shows for one owner.

    Attributes:
        percent: the time in which it computed, 0 to 100; one of the `BLANKS` where DCGM cannot tell.
        ratio: whether DCGM_FI_PROF_GR_ENGINE_ACTIVE is collected beside the utilisation; of a MIG instance it is the
            only one.
    """

    gpu: int
    uuid: str
    model: str
    host: str
    percent: float | str
    owner: Owner | None = None
    instance: Instance | None = None
    ratio: bool = False


def page(readings: Iterable[Reading], *, exported: bool = False) -> str:
    """
    Return the page; with *exported* the pod's labels are named as Prometheus stores them without `honorLabels`.
    """
    series: dict[str, list[str]] = {UTILISATION: [], ENGINE_ACTIVE: []}
    for reading in readings:
        labels = _labels(reading, "exported_" if exported else "")
        if reading.instance is None:
            series[UTILISATION].append(f"{UTILISATION}{{{labels}}} {_percent(reading.percent)}")
        if reading.instance is not None or reading.ratio:
            series[ENGINE_ACTIVE].append(f"{ENGINE_ACTIVE}{{{labels}}} {_ratio(reading.percent)}")
    lines = []
    for metric, of_metric in series.items():
        if of_metric:
            lines += [f"# HELP {metric} {_HELP[metric]}", f"# TYPE {metric} gauge", *of_metric]
    return "".join(f"{line}\n" for line in lines)


def _labels(reading: Reading, prefix: str) -> str:
    labels = {
        "gpu": str(reading.gpu),
        "UUID": reading.uuid,
        "device": f"nvidia{reading.gpu}",
        "modelName": reading.model,
    }
    if reading.instance is not None:
        labels |= {"GPU_I_PROFILE": reading.instance.profile, "GPU_I_ID": str(reading.instance.id)}
    labels["Hostname"] = reading.host
    if reading.owner is not None:
        labels[f"{prefix}container"] = reading.owner.container
        labels[f"{prefix}namespace"] = reading.owner.namespace
        labels[f"{prefix}pod"] = reading.owner.pod
    return ",".join(f'{name}="{_escaped(value)}"' for name, value in labels.items())


def _percent(percent: float | str) -> str:
    return str(_INTEGER_BLANK + BLANKS.index(percent)) if isinstance(percent, str) else f"{percent:.0f}"


def _ratio(percent: float | str) -> str:
    if isinstance(percent, str):
        return f"{_FLOAT_BLANK + BLANKS.index(percent):.6f}"
    return f"{percent / 100:.6f}"


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
