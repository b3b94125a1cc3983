"""
Durations, names, sections and secrets.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scaler.settings.durations import format_duration, parse_duration
from scaler.settings.errors import InvalidError
from scaler.settings.surroundings import Defaults, Limits, Surroundings
from scaler.settings.values import Secret

WRITTEN = Surroundings(connections={}, policies=frozenset(), defaults=None, limits=None)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("250ms", 0.25),
        ("90s", 90.0),
        ("1.5h", 5400.0),
        ("1h30m", 5400.0),
        ("1h2m3s4ms", 3723.004),
        ("0s", 0.0),
        ("720h", 2_592_000.0),
    ],
)
def test_a_duration_means_its_seconds(text: str, seconds: float) -> None:
    """Hours, minutes, seconds and milliseconds add up, in this order."""
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    "text",
    ["", "5", "5 s", "-5s", "s", "5d", "30m1h", "1e3s", "٣s", "nan", "721h", "9" * 500 + "h", 5, 5.0, None, [], True],
)
def test_what_is_no_duration_is_refused(text: object) -> None:
    """A number without its unit, another order, other digits, more than 30 days: none of it is a duration."""
    with pytest.raises(ValueError, match="must be"):
        parse_duration(text)


@given(st.integers(0, 30 * 24 * 3600 * 1000))
def test_durations_round_trip(milliseconds: int) -> None:
    """What `format_duration` writes, `parse_duration` reads as exactly the same seconds."""
    seconds = milliseconds / 1000
    assert parse_duration(format_duration(seconds)) == seconds


@given(st.text(alphabet="0123456789hms. ", max_size=20) | st.text())
def test_any_text_is_a_duration_or_refused(text: str) -> None:
    """No text makes the parser fail otherwise, and no duration is negative, endless or longer than 30 days."""
    try:
        seconds = parse_duration(text)
    except ValueError:
        return
    assert 0 <= seconds <= 30 * 24 * 3600


def test_code_may_give_seconds_and_documents_say_their_unit() -> None:
    """The same float is seconds in code, and refused where people wrote it."""
    assert Defaults.of({"interval": 4.0}).interval == 4.0
    with pytest.raises(InvalidError, match="interval: must be a duration"):
        Defaults.of({"interval": 4.0}, WRITTEN)
    assert Defaults.of({"interval": "4s"}, WRITTEN).interval == 4.0


def test_a_key_without_a_value_is_not_set() -> None:
    """`workloads:` with nothing behind it means the default; an unknown key stays one."""
    assert Limits.of({"workloads": None}) == Limits()
    with pytest.raises(InvalidError, match="wrkloads: unknown key"):
        Limits.of({"wrkloads": None})


def test_a_secret_is_read_from_its_file_without_the_line_break(tmp_path: Path) -> None:
    """Files written by editors end in a line break that is not part of the secret; a new content is seen."""
    path = tmp_path / "secret"
    secret = Secret(file=path)
    with pytest.raises(ValueError, match=r"secret file .* cannot be read: FileNotFoundError"):
        secret.read()
    for content in ("one", "two"):
        path.write_text(f"{content}\r\n", encoding="utf-8")
        assert secret.read() == content


def test_a_secret_of_the_environment_says_which_variable_is_not_set() -> None:
    """The message names the variable."""
    with pytest.raises(ValueError, match="NO_SUCH_VARIABLE is not set"):
        Secret(env="NO_SUCH_VARIABLE").read()


@pytest.mark.parametrize("data", [{}, {"file": "/a", "env": "B"}])
def test_a_secret_has_one_place(data: dict[str, str]) -> None:
    """Neither or both is refused."""
    with pytest.raises(ValueError, match="exactly one of"):
        Secret.of(data)
