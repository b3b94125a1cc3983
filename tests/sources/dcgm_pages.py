"""
Pages as dcgm-exporter writes them: an H100 node, a node with MIG, a node with time-slicing.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable

_FAMILIES = {
    "DCGM_FI_DEV_SM_CLOCK": ("gauge", "SM clock frequency (in MHz)."),
    "DCGM_FI_DEV_GPU_UTIL": ("gauge", "GPU utilization (in %)."),
    "DCGM_FI_DEV_FB_USED": ("gauge", "Framebuffer memory used (in MiB)."),
    "DCGM_FI_PROF_GR_ENGINE_ACTIVE": ("gauge", "Ratio of time the graphics engine is active."),
}


class GpuPage:
    """
    Collects lines family by family, as the exporter does.
    """

    def __init__(self, node: str = "gpu-node-1") -> None:
        self._node = node
        self._lines: dict[str, list[str]] = {}

    def gpu(
        self,
        number: int,
        pod: str | None,
        *,
        util: object = None,
        engine: object = None,
        namespace: str = "ai",
        instance: int | None = None,
        more: str = "",
        at: str = "",
    ) -> GpuPage:
        """
        Add the series of a GPU (or MIG instance) for one pod, or for none (idle); *at* is a timestamp in milliseconds.
        """
        labels = [
            f'gpu="{number}"',
            f'UUID="{uuid_of(self._node, number)}"',
            f'device="nvidia{number}"',
            'modelName="NVIDIA H100 80GB HBM3"',
        ]
        if instance is not None:
            labels += ['GPU_I_PROFILE="3g.40gb"', f'GPU_I_ID="{instance}"']
        labels += [f'Hostname="{self._node}"', 'DCGM_FI_DRIVER_VERSION="550.54.15"', *filter(None, [more])]
        if pod is not None:
            labels += ['container="agent"', f'namespace="{namespace}"', f'pod="{pod}"']
        values = {
            "DCGM_FI_DEV_SM_CLOCK": 1980,
            "DCGM_FI_DEV_GPU_UTIL": util,
            "DCGM_FI_DEV_FB_USED": 41234,
            "DCGM_FI_PROF_GR_ENGINE_ACTIVE": engine,
        }
        for family, value in values.items():
            if value is not None:
                self._lines.setdefault(family, []).append(f"{family}{{{','.join(labels)}}} {value} {at}".rstrip())
        return self

    @property
    def text(self) -> str:
        """
        The page.
        """
        return "".join(f"{line}\n" for line in self._all())

    def _all(self) -> Iterable[str]:
        for family, lines in self._lines.items():
            kind, meaning = _FAMILIES[family]
            yield f"# HELP {family} {meaning}"
            yield f"# TYPE {family} {kind}"
            yield from lines


def uuid_of(node: str, number: int) -> str:
    """
    Return the UUID of a GPU.
    """
    return f"GPU-{uuid.uuid5(uuid.NAMESPACE_DNS, f'{node}/{number}')}"
