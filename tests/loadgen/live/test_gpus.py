"""
NVIDIA's GPU behind the worker, with libraries that answer as the driver's do: what is asked of them, and what is told.
"""

from __future__ import annotations

import asyncio
import ctypes
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import pytest

from loadgen.live.gpus.base import GpuError
from loadgen.live.gpus.cuda import CudaDevice, driver
from loadgen.live.gpus.nvidia import NvidiaGpu

MIB = 2**20
_BASE = 0x7F0000000000


class Driver:
    """
    CUDA's driver library as far as it is used: memory is real enough to be read back.

    Attributes:
        fails: calls that fail, with their status.
        fills: how often memory was filled.
    """

    def __init__(self, gpus: int = 1, memory: int = 1024 * MIB) -> None:
        self.fails: dict[str, int] = {}
        self.fills = 0
        self.threads: set[str] = set()
        self._gpus = gpus
        self._free = memory
        self._initialised = False
        self._blocks: dict[int, tuple[int, int]] = {}
        self._retained = 0

    def __getattr__(self, name: str) -> Any:
        """
        Return a function of the library; one that is not known is an AttributeError, as ctypes has it.
        """
        if not name.startswith("cu"):
            raise AttributeError(name)
        known = getattr(self, f"_{name}".replace("_v2", ""))

        def call(*arguments: Any) -> int:
            return self.fails.get(name) or known(*arguments)

        return call

    @property
    def held(self) -> int:
        """
        How many blocks and contexts were not given back.
        """
        return len(self._blocks) + self._retained

    def overwrite(self) -> None:
        """
        Let somebody else's words stand in the memory.
        """
        self._blocks = {at: (size, 0) for at, (size, _) in self._blocks.items()}

    def _cuInit(self, flags: ctypes.c_uint) -> int:  # noqa: N802 - the library's names
        self._initialised = True
        return int(flags.value != 0)

    def _cuDeviceGetCount(self, count: Any) -> int:  # noqa: N802
        count._obj.value = self._gpus
        return 0 if self._initialised else 3

    def _cuDeviceGet(self, device: Any, index: ctypes.c_int) -> int:  # noqa: N802
        device._obj.value = index.value
        return 0 if index.value < self._gpus else 101

    def _cuDevicePrimaryCtxRetain(self, context: Any, device: ctypes.c_int) -> int:  # noqa: N802
        context._obj.value = 0xC0 + device.value
        self._retained += 1
        return 0

    def _cuDevicePrimaryCtxRelease(self, device: ctypes.c_int) -> int:  # noqa: N802
        self._retained -= 1
        return device.value

    def _cuCtxSetCurrent(self, context: ctypes.c_void_p) -> int:  # noqa: N802
        return 0 if context.value else 201

    def _cuCtxSynchronize(self) -> int:  # noqa: N802
        return 0

    def _cuMemAlloc(self, memory: Any, size: ctypes.c_size_t) -> int:  # noqa: N802
        if size.value > self._free:
            return 2
        self._free -= size.value
        memory._obj.value = _BASE + len(self._blocks) * 2**32
        self._blocks[memory._obj.value] = (size.value, 0)
        return 0

    def _cuMemFree(self, memory: ctypes.c_uint64) -> int:  # noqa: N802
        size, _ = self._blocks.pop(memory.value)
        self._free += size
        return 0

    def _cuMemsetD32(self, memory: ctypes.c_uint64, word: ctypes.c_uint, count: ctypes.c_size_t) -> int:  # noqa: N802
        size, _ = self._blocks[memory.value]
        self.fills += 1
        self._blocks[memory.value] = (size, word.value)
        return 0 if count.value * 4 == size else 1

    def _cuMemcpyDtoH(self, host: Any, place: ctypes.c_uint64, size: ctypes.c_size_t) -> int:  # noqa: N802
        for at, (length, word) in self._blocks.items():
            if at <= place.value and place.value + size.value <= at + length:
                host._obj.value = word
                return 0
        return 1

    def _cuGetErrorString(self, status: ctypes.c_int, words: Any) -> int:  # noqa: N802
        words._obj.value = {2: b"out of memory", 999: b"unknown error"}.get(status.value, b"invalid value")
        return 0


class NvmlError(Exception):
    """
    NVML's error.
    """


