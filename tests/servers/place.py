"""
Where the servers of the integration tests run.

`SCALER_TEST_SERVERS` says it: `containers` or `local`. Without it they run in containers where an engine answers,
otherwise as processes of this machine. What cannot be had is an error and never a skipped test.
"""

from __future__ import annotations

import os
from enum import Enum
from pathlib import Path

from tests.servers.command import Command, Process
from tests.servers.containers import Container, engine_trouble
from tests.servers.local import LocalProcess, installed

PACKAGES = {
    "redis-server": "redis-server",
    "rabbitmq-server": "rabbitmq-server",
    "prometheus": "prometheus",
}
"""The programs that the tests start, and the Debian packages that have them."""


class NoServersError(Exception):
    """
    The servers cannot be started here; the message is one sentence that says what to do.
    """


class Place(Enum):
    """
    A place to run servers in.
    """

    CONTAINERS = "containers"
    LOCAL = "local"


def place() -> Place:
    """
    Return where the servers run.

    Raises:
        NoServersError: containers were asked for and no engine can run them, or the variable has another value.
    """
    asked = os.environ.get("SCALER_TEST_SERVERS", "")
    if asked not in ("", *(each.value for each in Place)):
        raise NoServersError(f"Set SCALER_TEST_SERVERS to containers or local, not to {asked!r}.")
    trouble = engine_trouble() if asked != Place.LOCAL.value else None
    if asked == Place.CONTAINERS.value and trouble:
        raise NoServersError(f"Start Docker on this machine, or set SCALER_TEST_SERVERS=local: {trouble}.")
    return Place.LOCAL if trouble or asked == Place.LOCAL.value else Place.CONTAINERS


def missing_packages() -> list[str]:
    """
    Return the Debian packages whose programs this machine lacks.
    """
    return [package for program, package in PACKAGES.items() if not installed(program)]


def advice() -> str:
    """
    Return one sentence that says how to have the servers here.
    """
    return f"Start Docker on this machine, or install its servers with: apt-get install {' '.join(missing_packages())}."


def process(command: Command, mounted: Path) -> Process:
    """
    Return a command as a process of the chosen place, not started; *mounted* is a folder above all that it reads.

    Raises:
        NoServersError: the place does not have the program.
    """
    if place() is Place.CONTAINERS:
        return Container(command, mounted)
    if not installed(command.program):
        raise NoServersError(advice())
    return LocalProcess(command)
