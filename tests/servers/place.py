"""
Where the servers of the integration tests run.

`SCALER_TEST_SERVERS` says it: `containers` or `local`. Without it they run in containers where an engine answers,
otherwise as processes of this machine. What cannot be had is an error and never a skipped test.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from enum import Enum
from pathlib import Path

from tests.servers.command import Command, Process
from tests.servers.containers import Container, engine_trouble
from tests.servers.local import LocalProcess, installed

PROGRAMS = ("redis-server", "rabbitmq-server", "prometheus")
"""What the tests start. Debian's packages have the same names."""


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
    return choose(os.environ.get("SCALER_TEST_SERVERS", ""), engine_trouble())


def choose(asked: str, trouble: str | None) -> Place:
    """
    Return the place that was asked for ("" leaves the choice), or the one that there is, given the engine's trouble.

    Raises:
        NoServersError: as `place`.
    """
    match asked, trouble:
        case (("" | "containers"), None):
            return Place.CONTAINERS
        case (("" | "local"), _):
            return Place.LOCAL
        case "containers", _:
            raise NoServersError(f"Start Docker on this machine, or set SCALER_TEST_SERVERS=local: {trouble}.")
        case _:
            raise NoServersError(f"Set SCALER_TEST_SERVERS to containers or local, not to {asked!r}.")


def missing(programs: Sequence[str] = PROGRAMS) -> list[str]:
    """
    Return the programs that this machine lacks.
    """
    return [program for program in programs if not installed(program)]


def advice(programs: Sequence[str]) -> str:
    """
    Return one sentence that says how to have servers here that are missing.
    """
    return f"Start Docker on this machine, or install the servers with: apt-get install {' '.join(programs)}."


def process(command: Command, mounted: Path) -> Process:
    """
    Return a command as a process of the chosen place, not started; *mounted* is a folder above all that it reads.

    Raises:
        NoServersError: the place does not have the program.
    """
    return Container(command, mounted) if place() is Place.CONTAINERS else local_process(command)


def local_process(command: Command) -> LocalProcess:
    """
    Return a command as a process of this machine, not started.

    Raises:
        NoServersError: this machine does not have the program; the message names it and the others that it lacks.
    """
    if not installed(command.program):
        raise NoServersError(advice(missing(sorted({command.program, *PROGRAMS}))))
    return LocalProcess(command)
