"""
The store: one SQLite file with what was learned of workloads. It blocks: call it in a thread.

A file that is damaged, or somebody else's, is set aside, and learning begins anew: nothing in it stops a scaler. One
that only cannot be had, because the disk is full, or broken, or somebody else writes it, stays as it is.
"""

from __future__ import annotations

import logging
import os
import sqlite3
import time
from collections.abc import Collection, Iterable, Mapping
from contextlib import closing, suppress
from hashlib import sha256
from pathlib import Path

from scaler.engine.learned import Key, Learned, StoreError

_log = logging.getLogger(__name__)

_APPLICATION = 0x6741_5363
_VERSION = 1
_DAY = 86400.0
_KEPT_FOR = 30 * _DAY  # without news after which a workload is taken to be no more
_TABLE = """
CREATE TABLE learned (
    namespace TEXT NOT NULL, name TEXT NOT NULL, "trigger" TEXT NOT NULL,
    kind TEXT NOT NULL, data TEXT NOT NULL, digest TEXT NOT NULL, saved_at REAL NOT NULL,
    PRIMARY KEY (namespace, name, "trigger")
) WITHOUT ROWID
"""
_UPSERT = "INSERT OR REPLACE INTO learned VALUES (?, ?, ?, ?, ?, ?, ?)"
_SELECT = """
SELECT namespace, name, "trigger", kind, data, digest FROM learned WHERE saved_at >= ? ORDER BY saved_at
"""
_AGES = """
SELECT namespace, name, "trigger", saved_at < ?, saved_at < ? FROM learned ORDER BY saved_at DESC
"""
_NOTE = 'UPDATE learned SET saved_at = ? WHERE namespace = ? AND name = ? AND "trigger" = ?'
_LET_GO = 'DELETE FROM learned WHERE namespace = ? AND name = ? AND "trigger" = ?'
_DAMAGE = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR}  # the last one: no such table


class Store:
    """
    The file.

    Args:
        path: where it is, or is to be.
        busy: seconds to wait for another process that writes it: a scaler that is about to stop.
    """

    def __init__(self, path: Path, busy: float = 5.0) -> None:
        self._path = path
        self._busy = busy

    def read(self) -> Mapping[Key, Learned]:
        """
        Return what was learned, what was written first first, from a file that is sound from now on.

        Raises:
            StoreError: there can be no file, or it cannot be had now.
        """
        try:
            return self._read()
        except (sqlite3.Error, ValueError) as error:  # ValueError: SQLite itself speaks of it in what is no UTF-8
            if not self._path.is_file() or not self._damaged(error):
                raise StoreError(f"the state file {self._path} cannot be used ({error})") from error
            self._set_aside(str(error))
        try:
            return self._read()
        except (sqlite3.Error, ValueError) as error:
            raise StoreError(f"the state file {self._path} cannot be made ({error})") from error

    def write(self, learned: Mapping[Key, Learned]) -> None:
        """
        Write what was learned since, all of it or nothing.

        Raises:
            StoreError: it cannot be written.
        """
        now = time.time()
        rows = [(*key, *each, _digest(*key, *each), now) for key, each in learned.items()]
        try:
            with closing(self._connect()) as connection, connection:
                connection.executemany(_UPSERT, rows)
        except sqlite3.Error as error:
            raise StoreError(f"the state file {self._path} cannot be written ({error})") from error

    def prune(self, present: Collection[Key], room: int) -> Collection[Key]:
        """
        Note who is present, let go of who was not for a month, and of all but *room* of the absent; return whom.

        Raises:
            StoreError: it cannot be written.
        """
        now = time.time()
        try:
            with closing(self._connect()) as connection, connection:
                rows = connection.execute(_AGES, (now - _DAY, now - _KEPT_FOR)).fetchall()
                noted = [(now, *key) for *key, noted_before, _ in rows if noted_before and Key(*key) in present]
                absent = [(Key(*key), expired) for *key, _, expired in rows if Key(*key) not in present]
                gone = [key for number, (key, expired) in enumerate(absent) if expired or number >= room]
                connection.executemany(_NOTE, noted)
                connection.executemany(_LET_GO, gone)
        except sqlite3.Error as error:
            raise StoreError(f"the state file {self._path} cannot be pruned ({error})") from error
        return gone

    def _connect(self) -> sqlite3.Connection:
        return sqlite3.connect(self._path, timeout=self._busy)

    def _read(self) -> Mapping[Key, Learned]:
        with closing(self._connect()) as connection, connection:
            if not _ask(connection, "SELECT count(*) FROM sqlite_master") and not _ask(
                connection, "PRAGMA application_id"
            ):
                connection.execute(_TABLE)
                connection.execute(f"PRAGMA application_id = {_APPLICATION}")
                connection.execute(f"PRAGMA user_version = {_VERSION}")
                return {}
            if _ask(connection, "PRAGMA application_id") != _APPLICATION:
                raise sqlite3.DatabaseError("it is another program's")
            if _ask(connection, "PRAGMA user_version") != _VERSION:
                raise sqlite3.DatabaseError("it is of another version")
            sound = _ask(connection, "PRAGMA integrity_check(1)")
            if sound != "ok":
                raise sqlite3.DatabaseError(str(sound))
            connection.execute("DELETE FROM learned WHERE 0")  # needs no room, and fails where nothing may be written
            return _learned(connection.execute(_SELECT, (time.time() - _KEPT_FOR,)))

    def _damaged(self, error: Exception) -> bool:
        """
        Tell whether an error speaks of what is in the file; all others speak of the disk, or of who else uses it.
        """
        code = getattr(error, "sqlite_errorcode", None)  # extended: its lowest byte says what kind it is
        if code is None or code & 0xFF in _DAMAGE:
            return True
        # SQLite also takes a file for read-only that says of itself that only a later version can write it.
        return code == sqlite3.SQLITE_READONLY and os.access(self._path, os.W_OK)

    def _set_aside(self, why: str) -> None:
        aside = self._path.with_name(f"{self._path.name}.set-aside")
        _log.warning("the state file %s is set aside as %s (%s): learning begins anew", self._path, aside.name, why)
        with suppress(OSError):
            self._path.replace(aside)
        for rest in ("-journal", "-wal", "-shm"):
            with suppress(OSError):
                self._path.with_name(f"{self._path.name}{rest}").unlink()


def _ask(connection: sqlite3.Connection, question: str) -> object:
    return connection.execute(question).fetchone()[0]


def _learned(rows: Iterable[tuple[object, ...]]) -> Mapping[Key, Learned]:
    """
    Return the rows that are as they were written: a file that was cut off within a page may seem sound to SQLite.
    """
    found = {}
    for *row, digest in rows:
        namespace, name, trigger, kind, data = map(str, row)
        if _digest(namespace, name, trigger, kind, data) == digest:
            found[Key(namespace, name, trigger)] = Learned(kind, data)
    return found


def _digest(*texts: str) -> str:
    return sha256("\0".join(texts).encode()).hexdigest()[:16]
