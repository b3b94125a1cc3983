"""
NVML: the contract over a module that is written as a class, because machines of tests have no GPU.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field

import pynvml  # type: ignore[import-untyped] # it has no types
import pytest

from scaler.domain.pods import ANY_POD, Fleet
from scaler.domain.readings import GpuUse, PodUse
from scaler.settings.connections import NvmlConnection
from scaler.sources.base import Answer, Source, SourceError
from scaler.sources.nvml import NvmlSource
from scaler.sources.questions import GpuFleet, Question, RabbitQueue
from tests.sources.contract import SourceContract, SourceWorld, eventually

QUESTION = GpuFleet("node")


@dataclass
class Utilisation:
    """
    What NVML returns for a GPU.
    """

    gpu: float
    memory: int = 0


@dataclass
class FakeNvml:
    """
    The module `pynvml` on a machine with some GPUs.

    Attributes:
        percents: utilisation of each GPU; an exception is raised instead.
        mig: the GPUs that are in MIG mode; the others do not know what that is.
        trouble: raised by everything, if set.
        initialised: as often as NVML is held.
    """

    percents: list[float | Exception] = field(default_factory=lambda: [0.0])
    mig: set[int] = field(default_factory=set)
    trouble: Exception | None = None
    initialised: int = 0
    speaking: threading.Event = field(default_factory=threading.Event)
    NVMLError: type[Exception] = pynvml.NVMLError
    NVML_DEVICE_MIG_ENABLE: int = pynvml.NVML_DEVICE_MIG_ENABLE

    def __post_init__(self) -> None:
        """
        Speak.
        """
        self.speaking.set()

    def nvmlInit(self) -> None:  # noqa: N802 - NVML's names
        """
        Hold the library.
        """
        self._ask(held=False)
        self.initialised += 1

    def nvmlShutdown(self) -> None:  # noqa: N802
        """
        Let go.
        """
        self.initialised -= 1

    def nvmlSystemGetDriverVersion(self) -> str:  # noqa: N802
        """
        Return a version.
        """
        self._ask()
        return "550.54.15"

    def nvmlDeviceGetCount(self) -> int:  # noqa: N802
        """
        Return how many GPUs there are.
        """
        self._ask()
        return len(self.percents)

    def nvmlDeviceGetHandleByIndex(self, index: int) -> int:  # noqa: N802
        """
        Return the index as the handle.
        """
        self._ask()
        return index

    def nvmlDeviceGetUUID(self, handle: int) -> str:  # noqa: N802
        """
        Return an identity.
        """
        self._ask()
        return f"GPU-{handle}"

    def nvmlDeviceGetUtilizationRates(self, handle: int) -> Utilisation:  # noqa: N802
        """
        Return what the test set.
        """
        self._ask()
        percent = self.percents[handle]
        if isinstance(percent, Exception):
            raise percent
        if handle in self.mig:
            raise pynvml.NVMLError(pynvml.NVML_ERROR_NOT_SUPPORTED)
        return Utilisation(percent)

    def nvmlDeviceGetMigMode(self, device: int) -> Sequence[int]:  # noqa: N802
        """
        Return the mode now and after the next reset.
        """
        self._ask()
        if device not in self.mig:
            raise pynvml.NVMLError(pynvml.NVML_ERROR_NOT_SUPPORTED)
        return [pynvml.NVML_DEVICE_MIG_ENABLE, pynvml.NVML_DEVICE_MIG_ENABLE]

    def _ask(self, *, held: bool = True) -> None:
        assert self.speaking.wait(30)
        if self.trouble is not None:
            raise self.trouble
        if held and not self.initialised:
            raise pynvml.NVMLError(pynvml.NVML_ERROR_UNINITIALIZED)


class NvmlWorld(SourceWorld):
    """
    A node with one GPU.
    """

    questions = (QUESTION,)
    foreign = RabbitQueue("node", "jobs")
    host = "this machine"
    absurd = (-1.0, 101.0, 4294967295.0)

    def __init__(self) -> None:
        self.nvml = FakeNvml()

    def source(self) -> Source:
        """
        Return a source that is given the class for the module.
        """
        return NvmlSource("node", NvmlConnection(type="nvml"), self.nvml)

    async def put(self, question: Question, number: float) -> None:
        """
        Let the GPU compute.
        """
        assert question == QUESTION
        self.nvml.percents = [number]

    async def stop(self) -> None:
        """
        Unload the driver.
        """
        self.nvml.trouble = pynvml.NVMLError(pynvml.NVML_ERROR_DRIVER_NOT_LOADED)

    async def start(self) -> None:
        """
        Load it.
        """
        self.nvml.trouble = None

    async def hang(self) -> None:
        """
        Let calls into the driver not return.
        """
        self.nvml.speaking.clear()

    async def resume(self) -> None:
        """
        Let them return.
        """
        self.nvml.speaking.set()


class TestNvmlSource(SourceContract):
    """
    NVML keeps the contract.
    """

    @pytest.fixture
    async def world(self) -> NvmlWorld:
        """
        Make a node.
        """
        return NvmlWorld()


async def read(nvml: FakeNvml, devices: tuple[int, ...] | None = None) -> Answer:
    """
    Read once through a new source.
    """
    source = NvmlSource("node", NvmlConnection(type="nvml", devices=devices), nvml)
    try:
        return (await source.read([QUESTION]))[QUESTION]
    finally:
        await source.aclose()


async def test_every_gpu_counts_for_whoever_asks() -> None:
    """
    All GPUs of the machine are one workload's, whatever its name.
    """
    fleet = await read(FakeNvml([90.0, 70.0]))
    assert isinstance(fleet, Fleet)
    use = fleet.of("any", "body")
    assert use == GpuUse((PodUse(ANY_POD, 90.0, "GPU-0"), PodUse(ANY_POD, 70.0, "GPU-1")))


async def test_only_the_named_gpus_are_read() -> None:
    """
    A GPU that is left out may be in any trouble.
    """
    lost = pynvml.NVMLError(pynvml.NVML_ERROR_GPU_IS_LOST)
    assert await read(FakeNvml([lost, 70.0]), devices=(1,)) == Fleet({ANY_POD: (PodUse(ANY_POD, 70.0, "GPU-1"),)})


async def test_a_gpu_in_mig_mode_is_named() -> None:
    """
    NVML has no utilisation for it: the sentence says what has.
    """
    answer = await read(FakeNvml([50.0, 0.0], mig={1}))
    assert isinstance(answer, SourceError)
    assert str(answer) == (
        "GPU 1 of this machine cannot be read by NVML: "
        "it is in MIG mode, of which NVML tells no utilisation; use dcgm-exporter"
    )


async def test_a_gpu_that_is_lost_is_named_and_nvml_is_begun_anew() -> None:
    """
    One GPU that cannot be read makes the reading unknown; the next read initialises NVML again.
    """
    nvml = FakeNvml([pynvml.NVMLError(pynvml.NVML_ERROR_GPU_IS_LOST), 10.0])
    source = NvmlSource("node", NvmlConnection(type="nvml"), nvml)
    answer = (await source.read([QUESTION]))[QUESTION]
    assert isinstance(answer, SourceError)
    assert "GPU 0 of this machine cannot be read by NVML" in str(answer)
    assert nvml.initialised == 0
    nvml.percents[0] = 20.0
    assert isinstance((await source.read([QUESTION]))[QUESTION], Fleet)
    assert nvml.initialised == 1
    await source.aclose()


@pytest.mark.parametrize(
    ("nvml", "devices", "sentence"),
    [
        pytest.param(FakeNvml([1.0, 2.0]), (0, 7), "so there is none of index 7", id="index-out-of-range"),
        pytest.param(FakeNvml([]), None, "NVML knows no GPU on this machine", id="no-gpu"),
    ],
)
async def test_gpus_that_are_not_there(nvml: FakeNvml, devices: tuple[int, ...] | None, sentence: str) -> None:
    """
    Asking for GPUs that the machine lacks is an error, not an idle fleet.
    """
    with pytest.raises(SourceError, match=sentence):
        await read(nvml, devices)


async def test_closing_lets_go_of_nvml() -> None:
    """
    NVML counts who holds it; a source holds it once, and not after it was closed.
    """
    nvml = FakeNvml()
    source = NvmlSource("node", NvmlConnection(type="nvml"), nvml)
    await source.read([QUESTION])
    await source.read([QUESTION])
    assert nvml.initialised == 1
    assert await source.probe() == "NVML of driver 550.54.15, with 1 GPU to read"
    await source.aclose()
    await eventually(lambda: nvml.initialised == 0)


async def test_the_real_module_says_why_it_cannot_be_used_or_reads() -> None:
    """
    Where there is no driver, the sentence says what to do; where there is one, the machine's GPUs are read.
    """
    source = NvmlSource("node", NvmlConnection(type="nvml"))
    try:
        assert (await source.probe()).startswith("NVML of driver ")
    except SourceError as error:
        assert str(error).startswith("NVML cannot be used on this machine (")  # noqa: PT017 - either outcome is right
    finally:
        await source.aclose()
