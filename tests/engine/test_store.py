"""
The state file: what is written is read, and nothing in it, or not in it, stops a scaler.
"""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import closing
from functools import cache
from pathlib import Path
from shutil import copyfile
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scaler.engine.learned import Key, Learned, StoreError
from scaler.engine.store import Store

LEARNED = {
    Key("ai", f"agent-{number}", "0123456789abcdef"): Learned("economic", '{"gaps":[1.5,2]}' * 20)
    for number in range(40)
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """
    A file with what was learned of forty workloads.
    """
    path = tmp_path / "state.sqlite"
    store = Store(path)
    assert store.read() == {}
    store.write(LEARNED)
    return path


@cache
def sound() -> bytes:
    """
    The bytes of such a file.
    """
    with TemporaryDirectory() as folder:
        store = Store(Path(folder) / "state.sqlite")
        store.read()
        store.write(LEARNED)
        return (Path(folder) / "state.sqlite").read_bytes()


def usable(content: bytes) -> dict[Key, Learned]:
    """
    Return what is read from a file of that content; it can be written and read again then.
    """
    with TemporaryDirectory() as folder:
        path = Path(folder) / "state.sqlite"
        path.write_bytes(content)
        found = Store(path).read()
        Store(path).write({Key("ai", "new", "x"): Learned("economic", "{}")})
        again = Store(path).read()
        assert again == {**found, Key("ai", "new", "x"): Learned("economic", "{}")}
        return dict(found)


def test_what_is_written_is_read(path: Path) -> None:
    """
    By another process, too; what is written again replaces what was there.
    """
    assert Store(path).read() == LEARNED
    key = next(iter(LEARNED))
    Store(path).write({key: Learned("target", "[]")})
    assert Store(path).read() == {**LEARNED, key: Learned("target", "[]")}


@given(part=st.floats(0, 1))
@settings(max_examples=150, deadline=None)
def test_truncated_anywhere_it_starts(part: float) -> None:
    """
    What is read is what was written, or less of it, and the file can be used again.
    """
    length = round(part * len(sound()))
    found = usable(sound()[:length])
    assert found.items() <= LEARNED.items()
    assert length < len(sound()) or found == LEARNED


@pytest.mark.parametrize("page", range(4))
@pytest.mark.parametrize("beside", [-1, 0, 1])
def test_truncated_at_a_page_it_starts(page: int, beside: int) -> None:
    """
    Where SQLite's own pages end is nothing special.
    """
    assert usable(sound()[: max(0, page * 4096 + beside)]) == {}


@given(part=st.floats(0, 1), noise=st.binary(min_size=1, max_size=200))
@settings(max_examples=150, deadline=None)
def test_whatever_is_in_it_it_starts(part: float, noise: bytes) -> None:
    """
    Any bytes anywhere: what is read is what was written, and the file can be used again.
    """
    at = round(part * len(sound()))
    assert usable(sound()[:at] + noise + sound()[at + len(noise) :]).items() <= LEARNED.items()


@pytest.mark.parametrize("foreign", ["text", "another program's", "another version's"])
def test_what_is_not_ours_is_set_aside_and_not_lost(
    foreign: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """
    With a warning that names it; it stands beside, as it was.
    """
    path = tmp_path / "state.sqlite"
    if foreign == "text":
        path.write_text("a letter to somebody\n" * 100)
    elif foreign == "another program's":
        with closing(sqlite3.connect(path)) as connection, connection:
            connection.execute("CREATE TABLE letters (text)")
    else:
        Store(path).read()
        with closing(sqlite3.connect(path)) as connection, connection:
            connection.execute("PRAGMA user_version = 7")
    before = path.read_bytes()
    assert Store(path).read() == {}
    assert (tmp_path / "state.sqlite.set-aside").read_bytes() == before
    assert "learning begins anew" in caplog.text


def age(path: Path, days: Mapping[Key, float]) -> None:
    """
    Make it so many days that what was learned of each was written.
    """
    with closing(sqlite3.connect(path)) as connection, connection:
        for key, number in days.items():
            written = time.time() - number * 86400
            connection.execute("UPDATE learned SET saved_at = ? WHERE name = ?", (written, key.name))


def rows(path: Path) -> int:
    """
    Count what is in the file.
    """
    with closing(sqlite3.connect(path)) as connection:
        return int(connection.execute("SELECT count(*) FROM learned").fetchone()[0])


def test_who_was_not_seen_for_a_month_is_forgotten(path: Path) -> None:
    """
    29 days are kept; what is older is not read, and gone from the file once it is pruned.
    """
    old, older = list(LEARNED)[:2]
    age(path, {old: 29, older: 31})
    left = {key: each for key, each in LEARNED.items() if key != older}
    assert Store(path).read() == left
    assert Store(path).prune((), room=100) == [older]
    assert rows(path) == 39
    assert Store(path).read() == left


def test_who_is_there_is_kept_however_little_it_has_to_do(path: Path) -> None:
    """
    It learned nothing for a month, and calls all the time: once it calls no more it has another month.
    """
    seldom = next(iter(LEARNED))
    age(path, {seldom: 31})
    assert Store(path).prune({seldom}, room=100) == []
    assert Store(path).prune((), room=100) == []
    assert Store(path).read() == LEARNED


def test_of_those_away_the_last_are_kept(path: Path) -> None:
    """
    Room for three: the three that were written last, and whoever is there.
    """
    first, *others = LEARNED
    age(path, {key: number / 10 for number, key in enumerate(reversed(LEARNED), 1)})
    gone = Store(path).prune({first}, room=3)
    assert set(gone) == set(others[:-3])
    assert list(Store(path).read()) == [*others[-3:], first], "what was written, or noted, first comes first"
    assert rows(path) == 4


def test_a_file_that_cannot_be_pruned_says_so(path: Path) -> None:
    """
    And has everything as before.
    """
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match=r"cannot be pruned \(database is locked\)"):
            Store(path, busy=0.05).prune((), room=0)
    assert Store(path).read() == LEARNED


def test_where_no_file_can_be_it_says_so(tmp_path: Path) -> None:
    """
    A directory that is not there; one in the file's place.
    """
    (tmp_path / "folder").mkdir()
    for path in (tmp_path / "nowhere" / "state.sqlite", tmp_path / "folder"):
        with pytest.raises(StoreError, match=f"the state file {path} cannot be used"):
            Store(path).read()


def test_a_file_that_says_it_is_a_later_one_is_set_aside() -> None:
    """
    SQLite reads it and writes nothing to it, ever: nothing would be kept from then on.
    """
    assert usable(sound()[:18] + b"\x03" + sound()[19:]) == {}


FULL = """
import sys
from pathlib import Path
from resource import RLIM_INFINITY, RLIMIT_FSIZE, setrlimit
from scaler.engine.learned import Key, Learned, StoreError
from scaler.engine.store import Store

setrlimit(RLIMIT_FSIZE, (0, RLIM_INFINITY))
store = Store(Path(sys.argv[1]))
for step in (store.read, lambda: store.write({Key("ai", "new", "x"): Learned("economic", "{}")})):
    try:
        print(len(step() or ()))
    except StoreError as error:
        print(error)
"""


def on_a_full_disk(path: Path) -> list[str]:
    """
    Read the file and write to it in a process that can write no byte, and return what that says.
    """
    command = [sys.executable, "-c", FULL, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    return done.stdout.splitlines()


def test_on_a_full_disk_it_is_read_all_the_same(path: Path) -> None:
    """
    Something in it is older than a month, and nothing can be written: it stays, and is read, and is read again.
    """
    old = next(iter(LEARNED))
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE learned SET saved_at = 0 WHERE name = ?", (old.name,))
    before = path.read_bytes()
    read, written = on_a_full_disk(path)
    assert read == "39"
    assert written.startswith(f"the state file {path} cannot be written (")
    assert [each.name for each in path.parent.iterdir()] == [path.name]
    assert path.read_bytes() == before


def test_what_cannot_be_repaired_yet_is_repaired_later(path: Path, tmp_path: Path) -> None:
    """
    A scaler was killed as it wrote, and the disk is full now: nothing is set aside, and with room again all is there.
    """
    killed = tmp_path / "killed" / path.name
    killed.parent.mkdir()
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA cache_size = 1")
        connection.execute("BEGIN")
        connection.execute("UPDATE learned SET data = data || data")
        for each in path.parent.glob(f"{path.name}*"):
            copyfile(each, killed.with_name(each.name))
    read, _ = on_a_full_disk(killed)
    assert read.startswith(f"the state file {killed} cannot be used (")
    assert sorted(each.name for each in killed.parent.iterdir()) == [path.name, f"{path.name}-journal"]
    assert Store(killed).read() == LEARNED


def test_a_file_in_use_is_not_set_aside(path: Path) -> None:
    """
    Somebody writes it: it is sound, and not ours now.
    """
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(StoreError, match="locked"):
            Store(path, busy=0.05).read()
    assert Store(path).read() == LEARNED
