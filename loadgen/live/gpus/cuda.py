"""
The little of CUDA's driver library that keeps a GPU busy: it comes with the driver, so no framework is needed.

A context belongs to the thread that made it current; all methods of a `CudaDevice` have to be called in one thread.
"""

from __future__ import annotations

import ctypes
import time
from typing import Any

from loadgen.live.gpus.base import GpuError

_MARK = 0x5EED5EED
_WORK_BYTES = 64 * 2**20
_FILLS_AT_ONCE = 64
_WORD = 4


def driver(library: str = "libcuda.so.1") -> Any:
    """
    Return the driver's library.

    Raises:
        GpuError: there is none.
    """
    try:
        return ctypes.CDLL(library)
    except OSError as error:
        raise GpuError(
            f"CUDA's driver library ({library}) is not there: run the worker on a node with the NVIDIA driver, in a "
            "container that is given a GPU, or choose LOADGEN_GPU=simulated"
        ) from error


class CudaDevice:
    """
    The first GPU that the process may use.

    Args:
        library: the driver's library, as `driver` returns it.
    """

    def __init__(self, library: Any) -> None:
        self._library = library
        self._device = ctypes.c_int()
        self._context = ctypes.c_void_p()
        self._model = ctypes.c_uint64()
        self._model_bytes = 0
        self._work = ctypes.c_uint64()

    def initialise(self) -> int:
        """
        Initialise the driver, and return how many GPUs it has for us. Harmless when repeated.

        Raises:
            GpuError: it cannot be, or has none.
        """
        self._call("cuInit", ctypes.c_uint(0))
        count = ctypes.c_int()
        self._call("cuDeviceGetCount", ctypes.byref(count))
        if not count.value:
            raise GpuError("CUDA's driver has no GPU for this process")
        return count.value

    def load(self, model_bytes: int) -> None:
        """
        Fill so many bytes of GPU memory, as a model's weights do.

        Raises:
            GpuError: there is no room, or no GPU.
        """
        self.initialise()
        self._call("cuDeviceGet", ctypes.byref(self._device), ctypes.c_int(0))
        self._call("cuDevicePrimaryCtxRetain", ctypes.byref(self._context), self._device)
        self._call("cuCtxSetCurrent", self._context)
        self._call("cuMemAlloc_v2", ctypes.byref(self._model), ctypes.c_size_t(model_bytes))
        self._model_bytes = model_bytes
        self._fill(self._model, model_bytes)
        self._call("cuMemAlloc_v2", ctypes.byref(self._work), ctypes.c_size_t(_WORK_BYTES))
        self._call("cuCtxSynchronize")

    def burn(self, seconds: float) -> None:
        """
        Keep the GPU computing for about so long.

        Raises:
            GpuError: it does not.
        """
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            for _ in range(_FILLS_AT_ONCE):
                self._fill(self._work, _WORK_BYTES)
            self._call("cuCtxSynchronize")

    def resident(self) -> int:
        """
        Return the model's bytes, after a look at its first and last word in GPU memory.

        Raises:
            GpuError: it is not there, or not what was loaded.
        """
        if not self._model.value:
            raise GpuError("the model is not loaded yet")
        word = ctypes.c_uint32()
        for offset in (0, self._model_bytes - _WORD):
            place = ctypes.c_uint64(self._model.value + offset)
            self._call("cuMemcpyDtoH_v2", ctypes.byref(word), place, ctypes.c_size_t(_WORD))
            if word.value != _MARK:
                raise GpuError("GPU memory does not hold what was loaded")
        return self._model_bytes

    def close(self) -> None:
        """
        Give the memory back.

        Raises:
            GpuError: the driver does not take it.
        """
        if self._context.value:
            for memory in (self._model, self._work):
                if memory.value:
                    self._call("cuMemFree_v2", memory)
                    memory.value = 0
            self._call("cuDevicePrimaryCtxRelease_v2", self._device)
            self._context.value = None

    def _fill(self, memory: ctypes.c_uint64, size: int) -> None:
        self._call("cuMemsetD32_v2", memory, ctypes.c_uint(_MARK), ctypes.c_size_t(size // _WORD))

    def _call(self, function: str, *arguments: Any) -> None:
        status = getattr(self._library, function)(*arguments)
        if status:
            words = ctypes.c_char_p()
            self._library.cuGetErrorString(ctypes.c_int(status), ctypes.byref(words))
            meaning = (words.value or b"no words for it").decode(errors="replace")
            raise GpuError(f"{function} fails with {status}: {meaning}")
