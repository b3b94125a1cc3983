"""
A real NVIDIA GPU: CUDA's driver computes on it, NVML tells of it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any, TypeVar

import pynvml  # type: ignore[import-untyped] # it has none

from loadgen.live.gpus.base import PARTS, Finding, GpuError
from loadgen.live.gpus.cuda import CudaDevice

Found = TypeVar("Found")

_BURST = 0.05
_EXAMINED_WITHIN = 5.0
_MIB = 2**20


class NvidiaGpu:
    """
    The first GPU that the process may use.

    Args:
        device: CUDA's view of it.
        model_bytes: the size of the model in its memory.
        nvml: the module `pynvml`, or what stands for it.
    """

    def __init__(self, device: CudaDevice, model_bytes: int, nvml: Any = pynvml) -> None:
        self._device = device
        self._model_bytes = model_bytes
        self._nvml = nvml
        # One thread each: CUDA's because its context belongs to a thread; both because a driver may not return.
        self._cuda_thread = ThreadPoolExecutor(1, thread_name_prefix="cuda")
        self._nvml_thread = ThreadPoolExecutor(1, thread_name_prefix="nvml")
        self._computing = 0
        self._burning: asyncio.Task[None] | None = None

    async def load(self, seconds: float) -> None:
        """
        Fill the model's memory; take so long at least.
        """
        loop = asyncio.get_running_loop()
        loaded_at = loop.time() + seconds
        await self._in(self._cuda_thread, lambda: self._device.load(self._model_bytes))
        await asyncio.sleep(loaded_at - loop.time())

    async def compute(self, seconds: float) -> None:
        """
        Keep the GPU busy for so long, together with others who do.
        """
        self._computing += 1
        try:
            if self._burning is None or self._burning.done():
                self._burning = asyncio.get_running_loop().create_task(self._burn())
            done, _ = await asyncio.wait([self._burning], timeout=seconds)
            for burning in done:
                burning.result()
        finally:
            self._computing -= 1

    async def examine(self) -> Mapping[str, Finding]:
        """
        Ask NVML, the driver and the memory.
        """
        checks = (
            (self._nvml_thread, self._accessible),
            (self._cuda_thread, self._driver),
            (self._cuda_thread, self._model),
        )
        found = await asyncio.gather(*(self._examined(thread, check) for thread, check in checks))
        return dict(zip(PARTS, found, strict=True))

    async def aclose(self) -> None:
        """
        Give its memory back, unless the driver does not return.
        """
        with suppress(GpuError, TimeoutError):
            async with asyncio.timeout(_EXAMINED_WITHIN):
                await self._in(self._cuda_thread, self._device.close)
        for thread in (self._cuda_thread, self._nvml_thread):
            thread.shutdown(wait=False, cancel_futures=True)

    async def _burn(self) -> None:
        while self._computing:
            await self._in(self._cuda_thread, lambda: self._device.burn(_BURST))

    async def _examined(self, thread: ThreadPoolExecutor, check: Callable[[], str]) -> Finding:
        try:
            async with asyncio.timeout(_EXAMINED_WITHIN):
                return Finding(ok=True, found=await self._in(thread, check))
        except TimeoutError:
            return Finding(ok=False, found=f"the driver does not answer within {_EXAMINED_WITHIN:g} s")
        except GpuError as error:
            return Finding(ok=False, found=str(error))

    async def _in(self, thread: ThreadPoolExecutor, act: Callable[[], Found]) -> Found:
        return await asyncio.get_running_loop().run_in_executor(thread, act)

    def _accessible(self) -> str:
        nvml = self._nvml
        try:
            nvml.nvmlInit()
            try:
                if not (count := nvml.nvmlDeviceGetCount()):
                    raise GpuError("NVML knows no GPU here: give the container one")
                memory = nvml.nvmlDeviceGetMemoryInfo(nvml.nvmlDeviceGetHandleByIndex(0))
                driver = nvml.nvmlSystemGetDriverVersion()
            finally:
                nvml.nvmlShutdown()
        except nvml.NVMLError as error:
            raise GpuError(f"NVML cannot be used: {error}") from error
        used = f"{memory.used // _MIB} of {memory.total // _MIB} MiB in use"
        return f"NVML of driver {driver} knows {count} GPU{'s' * (count != 1)}, the first with {used}"

    def _driver(self) -> str:
        count = self._device.initialise()
        return f"CUDA's driver is initialised and has {count} GPU{'s' * (count != 1)} for this process"

    def _model(self) -> str:
        return f"the model is resident in GPU memory, with {self._device.resident() // _MIB} MiB"
