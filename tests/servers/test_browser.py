"""
Finding the browser: what is there is taken, and what is not there is said.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.servers.browser import NoBrowserError, executable


def program(folder: Path, name: str) -> str:
    """
    Make something that can be run.
    """
    path = folder / name
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return str(path)


def test_a_browser_on_the_path_is_taken(tmp_path: Path) -> None:
    """Debian's name for it comes first."""
    other = program(tmp_path, "google-chrome")
    assert executable({"PATH": str(tmp_path)}) == other
    first = program(tmp_path, "chromium")
    assert executable({"PATH": str(tmp_path)}) == first


def test_a_browser_that_is_named_is_taken(tmp_path: Path) -> None:
    """Wherever it is, and no other one if it is missing."""
    program(tmp_path, "chromium")
    named = program(tmp_path, "mine")
    assert executable({"PATH": str(tmp_path), "SCALER_TEST_BROWSER": named}) == named
    with pytest.raises(NoBrowserError, match="/no/such is not here: install it"):
        executable({"PATH": str(tmp_path), "SCALER_TEST_BROWSER": "/no/such"})


def test_without_a_browser_one_sentence_says_what_to_do(tmp_path: Path) -> None:
    """It names the package and the variable."""
    with pytest.raises(NoBrowserError, match=r"apt-get install chromium\), or name another one with SCALER_TEST_B"):
        executable({"PATH": str(tmp_path)})
