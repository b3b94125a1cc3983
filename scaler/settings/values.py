"""
The small value types of the configuration document: durations, numbers, names, secrets.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar

from scaler.settings.forms import Lasting, Number, Text
from scaler.settings.sections import Section
from scaler.settings.wording import shown

Duration = Annotated[float, Lasting(zero=True)]
"""Seconds, written `250ms`, `90s`, `1h30m`."""

Interval = Annotated[float, Lasting(zero=False)]
"""A duration longer than zero."""

_LARGEST, _MOST = 2**31 - 1, 1_000_000_000

Whole = Annotated[int, Number(least=0, most=_LARGEST, whole=True)]
Count = Annotated[int, Number(least=1, most=_LARGEST, whole=True)]
Level = Annotated[float, Number(least=0, most=_MOST)]
Load = Annotated[float, Number(above=0, most=_MOST)]
"""What one replica carries."""

NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?")


def _name(text: str) -> None:
    if not NAME.fullmatch(text):
        raise ValueError(f"must be a name of letters, digits, '-', '_' and '.', 63 at most, not {shown(text)}")


Name = Annotated[str, Text(_name, pattern=NAME.pattern)]
"""What connections and policies are called."""


@dataclass(frozen=True, kw_only=True)
class Secret(Section):
    """
    Where a secret is to be read: a mounted file or a variable of the environment. It is read when it is used.
    """

    EXPECTED: ClassVar[str] = "a mapping with `file` or `env`; secrets are never written in the document"

    file: Path | None = None
    env: str | None = None

    def check(self) -> None:
        """
        Check that it says one place.

        Raises:
            ValueError: it says none, or two.
        """
        if (self.file is None) == (self.env is None):
            raise ValueError("give exactly one of `file` and `env`; secrets are never written in the document")

    def read(self) -> str:
        """
        Return the secret as it is now, without a trailing line break.

        Raises:
            ValueError: if it is not there; the message names the file or variable.
        """
        if self.env is not None:
            value = os.environ.get(self.env)
            if value is None:
                raise ValueError(f"the environment variable {self.env} is not set")
            return value
        try:
            return Path(str(self.file)).read_text(encoding="utf-8").rstrip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            raise ValueError(f"the secret file {self.file} cannot be read: {type(error).__name__}") from error
