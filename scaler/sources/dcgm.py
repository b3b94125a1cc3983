"""
What DCGM's series mean, whether they come from Prometheus or from the exporter's own page.

Facts: the exporter (dcgm-exporter 2 to 4) names the pod of a GPU in the labels `namespace` and `pod`. Scraped by
Prometheus without `honorLabels` these become `exported_namespace` and `exported_pod`, because `namespace` and `pod` are
then the exporter's own. A GPU that no pod has carries no such labels (or empty ones). With time-slicing (and
KUBERNETES_VIRTUAL_GPUS) each pod that shares a GPU gets a copy of the whole GPU's series. A MIG instance is known by
the labels `UUID` (of the whole GPU) and `GPU_I_ID`; it has no DCGM_FI_DEV_GPU_UTIL. Blanks are from dcgm_fields.h.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import isfinite

from scaler.domain.pods import Fleet
from scaler.domain.readings import PodUse
from scaler.sources.sentences import one_line
from scaler.sources.series import Series

UTILISATION = "DCGM_FI_DEV_GPU_UTIL"
"""Per cent of the time in which the GPU was computing, 0 to 100."""

ENGINE_ACTIVE = "DCGM_FI_PROF_GR_ENGINE_ACTIVE"
"""The same as a ratio, 0 to 1; of a MIG instance where there is one."""

METRICS = (UTILISATION, ENGINE_ACTIVE)

LABELS = ("exported_namespace", "exported_pod", "namespace", "pod", "UUID", "GPU_I_ID", "Hostname", "gpu")
"""All labels that say whose a series is and of which GPU."""

OUT_OF_DATE = -1.0
"""Stands for a value that is too old to be believed."""

# The least of the blanks (DCGM_INT32_BLANK); those of 64 bits and of floating point are far above it.
_LEAST_BLANK = 0x7FFFFFF0
# The ratio is a quotient of two counters that are not read at exactly the same time.
_RATIO_MAX = 1.01

_Percent = float | str  # or what is wrong with it


@dataclass(frozen=True, slots=True)
class _Share:
    """
    A pod's share in a GPU or in a MIG instance.
    """

    namespace: str
    pod: str
    device: str
    mig: bool


def fleet_of(series: Iterable[Series]) -> Fleet:
    """
    Return the utilisation of every pod, from series of the `METRICS`; a pod with a GPU in doubt is in trouble.

    The same GPU seen twice (two Prometheus replicas, two exporters) counts once, with the higher value. Series that
    name no pod belong to nobody.
    """
    seen: dict[_Share, dict[str, _Percent]] = {}
    for one in series:
        share = _share(one.labels)
        if share is not None:
            metrics = seen.setdefault(share, {})
            percent = _percent(one.name, one.value)
            metrics[one.name] = _better(percent, metrics.get(one.name, percent))
    pods: dict[str, list[PodUse]] = {}
    trouble: dict[tuple[str, str], str] = {}
    for share, metrics in seen.items():
        percent = _settle(metrics, mig=share.mig)
        if isinstance(percent, str):
            trouble[share.namespace, share.pod] = one_line(
                f"GPU {share.device or '(without UUID)'} of pod {share.namespace}/{share.pod}: {percent}", 400
            )
        else:
            pods.setdefault(share.namespace, []).append(PodUse(share.pod, percent, share.device))
    return Fleet({namespace: tuple(uses) for namespace, uses in pods.items()}, trouble)


def _share(labels: Mapping[str, str]) -> _Share | None:
    pod = labels.get("exported_pod") or labels.get("pod")
    namespace = labels.get("exported_namespace") or labels.get("namespace")
    if not pod or not namespace:
        return None
    device = labels.get("UUID") or "/".join(filter(None, (labels.get("Hostname"), labels.get("gpu"))))
    instance = labels.get("GPU_I_ID")
    return _Share(namespace, pod, f"{device}/{instance}" if instance else device, mig=bool(instance))


def _settle(metrics: Mapping[str, _Percent], *, mig: bool) -> _Percent:
    if mig and ENGINE_ACTIVE not in metrics:
        return f"a MIG instance has no {UTILISATION}; let the exporter collect {ENGINE_ACTIVE}"
    order = [metrics[name] for name in ((ENGINE_ACTIVE,) if mig else METRICS) if name in metrics]
    return next((percent for percent in order if isinstance(percent, float)), order[0])


def _better(one: _Percent, other: _Percent) -> _Percent:
    if isinstance(one, float) and isinstance(other, float):
        return max(one, other)
    return one if isinstance(one, float) else other


def _percent(metric: str, value: float) -> _Percent:
    if value == OUT_OF_DATE:
        return f"{metric} is out of date"
    if not isfinite(value) or value < 0:
        return f"{metric} is {value:g}"
    if value >= _LEAST_BLANK:
        return f"{metric} is blank ({value:.0f}): DCGM could not read it"
    if metric == ENGINE_ACTIVE:
        return min(value, 1.0) * 100 if value <= _RATIO_MAX else f"{metric} is {value:g}, and should be at most 1"
    return float(value) if value <= 100 else f"{metric} is {value:g}, and should be at most 100"  # noqa: PLR2004 - per cent
