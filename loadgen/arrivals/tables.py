"""
Tables in CSV files, plain or gzipped (`.gz`), with errors that name the file, the line and the column.
"""

from __future__ import annotations

import csv
import gzip
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from io import TextIOWrapper
from math import inf
from pathlib import Path

from loadgen.errors import UsageError

_LONGEST = 40


@dataclass(frozen=True, slots=True)
class Row:
    """
    One line of a table.
    """

    path: Path
    line: int
    cells: Mapping[str, str]

    def number(self, column: str, least: float = 0.0) -> float:
        """
        Return a column's number.

        Raises:
            UsageError: it is none, not finite, or below *least*.
        """
        text = self.cells[column]
        try:
            number = float(text)
        except ValueError:
            raise self.error(column, f"must be a number, not {text[:_LONGEST]!r}") from None
        if not least <= number < inf:
            raise self.error(column, f"must be finite and at least {least:g}, not {text[:_LONGEST]}")
        return number

    def error(self, column: str, rule: str) -> UsageError:
        """
        Return the error that a column breaks a rule.
        """
        return UsageError(f"{self.path}, line {self.line}: {column} {rule}")


def read_rows(path: Path, columns: Sequence[str]) -> Iterator[Row]:
    """
    Yield the lines of a table that has at least these columns, named in its first line.

    Raises:
        UsageError: the file cannot be read, lacks a column, or a line has too few cells.
    """
    for row in read_any(path):
        if missing := [column for column in columns if column not in row.cells]:
            raise UsageError(f"{path}: there is no column {missing[0]}, only {', '.join(row.cells)}")
        yield row


def read_any(path: Path) -> Iterator[Row]:
    """
    Yield the lines of a table with whatever columns it has.

    Raises:
        UsageError: the file cannot be read, or a line has too few or too many cells.
    """
    try:
        with _open(path) as file:
            lines = csv.reader(file)
            names = [name.strip() for name in next(lines, [])]
            for number, cells in enumerate(lines, 2):
                if not cells:
                    continue
                if len(cells) != len(names):
                    raise UsageError(f"{path}, line {number}: must have {len(names)} cells, not {len(cells)}")
                yield Row(path, number, dict(zip(names, cells, strict=True)))
    except (OSError, EOFError, UnicodeDecodeError, csv.Error) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise UsageError(f"{path}: cannot be read: {reason}") from error


def _open(path: Path) -> TextIOWrapper:
    if path.suffix == ".gz":
        return TextIOWrapper(gzip.open(path), encoding="utf-8-sig", newline="")
    return path.open(encoding="utf-8-sig", newline="")
