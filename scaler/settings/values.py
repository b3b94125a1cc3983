"""
The small value types of the configuration document: durations, numbers, names, secrets.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    Strict,
    ValidationInfo,
    WithJsonSchema,
    model_validator,
)

from scaler.settings.wording import shown

_DURATION = re.compile(
    r"(?:(?P<h>[0-9]+(?:\.[0-9]+)?)h)?(?:(?P<m>[0-9]+(?:\.[0-9]+)?)m)?"
    r"(?:(?P<s>[0-9]+(?:\.[0-9]+)?)s)?(?:(?P<ms>[0-9]+)ms)?"
)
_MILLISECONDS = {"h": 3_600_000, "m": 60_000, "s": 1000, "ms": 1}
_LONGEST = 30 * 24 * 3600.0


def parse_duration(text: object) -> float:
    """
    Return the seconds that a duration such as `250ms`, `90s` or `1h30m` means.

    Raises:
        ValueError: if it is not one, or longer than 30 days; a bare number is refused, as it does not say its unit.
    """
    match = _DURATION.fullmatch(text) if isinstance(text, str) and text else None
    if match is None:
        raise ValueError(f"must be a duration such as 250ms, 90s or 1h30m, not {shown(text)}")
    parts = (float(number) * _MILLISECONDS[unit] for unit, number in match.groupdict().items() if number)
    seconds = sum(parts) / 1000
    if seconds > _LONGEST:
        raise ValueError(f"must be at most 720h, not {shown(text)}")
    return seconds


def format_duration(seconds: float) -> str:
    """
    Write seconds, to the millisecond, as `parse_duration` reads them: `250ms`, `1m30s`.
    """
    rest = round(seconds * 1000)
    text = ""
    for unit, size in _MILLISECONDS.items():
        count, rest = divmod(rest, size)
        text += f"{count}{unit}" if count else ""
    return text or "0s"


def _given(value: Any, info: ValidationInfo) -> float:
    # Code may give seconds; what people write always says its unit.
    if type(value) is float and not getattr(info.context, "written", False):
        return value
    return parse_duration(value)


def _positive(seconds: float) -> float:
    if not seconds > 0:
        raise ValueError("must be longer than zero")
    return seconds


_DURATION_SCHEMA = WithJsonSchema(
    {
        "type": "string",
        "pattern": r"^(\d+(\.\d+)?h)?(\d+(\.\d+)?m)?(\d+(\.\d+)?s)?(\d+ms)?$",
        "minLength": 2,
        "examples": ["250ms", "90s", "1h30m"],
    }
)

Duration = Annotated[float, BeforeValidator(_given), _DURATION_SCHEMA]
"""Seconds, written `250ms`, `90s`, `1h30m`."""

Interval = Annotated[float, BeforeValidator(_given), AfterValidator(_positive), _DURATION_SCHEMA]
"""A duration longer than zero."""

Flag = Annotated[bool, Strict()]
Whole = Annotated[int, Strict(), Field(ge=0, le=2**31 - 1)]
Count = Annotated[int, Strict(), Field(ge=1, le=2**31 - 1)]
Level = Annotated[float, Strict(), Field(ge=0, le=1_000_000_000, allow_inf_nan=False)]
Load = Annotated[float, Strict(), Field(gt=0, le=1_000_000_000, allow_inf_nan=False)]
"""What one replica carries."""

NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?")


def _name(text: str) -> str:
    if not NAME.fullmatch(text):
        raise ValueError(f"must be a name of letters, digits, '-', '_' and '.', 63 at most, not {shown(text)}")
    return text


Name = Annotated[str, AfterValidator(_name), WithJsonSchema({"type": "string", "pattern": f"^{NAME.pattern}$"})]
"""What connections and policies are called."""


class Section(BaseModel):
    """
    A part of the document: unknown keys are refused, a key without a value is not set, nothing changes after loading.
    """

    model_config = ConfigDict(
        extra="forbid", frozen=True, validate_default=True, use_attribute_docstrings=True, hide_input_in_errors=True
    )

    @model_validator(mode="before")
    @classmethod
    def _set_only(cls, data: Any) -> Any:
        if not isinstance(data, dict) or None not in data.values():
            return data
        return {key: value for key, value in data.items() if value is not None or key not in cls.model_fields}


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
