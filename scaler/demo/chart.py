"""
A chart in block characters: one column a stretch of time, one row of eighths after the other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.text import Text

_EIGHTHS = " ▁▂▃▄▅▆▇█"
_NOT_KNOWN = "░"


@dataclass(frozen=True, slots=True)
class Column:
    """
    What one column shows: a height, or None where nothing is known, and its colour.
    """

    height: float | None
    style: str


NOT_YET = Column(0, "")


def bars(columns: Sequence[Column], top: float, rows: int) -> list[Text]:
    """
    Draw the columns in so many rows, highest row first; *top* fills a column but for the gap to what stands above it.

    A height above zero is always seen, however small it is.
    """
    return [_row(columns, top, rows, row) for row in reversed(range(rows))]


def _row(columns: Sequence[Column], top: float, rows: int, row: int) -> Text:
    line = Text(no_wrap=True, overflow="crop")
    for column in columns:
        line.append(_cell(column.height, top, rows, row), column.style)
    return line


def _cell(height: float | None, top: float, rows: int, row: int) -> str:
    if height is None:
        return _NOT_KNOWN
    eighths = round(min(height / top, 1.0) * (rows * 8 - 1))
    if height > 0:
        eighths = max(eighths, 1)
    return _EIGHTHS[min(max(eighths - row * 8, 0), 8)]