class Nvml:
    """
    NVML as far as it is used.
    """

    NVMLError = NvmlError

    def __init__(self) -> None:
        self.gpus = 1
        self.broken = False
        self.open = 0

    def nvmlInit(self) -> None:  # noqa: D102, N802 - NVML's names and meanings
        if self.broken:
            raise NvmlError("Driver Not Loaded")
        self.open += 1

    def nvmlShutdown(self) -> None:  # noqa: D102, N802
        if not self.open:
            raise NvmlError("Uninitialized")
        self.open -= 1

    def nvmlDeviceGetCount(self) -> int:  # noqa: D102, N802
        return self.gpus

    def nvmlDeviceGetHandleByIndex(self, index: int) -> int:  # noqa: D102, N802
        return index

    def nvmlDeviceGetMemoryInfo(self, _: int) -> Any:  # noqa: D102, N802
        return SimpleNamespace(used=320 * MIB, total=81920 * MIB)

    def nvmlSystemGetDriverVersion(self) -> str:  # noqa: D102, N802
        return "570.1"


@pytest.fixture
def cuda() -> Driver:
    """
    A driver with one GPU of a GiB.
    """
    return Driver()


@pytest.fixture
def nvml() -> Nvml:
    """
    An NVML that knows one GPU.
    """
    return Nvml()


@pytest.fixture
async def gpu(cuda: Driver, nvml: Nvml) -> AsyncIterator[NvidiaGpu]:
    """
    The worker's GPU on them, with a model of 256 MiB.
    """
    made = NvidiaGpu(CudaDevice(cuda), 256 * MIB, nvml)
    yield made
    await made.aclose()


async def test_each_part_is_told_by_itself(gpu: NvidiaGpu, cuda: Driver, nvml: Nvml) -> None:
    """
    Before the load the model is missing and the rest is well; afterwards all is; and each can fail alone.
    """
    found = await gpu.examine()
    assert [found[part].ok for part in ("accessible", "driver", "model")] == [True, True, False]
    await gpu.load(0.0)
    found = await gpu.examine()
    assert [found[part].ok for part in ("accessible", "driver", "model")] == [True, True, True]
    assert found["model"].found == "the model is resident in GPU memory, with 256 MiB"
    assert "320 of 81920 MiB" in found["accessible"].found
    nvml.broken = True
    cuda.overwrite()
    found = await gpu.examine()
    assert [found[part].ok for part in ("accessible", "driver", "model")] == [False, True, False]
    assert found["accessible"].found == "NVML cannot be used: Driver Not Loaded"
    cuda.fails["cuInit"] = 999
    assert (await gpu.examine())["driver"].found == "cuInit fails with 999: unknown error"
    assert nvml.open == 0


async def test_a_job_keeps_the_gpu_busy_for_its_time(gpu: NvidiaGpu, cuda: Driver) -> None:
    """
    While any job computes, memory is filled over and over; when none does, nothing is.
    """
    await gpu.load(0.0)
    before = cuda.fills
    await asyncio.gather(gpu.compute(0.1), gpu.compute(0.2))
    assert cuda.fills > before + 64
    await asyncio.to_thread(lambda: None)
    while (now := cuda.fills) != before:  # the burst that was on its way ends
        before = now
        await asyncio.sleep(0.1)
    assert cuda.fills == before


async def test_a_gpu_that_fails_ends_the_job(gpu: NvidiaGpu, cuda: Driver) -> None:
    """
    An error of the GPU reaches the job that is computed, with CUDA's own words.
    """
    await gpu.load(0.0)
    cuda.fails["cuCtxSynchronize"] = 999
    with pytest.raises(GpuError, match="cuCtxSynchronize fails with 999: unknown error"):
        await gpu.compute(60.0)


async def test_a_model_too_large_is_said(cuda: Driver, nvml: Nvml) -> None:
    """
    A model for which there is no room cannot be loaded.
    """
    gpu = NvidiaGpu(CudaDevice(cuda), 4096 * MIB, nvml)
    with pytest.raises(GpuError, match="cuMemAlloc_v2 fails with 2: out of memory"):
        await gpu.load(0.0)
    await gpu.aclose()


async def test_everything_is_given_back(cuda: Driver, nvml: Nvml) -> None:
    """
    At the end no memory and no context is held, and closing twice does no harm.
    """
    gpu = NvidiaGpu(CudaDevice(cuda), 256 * MIB, nvml)
    await gpu.load(0.0)
    assert cuda.held == 3
    await gpu.aclose()
    assert cuda.held == 0


def test_no_gpu_for_the_process_is_said() -> None:
    """
    A driver without a GPU for us is no GPU.
    """
    with pytest.raises(GpuError, match="has no GPU for this process"):
        CudaDevice(Driver(gpus=0)).initialise()


def test_a_driver_that_is_not_there_is_said() -> None:
    """
    Without the driver's library the error says what to do.
    """
    with pytest.raises(GpuError, match=r"libnone\.so\.9.*choose LOADGEN_GPU=simulated"):
        driver("libnone.so.9")
