"""
The GPUs of this machine, through NVML: for a scaler that runs on the node of one workload.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any, Protocol

import pynvml  # type: ignore[import-untyped] # it has none; `Nvml` says what is used

from scaler.domain.pods import ANY_POD, Fleet
from scaler.domain.readings import PodUse
from scaler.settings.connections import NvmlConnection
from scaler.sources.base import ALL_TOGETHER, Answer, Answers, SourceError
from scaler.sources.questions import GpuFleet, Question
from scaler.sources.sentences import one_line

_FULL = 100


class Nvml(Protocol):
    """
    The part of the module `pynvml` that is used.
    """

    NVMLError: type[Exception]
    NVML_DEVICE_MIG_ENABLE: int

    def nvmlInit(self) -> None: ...  # noqa: N802, D102 - NVML's names and meanings
    def nvmlShutdown(self) -> None: ...  # noqa: N802, D102
    def nvmlSystemGetDriverVersion(self) -> str: ...  # noqa: N802, D102
    def nvmlDeviceGetCount(self) -> int: ...  # noqa: N802, D102
    def nvmlDeviceGetHandleByIndex(self, index: int) -> Any: ...  # noqa: N802, D102
    def nvmlDeviceGetUUID(self, handle: Any) -> str: ...  # noqa: N802, D102
    def nvmlDeviceGetUtilizationRates(self, handle: Any) -> Any: ...  # noqa: N802, D102
    def nvmlDeviceGetMigMode(self, device: Any) -> Sequence[int]: ...  # noqa: N802, D102


class NvmlSource:
    """
    Asks NVML in a thread of its own, because a driver in trouble may not return.

    Every workload that uses the connection is given all its GPUs; one that cannot be read makes them all unknown.
    """

    portion = ALL_TOGETHER
    close_interval = 1.0

    def __init__(self, name: str, settings: NvmlConnection, nvml: Nvml = pynvml) -> None:
        self._devices = settings.devices
        self._nvml = nvml
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=f"nvml-{name}")
        self._initialised = False
        self._closed = False

    async def read(self, questions: Sequence[Question]) -> Answers:
        """
        Answer the one question there is.

        Raises:
            SourceError: NVML cannot be used.
        """
        answers: dict[Question, Answer] = {question: _refusal(question) for question in questions}
        if fleets := [question for question in questions if isinstance(question, GpuFleet)]:
            answer = await asyncio.get_running_loop().run_in_executor(self._thread, self._fleet)
            answers |= dict.fromkeys(fleets, answer)
        return answers

    def watcher(self) -> None:
        """
        Return no watcher: NVML announces nothing of utilisation.
        """

    async def probe(self) -> str:
        """
        Say which driver it is, and how many GPUs are read.

        Raises:
            SourceError: NVML cannot be used.
        """
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._description)

    async def aclose(self) -> None:
        """
        Let go of NVML, as soon as a call that is under way has returned.
        """
        if not self._closed:
            self._closed = True
            self._thread.submit(self._release)
            self._thread.shutdown(wait=False)

    def _fleet(self) -> Answer:
        uses = []
        for index in self._indexes():
            try:
                uses.append(self._use(index))
            except (self._nvml.NVMLError, ValueError) as error:
                self._release()  # what helps is often to begin anew, and the engine backs off
                return SourceError(f"GPU {index} of this machine cannot be read by NVML: {one_line(error)}")
        return Fleet({ANY_POD: tuple(uses)})

    def _use(self, index: int) -> PodUse:
        handle = self._nvml.nvmlDeviceGetHandleByIndex(index)
        if self._in_mig_mode(handle):
            raise ValueError("it is in MIG mode, of which NVML tells no utilisation; use dcgm-exporter")
        percent = self._nvml.nvmlDeviceGetUtilizationRates(handle).gpu
        if not 0 <= percent <= _FULL:
            raise ValueError(f"its utilisation of {percent} is no percentage")
        return PodUse(ANY_POD, float(percent), self._nvml.nvmlDeviceGetUUID(handle))

    def _in_mig_mode(self, handle: Any) -> bool:
        try:
            return self._nvml.nvmlDeviceGetMigMode(handle)[0] == self._nvml.NVML_DEVICE_MIG_ENABLE
        except self._nvml.NVMLError:
            return False  # not supported by most GPUs; what else is wrong shows in the next call

    def _description(self) -> str:
        count = len(self._indexes())
        try:
            version = one_line(self._nvml.nvmlSystemGetDriverVersion(), 40)
        except self._nvml.NVMLError as error:
            raise self._useless(error) from error
        return f"NVML of driver {version}, with {count} GPU{'s' * (count != 1)} to read"

    def _indexes(self) -> Sequence[int]:
        try:
            if not self._initialised:
                self._nvml.nvmlInit()
                self._initialised = True
            count = self._nvml.nvmlDeviceGetCount()
        except self._nvml.NVMLError as error:
            self._release()
            raise self._useless(error) from error
        wanted = range(count) if self._devices is None else self._devices
        if not wanted:
            raise SourceError("NVML knows no GPU on this machine that the connection asks for")
        if max(wanted) >= count:
            raise SourceError(f"NVML knows {count} GPUs on this machine, so there is none of index {max(wanted)}")
        return wanted

    def _useless(self, error: Exception) -> SourceError:
        return SourceError(
            f"NVML cannot be used on this machine ({one_line(error)}): "
            "run the scaler on a node with the NVIDIA driver, in a container that is given its GPUs"
        )

    def _release(self) -> None:
        if self._initialised:
            self._initialised = False
            with suppress(self._nvml.NVMLError):
                self._nvml.nvmlShutdown()


def _refusal(question: Question) -> SourceError:
    return SourceError(f"a connection to NVML cannot answer a question of type {type(question).__name__}")
