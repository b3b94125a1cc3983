"""
Texts of flags and variables, read: durations, sizes, addresses, choices. An error's sentence begins with "must".
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable
from dataclasses import dataclass
from math import isfinite
from typing import Any

_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
_DURATION = re.compile("".join(rf"(?:(?P<{unit}>\d+(?:\.\d+)?){unit})?" for unit in _UNITS))
_SIZES = {"KiB": 2**10, "MiB": 2**20, "GiB": 2**30}
_SIZE = re.compile(r"(?P<number>\d+)(?P<unit>KiB|MiB|GiB)")
_ADDRESS = re.compile(r"(?:\[(?P<ip6>[0-9A-Fa-f:.]*)\]|(?P<host>[A-Za-z0-9._-]*)):(?P<port>[0-9]{1,5})")
_HIGHEST_PORT = 65535
_LONGEST = 7 * 86400.0
_SHOWN = 60


@dataclass(frozen=True, slots=True)
class Address:
    """
    Where to listen: a host (None: every address of the machine) and a port (0: any free one).
    """

    host: str | None
    port: int


def shown(text: str) -> str:
    """
    Return a text as errors quote it: on one line, and not too much of it.
    """
    return repr(text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…")


def duration(text: str) -> float:
    """
    Return the seconds of a text such as 500ms, 10s, 1.5m, 1h30m or 0.

    Raises:
        ValueError: it is none, or longer than a week.
    """
    match = _DURATION.fullmatch("0s" if text == "0" else text)
    parts = [float(number) * _UNITS[unit] for unit, number in match.groupdict().items() if number] if match else []
    if not parts or sum(parts) > _LONGEST:
        raise ValueError(f"must be a duration of at most a week, such as 500ms, 10s or 1m30s, not {shown(text)}")
    return sum(parts)


def positive_duration(text: str) -> float:
    """
    Return the seconds of a duration above zero.

    Raises:
        ValueError: it is none.
    """
    if not (seconds := duration(text)):
        raise ValueError(f"must be a duration above 0, not {shown(text)}")
    return seconds


def size(text: str) -> int:
    """
    Return the bytes of a text such as 64MiB.

    Raises:
        ValueError: it is none.
    """
    match = _SIZE.fullmatch(text)
    if match is None:
        raise ValueError(f"must be a size such as 512MiB or 2GiB, not {shown(text)}")
    return int(match["number"]) * _SIZES[match["unit"]]


def address(text: str) -> Address:
    """
    Return an address to listen at.

    Raises:
        ValueError: it is none.
    """
    match = _ADDRESS.fullmatch(text)
    if match is None or int(match["port"]) > _HIGHEST_PORT:
        raise ValueError(f"must be a host and a port, such as :8080, 127.0.0.1:8080 or [::1]:8080, not {shown(text)}")
    return Address(match["ip6"] or match["host"] or None, int(match["port"]))


def whole(least: int, most: int) -> Callable[[str], int]:
    """
    Return a reader of whole numbers between two bounds, both allowed.
    """

    def read(text: str) -> int:
        if not re.fullmatch(r"\d{1,12}", text) or not least <= int(text) <= most:
            raise ValueError(f"must be a whole number from {least} to {most}, not {shown(text)}")
        return int(text)

    return read


def number(least: float, most: float) -> Callable[[str], float]:
    """
    Return a reader of numbers between two bounds, both allowed.
    """

    def read(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = float("nan")
        if not isfinite(value) or not least <= value <= most:
            raise ValueError(f"must be a number from {least:g} to {most:g}, not {shown(text)}")
        return value

    return read


def one_of(*words: str) -> Callable[[str], str]:
    """
    Return a reader of one of several words.
    """

    def read(text: str) -> str:
        if text not in words:
            raise ValueError(f"must be one of {', '.join(words)}, not {shown(text)}")
        return text

    return read


def name(text: str) -> str:
    """
    Return a name: some text without control characters, of at most 200 characters.

    Raises:
        ValueError: it is none.
    """
    if not re.fullmatch(r"[^\x00-\x1f\x7f]{1,200}", text):
        raise ValueError(f"must be 1 to 200 characters without control characters, not {shown(text)}")
    return text


def parsed(read: Callable[[str], Any]) -> Callable[[str], Any]:
    """
    Return a reader as argparse wants it as `type`, with the reader's own words in its complaint.
    """

    def parse(text: str) -> Any:
        try:
            return read(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from error

    return parse
