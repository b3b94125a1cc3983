"""
The domain's README says what the code does.
"""

from __future__ import annotations

import re

from scaler.domain.decision import Phase, Reason
from scaler.domain.policy import Holds
from scaler.domain.target import TargetParams
from scaler.domain.wording import duration
from tests.domain.documentation import README, diagram, fresh, reasons

TEXT = README.read_text(encoding="utf-8")


def test_what_is_drawn_from_the_code_is_fresh() -> None:
    """
    If not: `python -m tests.domain.documentation`.
    """
    assert fresh(TEXT) == TEXT
    for drawn in (diagram(), reasons()):
        assert drawn in TEXT


def test_everything_is_drawn() -> None:
    """
    Every phase can be entered, every reason is explained.
    """
    assert all(f"--> {phase.value}:" in diagram() for phase in Phase)
    assert all(f"| `{reason.value}` | " in reasons() for reason in Reason)


def test_the_bounds_are_those_of_the_code() -> None:
    """
    Every duration that the text gives as a default is one.
    """
    holds, params = Holds(), TargetParams()
    defaults = {
        "hold.unknown": holds.unknown,
        "hold.gpu": holds.gpu,
        "hold.loading": holds.loading,
        "idleWindow": params.idle_window,
        "stabilization": params.stabilization,
    }
    told = dict(re.findall(r"`([a-zA-Z.]+)`, (\d+ min) by default", TEXT))
    assert told == {name: duration(seconds) for name, seconds in defaults.items()}


def test_the_modules_are_those_there_are() -> None:
    """
    Every module of the room is named, and no other.
    """
    named = set(re.findall(r"^\| `(\w+\.py)` \|", TEXT, re.MULTILINE))
    assert named == {path.name for path in README.parent.glob("*.py")} - {"__init__.py"}


def test_it_stays_short() -> None:
    """
    One sitting.
    """
    assert len(TEXT.splitlines()) < 150
