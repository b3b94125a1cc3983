"""
Durations as people write them, and in seconds.
"""

from __future__ import annotations

import re

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
