"""
Settings that a command takes from flags and from the environment; a flag comes first, an empty variable is not set.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from loadgen.errors import UsageError


@dataclass(frozen=True, slots=True)
class Option:
    """
    One setting.

    Attributes:
        variable: its name in the environment; its flag is called the same, without `LOADGEN_`.
        metavar, meaning: what `--help` shows.
        read: makes the value of its text; raises ValueError with a sentence that begins with "must".
        default: the value where there is no text; `...` where there has to be one.
    """

    variable: str
    metavar: str
    meaning: str
    read: Callable[[str], Any]
    default: Any = ...

    @property
    def name(self) -> str:
        """
        The name of the value.
        """
        return self.variable.removeprefix("LOADGEN_").lower()

    @property
    def flag(self) -> str:
        """
        The name on the command line.
        """
        return f"--{self.name.replace('_', '-')}"


def add_flags(parser: argparse.ArgumentParser, options: tuple[Option, ...]) -> None:
    """
    Give a parser the flags of options.
    """
    for option in options:
        parser.add_argument(
            option.flag, dest=option.name, metavar=option.metavar, help=f"{option.meaning} [{option.variable}]"
        )


def read_options(
    options: tuple[Option, ...], flags: Mapping[str, str | None], environ: Mapping[str, str]
) -> dict[str, Any]:
    """
    Return the values of options by their names.

    Raises:
        UsageError: with everything that is wrong.
    """
    values: dict[str, Any] = {}
    errors: list[str] = []
    for option in options:
        flag = flags.get(option.name)
        text = environ.get(option.variable) if flag is None else flag
        if not text:
            values[option.name] = option.default
            if option.default is ...:
                errors.append(f"{option.flag} or {option.variable}: must be given ({option.meaning})")
            continue
        try:
            values[option.name] = option.read(text)
        except ValueError as error:
            errors.append(f"{option.variable if flag is None else option.flag}: {error}")
    if errors:
        raise UsageError(errors)
    return values
