"""
What has been measured, kept in a file, so that a run goes on where the last one stopped.
"""

from __future__ import annotations

import json
from pathlib import Path
from types import TracebackType
from typing import Self

from loadgen.errors import CommandError
from loadgen.experiments.task import Measured

_FILE = "cells.jsonl"


class Store:
    """
    The cells of one output folder, one line each: `{"key": ..., "measured": ...}`. Numbers are kept to the last digit.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / _FILE
        self._known: dict[str, Measured] = {}

    def __enter__(self) -> Self:
        """
        Read what is there, and open the file for more.

        Raises:
            CommandError: the folder or file cannot be made, read or written.
        """
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            whole = self._read()
            self._file = self._path.open("a", encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise CommandError(f"{self._path}: cannot be used: {getattr(error, 'strerror', None) or error}") from error
        if not whole:
            self._file.write("\n")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """
        Close the file.
        """
        self._file.close()

    def get(self, key: str) -> Measured | None:
        """
        Return what was measured under a key.
        """
        return self._known.get(key)

    def put(self, key: str, measured: Measured) -> None:
        """
        Keep what was measured; it is on the disk when this returns, unless the machine itself stops.
        """
        self._known[key] = measured
        self._file.write(json.dumps({"key": key, "measured": measured}) + "\n")
        self._file.flush()

    def _read(self) -> bool:
        """
        Take over every whole line, and tell whether the last one is: a run that was killed may leave half of one.
        """
        if not self._path.exists():
            return True
        text = self._path.read_text(encoding="utf-8")
        for line in text.splitlines():
            try:
                record = json.loads(line)
                self._known[record["key"]] = record["measured"]
            except (ValueError, TypeError, KeyError):
                continue
        return not text or text.endswith("\n")
