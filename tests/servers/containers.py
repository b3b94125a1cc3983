"""
Servers in containers, through testcontainers.

Containers share the network of the machine and run as the user of the tests, with the tests' temporary folder at its
own path. So a command is the same command in both places: a server comes back on its port after a stop, Prometheus
scrapes a page on the loopback address, and the nodes of a Redis Cluster announce addresses that the test can reach.
"""

from __future__ import annotations

import gc
import os
import warnings
from collections.abc import Mapping
from contextlib import closing, suppress
from functools import cache
from pathlib import Path
from typing import Any

from docker.errors import APIError, DockerException, NotFound
from docker.models.containers import Container as Handle
from testcontainers.core.container import DockerContainer
from testcontainers.core.docker_client import DockerClient

from tests.servers.command import Command

_FREEZE_TRIALS = 5
"""On a busy machine the engine may give up on freezing a container whose processes keep starting others."""


@cache
def engine_trouble() -> str | None:
    """
    Return why no container engine can be used here, in half a sentence, or None if one can.
    """
    info = _engine_information()
    if info is None:
        return "no container engine answers"
    if "Docker Desktop" in info.get("OperatingSystem", "") or "name=rootless" in info.get("SecurityOptions", ()):
        return "the container engine does not share this machine's network"
    return None


def _engine_information() -> Mapping[str, Any] | None:
    information: Mapping[str, Any] | None = None
    with warnings.catch_warnings():
        # docker-py leaves the socket of a refused connection to the garbage collector.
        warnings.simplefilter("ignore", ResourceWarning)
        with suppress(DockerException), closing(DockerClient(timeout=10).client) as client:
            information = client.info()
        gc.collect()
    return information


class Container:
    """
    A container that is kept between `stop` and `start`.
    """

    def __init__(self, command: Command, mounted: Path) -> None:
        self._container = (
            DockerContainer(command.image)
            .with_command(list(command.argv[1:]))
            .with_envs(HOME=str(command.folder), **command.environment)
            .with_volume_mapping(mounted, str(mounted), "rw")
            .with_kwargs(
                entrypoint=[command.argv[0]],
                network="host",
                user=f"{os.getuid()}:{os.getgid()}",
                working_dir=str(command.folder),
            )
        )
        self._handle: Handle | None = None

    def start(self) -> None:
        """
        Create it the first time, start it again afterwards.
        """
        if self._handle is None:
            self._container.start()
            self._handle = self._container.get_wrapped_container()
        else:
            self._handle.start()

    def stop(self) -> None:
        """
        Kill it and wait until it has ended.
        """
        if self._handle is not None and self.running():
            self._handle.kill()
            self._handle.wait(timeout=10)

    def pause(self) -> None:
        """
        Freeze it.
        """
        if self._handle is None:
            return
        for left in reversed(range(_FREEZE_TRIALS)):
            try:
                self._handle.pause()
            except APIError as error:
                if not left or "unable to freeze" not in str(error):
                    raise
            else:
                break

    def resume(self) -> None:
        """
        Let it go on.
        """
        if self._handle is not None:
            self._handle.unpause()

    def running(self) -> bool:
        """
        Ask the engine whether it has not ended.
        """
        if self._handle is None:
            return False
        try:
            self._handle.reload()
        except NotFound:
            return False
        return self._handle.status in ("running", "paused")

    def log(self) -> str:
        """
        Return the log of all starts.
        """
        return "" if self._handle is None else self._handle.logs().decode(errors="replace")

    def close(self) -> None:
        """
        Remove it.
        """
        self._container.stop()
        self._handle = None
