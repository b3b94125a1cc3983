"""
The small value types of an experiment file: durations, rates, numbers; and what every section of it has.
"""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, Strict, model_validator

_DURATION = re.compile(
    r"(?:(?P<d>[0-9]+(?:\.[0-9]+)?)d)?(?:(?P<h>[0-9]+(?:\.[0-9]+)?)h)?(?:(?P<m>[0-9]+(?:\.[0-9]+)?)m)?"
    r"(?:(?P<s>[0-9]+(?:\.[0-9]+)?)s)?(?:(?P<ms>[0-9]+)ms)?"
)
_MILLISECONDS = {"d": 86_400_000, "h": 3_600_000, "m": 60_000, "s": 1000, "ms": 1}
_RATE = re.compile(r"([0-9]+(?:\.[0-9]+)?(?:e-?[0-9]+)?)/(s|m|h|d)")
_LONGEST_SHOWN = 40


def shown(value: object) -> str:
    """
    Return a value as an error shows it: one printable line, shortened.
    """
    text = "a list or mapping" if isinstance(value, list | dict) else repr(value)
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}…"


def parse_duration(text: object) -> float:
    """
    Return the seconds that a duration such as `250ms`, `90s`, `1h30m` or `7d` means.

    Raises:
        ValueError: it is not one; a bare number is refused, as it does not say its unit.
    """
    match = _DURATION.fullmatch(text) if isinstance(text, str) and text else None
    if match is None:
        raise ValueError(f"must be a duration such as 250ms, 90s, 1h30m or 7d, not {shown(text)}")
    return sum(float(number) * _MILLISECONDS[unit] for unit, number in match.groupdict().items() if number) / 1000


def parse_rate(text: object) -> float:
    """
    Return the jobs per second that a rate such as `0.5/s`, `3/m`, `20/h` or `100/d` means.

    Raises:
        ValueError: it is not one; a bare number is refused, as it does not say its unit.
    """
    match = _RATE.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        raise ValueError(f"must be a rate such as 0.5/s, 3/m, 20/h or 100/d, not {shown(text)}")
    return float(match[1]) * 1000 / _MILLISECONDS[match[2]]


def _above_zero(number: float) -> float:
    if not number > 0:
        raise ValueError("must be above 0")
    return number


Duration = Annotated[float, BeforeValidator(parse_duration)]
"""Seconds, written `250ms`, `90s`, `1h30m`, `7d`."""
Interval = Annotated[Duration, AfterValidator(_above_zero)]
"""A duration longer than zero."""
Rate = Annotated[float, BeforeValidator(parse_rate)]
"""Jobs per second, written `0.5/s`, `3/m`, `20/h`, `100/d`."""
Whole = Annotated[int, Strict(), Field(ge=0, le=2**31 - 1)]
Count = Annotated[int, Strict(), Field(ge=1, le=2**31 - 1)]
Level = Annotated[float, Strict(), Field(ge=0, le=1e9, allow_inf_nan=False)]
Load = Annotated[float, Strict(), Field(gt=0, le=1e9, allow_inf_nan=False)]
Flag = Annotated[bool, Strict()]


class Section(BaseModel):
    """
    A part of the file: unknown keys are refused, a key without a value is not set, nothing changes after loading.

    Defaults are given as they are meant (seconds, jobs per second) and not validated.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    @model_validator(mode="before")
    @classmethod
    def _set_only(cls, data: Any) -> Any:
        if not isinstance(data, dict) or None not in data.values():
            return data
        return {key: value for key, value in data.items() if value is not None or key not in cls.model_fields}
