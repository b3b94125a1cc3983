"""
A GPU that is only told of: it waits instead of computing, and shows what dcgm-exporter would of a real one.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from loadgen.live.dcgm import Owner, Reading
from loadgen.live.gpus.base import PARTS, Finding

MODEL = "Simulated GPU"


class SimulatedGpu:
    """
    One GPU of one pod.

    Args:
        owner: the pod that has it.
        host: the node.
        busy_percent: its utilisation while any job is computed; 0 otherwise.
    """

    def __init__(self, owner: Owner, host: str, busy_percent: float) -> None:
        self._owner = owner
        self._host = host
        self._busy_percent = busy_percent
        self._computing = 0
        self._resident = False

    @property
    def reading(self) -> Reading:
        """
        What dcgm-exporter would show now.
        """
        uuid = simulated_uuid(self._host, self._owner.namespace, self._owner.pod)
        percent = self._busy_percent if self._computing else 0.0
        return Reading(0, uuid, MODEL, self._host, percent, self._owner)

    async def load(self, seconds: float) -> None:
        """
        Wait; then the model counts as resident.
        """
        await asyncio.sleep(seconds)
        self._resident = True

    async def compute(self, seconds: float) -> None:
        """
        Wait, and be busy meanwhile.
        """
        with self._busy():
            await asyncio.sleep(seconds)

    async def examine(self) -> Mapping[str, Finding]:
        """
        Say what is pretended.
        """
        resident = "a simulated model is loaded" if self._resident else "the simulated model is not loaded yet"
        finding = Finding(ok=True, found="simulated")
        return {**dict.fromkeys(PARTS, finding), "model": Finding(self._resident, resident)}

    async def aclose(self) -> None:
        """
        Forget the model.
        """
        self._resident = False

    @contextmanager
    def _busy(self) -> Iterator[None]:
        self._computing += 1
        try:
            yield
        finally:
            self._computing -= 1


def simulated_uuid(*parts: str) -> str:
    """
    Return a UUID as GPUs have them, always the same for the same parts.
    """
    digest = hashlib.sha256("\0".join(parts).encode()).hexdigest()
    return f"GPU-{digest[:8]}-{digest[8:12]}-{digest[12:16]}-{digest[16:20]}-{digest[20:32]}"
