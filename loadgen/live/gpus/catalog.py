"""
Which class stands for which kind of GPU.
"""

from __future__ import annotations

from loadgen.live.dcgm import Owner
from loadgen.live.gpus.base import Gpu, NoGpu
from loadgen.live.gpus.cuda import CudaDevice, driver
from loadgen.live.gpus.nvidia import NvidiaGpu
from loadgen.live.gpus.simulated import SimulatedGpu


def gpu(kind: str, *, owner: Owner, host: str, busy_percent: float, model_bytes: int) -> Gpu:
    """
    Return the GPU of a worker.

    Raises:
        GpuError: there is none of the kind.
    """
    match kind:
        case "none":
            return NoGpu()
        case "simulated":
            return SimulatedGpu(owner, host, busy_percent)
        case _:
            return NvidiaGpu(CudaDevice(driver()), model_bytes)
