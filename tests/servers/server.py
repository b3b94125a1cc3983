"""
What every server of the tests has: it starts, stops, freezes, and comes back on the same ports.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.servers.command import Command
from tests.servers.place import process
from tests.servers.ports import accepts

START_BOUND = 60.0
"""Seconds in which a server must be ready."""
STOP_BOUND = 10.0
"""Seconds in which a killed server's ports must be free."""


class ServerFailedError(Exception):
    """
    A server did not come up, and the message has the end of its log; or it did not go away.
    """


class Server(ABC):
    """
    A real server on *ports* of the loopback address.

    All methods block: an asyncio test calls them through `asyncio.to_thread`.
    """

    def __init__(self, command: Command, mounted: Path, *ports: int) -> None:
        self.name = command.program
        self.ports = ports
        self._process = process(command, mounted)
        self._paused = False

    @abstractmethod
    def ready(self) -> bool:
        """
        Tell whether it serves its clients.
        """

    def start(self) -> Self:
        """
        Start it, or start it again, and return when it serves.

        Raises:
            ServerFailedError: it ended or did not serve in time.
        """
        self._process.start()
        deadline = time.monotonic() + START_BOUND
        while not self.ready():
            if time.monotonic() > deadline or not self._process.running():
                log = self._process.log()[-3000:]
                self.close()
                raise ServerFailedError(f"{self.name} did not come up; the end of its log:\n{log}")
            time.sleep(0.05)
        return self

    def stop(self) -> None:
        """
        End it at once, as a crash would: connections break, new ones are refused.

        Raises:
            ServerFailedError: something still listens on its ports.
        """
        if self._paused:
            self.resume()
        self._process.stop()
        # What the first process started may outlive it by a moment.
        deadline = time.monotonic() + STOP_BOUND
        while any(map(accepts, self.ports)):
            if time.monotonic() > deadline:
                raise ServerFailedError(f"{self.name} still listens after it was killed")
            time.sleep(0.02)

    def pause(self) -> None:
        """
        Freeze it: connections stay open and say nothing more.
        """
        self._process.pause()
        self._paused = True

    def resume(self) -> None:
        """
        Let it go on after `pause`.
        """
        self._process.resume()
        self._paused = False

    def restore(self) -> None:
        """
        Undo what a test did: a frozen server goes on, a stopped one is started.
        """
        if self._paused:
            self.resume()
        if not self._process.running():
            self.start()

    def close(self) -> None:
        """
        End it for good.
        """
        if self._paused:
            self.resume()
        self._process.close()

    def __enter__(self) -> Self:
        """
        Start it.
        """
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """
        End it for good.
        """
        self.close()
