"""
The mounted document, told as timelines: it is looked at, it changes, it is looked at again.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from scaler.settings.document import Document
from scaler.settings.loading import ConfigurationError, DocumentFile


def limits(workloads: int) -> str:
    """A document that can be told from others."""
    return f"limits: {{workloads: {workloads}}}\n"


def told(file: DocumentFile) -> int | tuple[str, ...] | None:
    """Look once: the new document's limit, the errors, or nothing."""
    outcome = file.poll()
    if isinstance(outcome, ConfigurationError):
        return outcome.errors
    return outcome.limits.workloads if isinstance(outcome, Document) else None


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A document with room for 1 workload."""
    path = tmp_path / "config.yaml"
    path.write_text(limits(1))
    return path


def test_an_unchanged_file_says_nothing(path: Path) -> None:
    """Neither when nothing happens, nor when the same content is written again."""
    file = DocumentFile(path)
    assert file.load().limits.workloads == 1
    assert [told(file), told(file)] == [None, None]
    path.write_text(limits(1))
    assert [told(file), told(file)] == [None, None]


def test_a_change_is_told_once_when_it_was_seen_twice(path: Path) -> None:
    """First look: maybe half written; second look: it stays; third: nothing new."""
    file = DocumentFile(path)
    file.load()
    path.write_text(limits(2))
    assert [told(file), told(file), told(file)] == [None, 2, None]


def test_half_a_file_is_never_told(path: Path) -> None:
    """An editor empties the file before it writes: an empty document is valid, and would drop every policy."""
    file = DocumentFile(path)
    file.load()
    path.write_text("")
    assert told(file) is None
    path.write_text(limits(2))
    assert [told(file), told(file)] == [None, 2]


def test_a_configmap_swaps_its_data_link(tmp_path: Path) -> None:
    """The kubelet writes a new directory and renames a link over `..data`; the file's path stays the same."""
    for version in (1, 2):
        (tmp_path / f"..v{version}").mkdir()
        (tmp_path / f"..v{version}" / "config.yaml").write_text(limits(version))
    (tmp_path / "..data").symlink_to("..v1")
    (tmp_path / "config.yaml").symlink_to("..data/config.yaml")
    file = DocumentFile(tmp_path / "config.yaml")
    assert file.load().limits.workloads == 1
    (tmp_path / "..data_tmp").symlink_to("..v2")
    (tmp_path / "..data_tmp").rename(tmp_path / "..data")
    assert [told(file), told(file), told(file)] == [None, 2, None]


def test_an_editor_renames_a_new_file_over_the_old_one(path: Path) -> None:
    """Another file under the same name is a change like any other."""
    file = DocumentFile(path)
    file.load()
    new = path.with_suffix(".new")
    new.write_text(limits(2))
    new.rename(path)
    assert [told(file), told(file)] == [None, 2]


def test_an_invalid_change_is_told_once_with_all_its_errors_and_then_its_repair(path: Path) -> None:
    """The way back to the old content is told too, so that the error can be taken back."""
    file = DocumentFile(path)
    file.load()
    path.write_text("limits: {workloads: 0}\nlimts: 1\n")
    errors = (
        "limits.workloads: must be at least 1, not 0 (line 1)",
        "limts: unknown key; did you mean 'limits'? (line 2)",
    )
    assert [told(file), told(file), told(file)] == [None, errors, None]
    path.write_text(limits(1))
    assert [told(file), told(file), told(file)] == [None, 1, None]


def test_a_file_that_vanishes_is_told_once_and_again_when_it_is_back(path: Path) -> None:
    """A short absence, as during a rename, is not even noticed."""
    file = DocumentFile(path)
    file.load()
    path.unlink()
    assert told(file) is None
    path.write_text(limits(1))
    assert [told(file), told(file)] == [None, None]
    path.unlink()
    assert [told(file), told(file), told(file)] == [None, (f"{path}: there is no such file",), None]
    path.write_text(limits(1))
    assert [told(file), told(file), told(file)] == [None, 1, None]


def test_what_cannot_be_read_at_the_start_is_an_error(tmp_path: Path) -> None:
    """One sentence each: no file, a directory, no UTF-8, too large."""
    bad = tmp_path / "bad"
    bad.write_bytes(b"limits: \xff")
    large = tmp_path / "large"
    large.write_bytes(b"#" * (1024 * 1024 + 1))
    for path, message in (
        (tmp_path / "none", "there is no such file"),
        (tmp_path, r"it cannot be read \(IsADirectoryError\)"),
        (bad, r"not UTF-8 text \(byte 8\)"),
        (large, "larger than 1048576 bytes"),
    ):
        with pytest.raises(ConfigurationError, match=message):
            DocumentFile(path).load()


def test_a_byte_order_mark_does_not_matter(path: Path) -> None:
    """Some editors write one."""
    path.write_bytes(b"\xef\xbb\xbf" + limits(3).encode())
    assert DocumentFile(path).load().limits.workloads == 3
