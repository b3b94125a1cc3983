"""
The small value types of the configuration document: durations, secrets, addresses.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, WithJsonSchema, model_validator

_DURATION = re.compile(
    r"(?:(?P<h>\d+(?:\.\d+)?)h)?(?:(?P<m>\d+(?:\.\d+)?)m)?(?:(?P<s>\d+(?:\.\d+)?)s)?(?:(?P<ms>\d+)ms)?"
)
_SECONDS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}


def parse_duration(text: object) -> float:
    """
    Return the seconds that a duration such as `250ms`, `90s` or `1h30m` means.

    Raises:
        ValueError: if it is not one; a bare number is refused, because it does not say its unit.
    """
    match = _DURATION.fullmatch(text) if isinstance(text, str) and text else None
    if match is None:
        raise ValueError(f"must be a duration such as 250ms, 90s or 1h30m, not {text!r}")
    return sum(float(number) * _SECONDS[unit] for unit, number in match.groupdict().items() if number)


def _positive(seconds: float) -> float:
    if seconds <= 0:
        raise ValueError("must be longer than zero")
    return seconds


_DURATION_SCHEMA = WithJsonSchema(
    {"type": "string", "pattern": r"^(\d+(\.\d+)?h)?(\d+(\.\d+)?m)?(\d+(\.\d+)?s)?(\d+ms)?$", "minLength": 2}
)


def _given(value: Any) -> float:
    # Defaults are written in seconds in the code; documents always come as text.
    return value if type(value) is float else parse_duration(value)


Duration = Annotated[float, BeforeValidator(_given), _DURATION_SCHEMA]
"""Seconds, written `250ms`, `90s`, `1h30m`."""

Interval = Annotated[float, BeforeValidator(_given), AfterValidator(_positive), _DURATION_SCHEMA]
"""A duration longer than zero."""


class Section(BaseModel):
    """
    A part of the document: unknown keys are refused, values are never changed after loading.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=False, alias_generator=None)


class Secret(Section):
    """
    Where a secret is to be read: a mounted file or a variable of the environment. It is read when it is used.
    """

    file: Path | None = None
    env: str | None = None

    @model_validator(mode="after")
    def _one(self) -> Secret:
        if (self.file is None) == (self.env is None):
            raise ValueError("give exactly one of `file` and `env`; secrets are never written in the document")
        return self

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
