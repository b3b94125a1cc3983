"""
How a server is started: one description for both places, a container and the machine itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Command:
    """
    A program with its arguments, in a folder of its own that it may write to.

    Attributes:
        program: what has to be installed where there is no container engine.
        image: what it runs in where there is one.
        argv: the whole command line; the same paths and ports are good in both places.
        folder: working folder and home.
    """

    program: str
    image: str
    argv: tuple[str, ...]
    folder: Path
    environment: Mapping[str, str] = field(default_factory=dict)


class Process(Protocol):
    """
    A running command that tests can end, start again and freeze.
    """

    def start(self) -> None:
        """
        Start it, or start it again after `stop`.
        """
        ...

    def stop(self) -> None:
        """
        End it at once, as a crash would; what it wrote to its folder stays.
        """
        ...

    def pause(self) -> None:
        """
        Freeze it: its connections stay open and say nothing more.
        """
        ...

    def resume(self) -> None:
        """
        Let it go on after `pause`.
        """
        ...

    def running(self) -> bool:
        """
        Tell whether it has been started and has not ended, frozen or not.
        """
        ...

    def log(self) -> str:
        """
        Return what it wrote to its standard output and error.
        """
        ...

    def close(self) -> None:
        """
        End it for good and remove what the place keeps of it.
        """
        ...
