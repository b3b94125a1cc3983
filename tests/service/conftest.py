"""
What the service's tests share: documents with short times, and pages as exporters write them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.service.process import ScalerProcess

SHORT: dict[str, str] = {"interval": "200ms", "safetyNet": "300ms", "freshness": "2s", "watchInterval": "100ms"}
"""Times for tests: a reading is stale after two seconds."""

HOLD: dict[str, str] = {"unknown": "2s", "gpu": "4s", "loading": "1s"}


@pytest.fixture
def scaler(tmp_path: Path) -> Iterator[Callable[[Mapping[str, Any]], ScalerProcess]]:
    """
    A function that starts a scaler with a document; it ends with the test.
    """
    with ExitStack() as stack:

        def start(document: Mapping[str, Any]) -> ScalerProcess:
            return stack.enter_context(ScalerProcess(tmp_path, document))

        yield start


def gpus(*percents: float, workload: str = "agent") -> str:
    """
    Return dcgm-exporter's page as Prometheus gets it through the exporter's usual ServiceMonitor.
    """
    lines = ["# TYPE DCGM_FI_DEV_GPU_UTIL gauge"]
    for index, percent in enumerate(percents):
        labels = {
            "gpu": str(index),
            "UUID": f"GPU-{workload}-{index}",
            "device": f"nvidia{index}",
            "modelName": "NVIDIA H100",
            "Hostname": "node-1",
            "pod": "dcgm-exporter-x7x2q",
            "namespace": "gpu-operator",
            "exported_pod": f"{workload}-{index}",
            "exported_namespace": "ai",
        }
        written = ",".join(f'{name}="{value}"' for name, value in labels.items())
        lines.append(f"DCGM_FI_DEV_GPU_UTIL{{{written}}} {percent}")
    return "\n".join(lines) + "\n"
