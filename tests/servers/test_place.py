"""
Where the servers run, and what is said when there are none.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.servers.command import Command
from tests.servers.place import NoServersError, Place, choose, local_process


@pytest.mark.parametrize(
    ("asked", "trouble", "expected"),
    [
        ("", None, Place.CONTAINERS),
        ("", "no container engine answers", Place.LOCAL),
        ("containers", None, Place.CONTAINERS),
        ("local", None, Place.LOCAL),
        ("local", "no container engine answers", Place.LOCAL),
    ],
)
def test_the_place_follows_the_wish_and_then_the_engine(asked: str, trouble: str | None, expected: Place) -> None:
    """
    Containers where an engine answers, unless this machine was asked for.
    """
    assert choose(asked, trouble) is expected


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        ("containers", "Start Docker on this machine, or set SCALER_TEST_SERVERS=local: no container engine answers."),
        ("podman", "Set SCALER_TEST_SERVERS to containers or local, not to 'podman'."),
    ],
)
def test_a_wish_that_cannot_be_met_is_an_error(asked: str, sentence: str) -> None:
    """
    It is not quietly turned into another place.
    """
    with pytest.raises(NoServersError) as error:
        choose(asked, "no container engine answers")
    assert str(error.value) == sentence


def test_a_missing_program_is_an_error_that_says_what_to_install(tmp_path: Path) -> None:
    """
    One sentence names it; no test is skipped for it.
    """
    with pytest.raises(NoServersError, match=r"install the servers with: apt-get install .*no-such-server.*\.$"):
        local_process(Command("no-such-server", "", ("no-such-server",), tmp_path))
