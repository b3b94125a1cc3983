"""
Lanes: rooms of stories that go on beside each other, each lane in a process of its own, with a stage of its own.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
from xdist.scheduler import LoadScopeScheduling

_ROOMS = {
    "holds": "policies",
    "configuration": "policies",
    "growth": "policies",
    "wakes": "policies",
    "many": "policies",
    "trace": "policies",
    "restarts": "policies",
    "outages": "charts",
    "charts": "charts",
}
"""
The rooms in their order, and the lane of each.

While hundreds of ScaledObjects are put up, woken and taken down, KEDA is slow: they come late, and after them the
trace is waited for, which has gone on beside all. What stops KEDA or the API server comes last, when the other lane
has ended.
"""

_OTHERS_END_WITHIN = 900.0
_POLL = 0.5


class Schedule(LoadScopeScheduling):  # type: ignore[misc]
    """
    Gives each process a lane.
    """

    def _split_scope(self, nodeid: str) -> str:
        return _lane(nodeid.partition("::")[0])


def arranged(items: Sequence[pytest.Item], ours: Path) -> list[pytest.Item]:
    """
    Return tests with those below a folder in the order of their rooms, after all others.
    """
    rest = [item for item in items if not item.path.is_relative_to(ours)]
    here = [item for item in items if item.path.is_relative_to(ours)]
    return rest + sorted(here, key=lambda item: list(_ROOMS).index(_room(item.path.name)))


def of(file: Path, items: Sequence[pytest.Item]) -> list[pytest.Function]:
    """
    Return the tests that this process runs, given the file of one: a lane's, or all if there is no other process.
    """
    functions = [each for each in items if isinstance(each, pytest.Function)]
    if "PYTEST_XDIST_WORKER" not in os.environ:
        return functions
    return [each for each in functions if _lane(each.path.name) == _lane(file.name)]


class Lane:
    """
    One process among those that go on beside each other; they see each other in a folder that they share.
    """

    def __init__(self, folder: Path) -> None:
        self._mark = folder / f"lane-{os.environ.get('PYTEST_XDIST_WORKER', 'only')}"
        self._mark.touch()

    def end(self) -> None:
        """
        Tell the others that nothing of this lane is on the cluster any more.
        """
        self._mark.unlink(missing_ok=True)

    def alone(self) -> None:
        """
        Return when all other lanes have ended.

        Raises:
            AssertionError: they did not in time.
        """
        until = time.monotonic() + _OTHERS_END_WITHIN
        while others := [each.name for each in self._mark.parent.glob("lane-*") if each != self._mark]:
            assert time.monotonic() < until, f"{', '.join(others)} did not end within {_OTHERS_END_WITHIN:g} s"
            time.sleep(_POLL)


def _room(file: str) -> str:
    room = next((word for word in _ROOMS if word in file), None)
    if room is None:
        raise pytest.UsageError(
            f"{file} is in no room: its name has to have one of {', '.join(_ROOMS)} in it (lanes.py)"
        )
    return room


def _lane(file: str) -> str:
    return _ROOMS[_room(file)]
