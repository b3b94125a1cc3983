"""
What a worker computes on, and what it can say about it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

KINDS = ("none", "simulated", "nvml")
"""What a worker may be given."""

PARTS = ("accessible", "driver", "model")
"""What may be asked about a GPU: accessible through NVML, driver initialised, model resident in GPU memory."""


@dataclass(frozen=True, slots=True)
class Finding:
    """
    What was found of one part: whether it is well, and a sentence about it.
    """

    ok: bool
    found: str


class Gpu(Protocol):
    """
    A GPU, or what stands for one.
    """

    async def load(self, seconds: float) -> None:
        """
        Bring the model into its memory, which takes so long at least.

        Raises:
            GpuError: it cannot.
        """
        ...

    async def compute(self, seconds: float) -> None:
        """
        Do a job's work. May be cancelled; several may be at it at once.

        Raises:
            GpuError: it cannot.
        """
        ...

    async def examine(self) -> Mapping[str, Finding]:
        """
        Look at each of the `PARTS`, now.
        """
        ...

    async def aclose(self) -> None:
        """
        Give back what it has.
        """
        ...


class GpuError(Exception):
    """
    The GPU cannot be used; the message says why, and what would help.
    """


class NoGpu:
    """
    No GPU: work is to wait, and asked about a GPU, nothing of it is there.
    """

    async def load(self, seconds: float) -> None:
        """
        Wait.
        """
        await asyncio.sleep(seconds)

    async def compute(self, seconds: float) -> None:
        """
        Wait.
        """
        await asyncio.sleep(seconds)

    async def examine(self) -> Mapping[str, Finding]:
        """
        Say that there is none.
        """
        return dict.fromkeys(PARTS, Finding(ok=False, found="this worker has no GPU (LOADGEN_GPU is none)"))

    async def aclose(self) -> None:
        """
        Do nothing.
        """
