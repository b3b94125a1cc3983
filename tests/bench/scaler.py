"""
The scaler under measurement: the real one, as a process of its own, with one core to itself.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from asyncio.subprocess import STDOUT, Process
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import aiohttp

from tests.servers.ports import free_port

_READY_WITHIN = 30.0
_STOP_WITHIN = 15.0
_LOOK_EVERY = 0.05


class ScalerFailedError(RuntimeError):
    """
    The scaler did not start; the message has the end of its log.
    """


@cache
def cores() -> tuple[set[int], set[int]]:
    """
    Return the core that the scaler has to itself, and those for KEDA's side; the same one if there is no other.
    """
    available = sorted(os.sched_getaffinity(0))
    return {available[-1]}, set(available[:-1]) or {available[-1]}


class Scaler:
    """
    `scaler serve` with a document, as an asynchronous context.

    Attributes:
        address: where it answers KEDA.
    """

    def __init__(self, folder: Path, document: Mapping[str, Any]) -> None:
        self.address = f"127.0.0.1:{free_port()}"
        self._http = f"127.0.0.1:{free_port()}"
        self._config = folder / f"{self.address}.yaml"
        self._config.write_text(json.dumps(document))
        self._log = folder / f"{self.address}.log"
        self._process: Process
        self._session: aiohttp.ClientSession

    async def __aenter__(self) -> Self:
        """
        Start it and return when it is ready.

        Raises:
            ScalerFailedError: it ended, or was not ready in time.
        """
        command = ("-m", "scaler", "serve", "--config", str(self._config), "--grpc", self.address, "--http", self._http)
        with self._log.open("wb") as log:
            # A thread has the affinity of whoever starts it, so the first one is pinned before there are others.
            self._process = await asyncio.create_subprocess_exec(sys.executable, *command, stdout=log, stderr=STDOUT)
        os.sched_setaffinity(self._process.pid, cores()[0])
        self._session = aiohttp.ClientSession(f"http://{self._http}")
        try:
            async with asyncio.timeout(_READY_WITHIN):
                while not await self._ready():  # noqa: ASYNC110 - another process cannot wake us
                    await asyncio.sleep(_LOOK_EVERY)
        except BaseException as error:
            await self._end()
            raise ScalerFailedError(f"the scaler did not start: {self._log.read_text()[-2000:]}") from error
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._end()

    async def page(self, path: str) -> Any:
        """
        Return what its HTTP port says in JSON.
        """
        async with self._session.get(path) as answer:
            return await answer.json()

    async def workloads(self) -> list[dict[str, Any]]:
        """
        Return all workloads as it shows them.
        """
        shown: list[dict[str, Any]] = (await self.page("/v1/workloads"))["workloads"]
        return shown

    async def metric(self, sample: str) -> float:
        """
        Return the value of a sample of its metrics, named as it is on the page.

        Raises:
            LookupError: there is none.
        """
        async with self._session.get("/metrics") as answer:
            for line in (await answer.text()).splitlines():
                if line.startswith(f"{sample} "):
                    return float(line.rpartition(" ")[2])
        raise LookupError(sample)

    async def scrape(self) -> float:
        """
        Read the whole page of metrics as Prometheus does, packed; return how many seconds that took.
        """
        began = time.monotonic()
        async with self._session.get("/metrics", headers={"Accept-Encoding": "gzip"}) as answer:
            await answer.read()
        return time.monotonic() - began

    def memory_mb(self, field: str = "VmRSS") -> float:
        """
        Return its resident memory, at present (VmRSS) or the most there ever was (VmHWM).
        """
        for line in Path(f"/proc/{self._process.pid}/status").read_text().splitlines():
            if line.startswith(f"{field}:"):
                return int(line.split()[1]) / 1024
        raise LookupError(field)

    def cpu_seconds(self) -> float:
        """
        Return the time that it has kept its core busy.
        """
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    async def _ready(self) -> bool:
        if self._process.returncode is not None:
            raise ScalerFailedError("it ended")
        try:
            async with self._session.get("/readyz") as answer:
                return answer.ok
        except aiohttp.ClientError:
            return False

    async def _end(self) -> None:
        await self._session.close()
        if self._process.returncode is not None:
            return
        self._process.terminate()
        try:
            async with asyncio.timeout(_STOP_WITHIN):
                await self._process.wait()
        except TimeoutError:
            self._process.kill()
            await self._process.wait()


def core_seconds() -> float:
    """
    Return how long the scaler's core has been busy since the machine started, whoever kept it so.
    """
    (core,) = cores()[0]
    lines = Path("/proc/stat").read_text().splitlines()
    fields = next(line for line in lines if line.startswith(f"cpu{core} ")).split()
    user, nice, system, _idle, _waiting, *interrupts_and_theft = map(int, fields[1:9])
    return (user + nice + system + sum(interrupts_and_theft)) / os.sysconf("SC_CLK_TCK")
