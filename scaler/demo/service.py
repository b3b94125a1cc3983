"""
The real scaler, as a process of its own: started, waited for, and stopped.
"""

from __future__ import annotations

import asyncio
import socket
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Self

import aiohttp

_HOST = "127.0.0.1"
_READY_WITHIN = 30.0
_STOP_WITHIN = 12.0
_LOOK_EVERY = 0.05
_LAST_LINES = 15


class ServiceError(Exception):
    """
    The scaler did not start, or ended before it was told to.
    """


class Service:
    """
    A `scaler serve` with this document, as a context manager: ready once entered, gone once left.

    Attributes:
        grpc_address: where it answers KEDA, as host:port.
        page: the address that its HTTP paths start with.
        last_lines: the end of its log, once it is gone.
    """

    def __init__(self, document: str) -> None:
        self.grpc_address = f"{_HOST}:{_free_port()}"
        self.last_lines: tuple[str, ...] = ()
        self._http_address = f"{_HOST}:{_free_port()}"
        self.page = f"http://{self._http_address}"
        self._document = document
        self._folder = TemporaryDirectory(prefix="scaler-demo-")
        self._log = Path(self._folder.name) / "scaler.log"
        self._process: asyncio.subprocess.Process | None = None

    async def until_ended(self) -> None:
        """
        Wait for the process to end by itself, which it should not.

        Raises:
            ServiceError: when it has.
        """
        if self._process is not None:
            status = await self._process.wait()
            raise ServiceError(f"the scaler ended by itself, with status {status}")

    async def __aenter__(self) -> Self:
        """
        Start it and wait until it is ready.

        Raises:
            ServiceError: if it ends, or does not become ready in time.
        """
        try:
            self._process = await self._start()
            await self._ready(self._process)
        except BaseException:
            await self._stop()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stop()

    async def _start(self) -> asyncio.subprocess.Process:
        config = Path(self._folder.name) / "config.yaml"
        config.write_text(self._document, encoding="utf-8")
        command = (sys.executable, "-m", "scaler", "serve", "--config", str(config))
        addresses = ("--grpc", self.grpc_address, "--http", self._http_address)
        with self._log.open("wb") as log:
            # In a session of its own, so that Ctrl-C reaches the demo alone, and it decides what ends when.
            return await asyncio.create_subprocess_exec(
                *command, *addresses, stdout=log, stderr=asyncio.subprocess.STDOUT, start_new_session=True
            )

    async def _ready(self, process: asyncio.subprocess.Process) -> None:
        try:
            async with asyncio.timeout(_READY_WITHIN), aiohttp.ClientSession() as session:
                while not await _answers(session, f"{self.page}/readyz"):
                    if process.returncode is not None:
                        raise ServiceError(f"the scaler did not start: it ended with status {process.returncode}")
                    await asyncio.sleep(_LOOK_EVERY)
        except TimeoutError as error:
            raise ServiceError(f"the scaler was not ready within {_READY_WITHIN:g} s") from error

    async def _stop(self) -> None:
        process = self._process
        if process is not None and process.returncode is None:
            process.terminate()
            try:
                async with asyncio.timeout(_STOP_WITHIN):
                    await process.wait()
            except TimeoutError:
                process.kill()
                await process.wait()
        if self._log.exists():
            self.last_lines = tuple(self._log.read_text(errors="replace").splitlines()[-_LAST_LINES:])
        self._folder.cleanup()


async def _answers(session: aiohttp.ClientSession, url: str) -> bool:
    try:
        async with session.get(url) as response:
            return response.ok
    except aiohttp.ClientError:
        return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((_HOST, 0))
        port: int = probe.getsockname()[1]
        return port
