"""
Lanes: rooms of stories that go on beside each other, each lane in a process of its own, with a stage of its own.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
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
trace is waited for, which has gone on beside all. The other lane rests while a wake is measured. What stops KEDA or
the API server comes last, when that lane has ended.
"""

_OTHERS_END_WITHIN = 900.0
_OTHERS_REST_WITHIN = 300.0
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
    One process among those that go on beside each other; they see each other's marks in a folder that they share.
    """

    def __init__(self, folder: Path) -> None:
        name = os.environ.get("PYTEST_XDIST_WORKER", "only")
        self._folder = folder
        self._going = folder / f"going-{name}"
        self._resting = folder / f"resting-{name}"
        self._quiet = folder / "quiet"
        self._going.touch()

    def end(self) -> None:
        """
        Tell the others that nothing of this lane is on the cluster any more.
        """
        self._going.unlink(missing_ok=True)

    def alone(self) -> None:
        """
        Return when all other lanes have ended.

        Raises:
            AssertionError: they did not in time.
        """
        _until("ended", self._others, _OTHERS_END_WITHIN)

    @contextmanager
    def quiet(self) -> Generator[None]:
        """
        Let all other lanes rest between two files meanwhile, for what is measured. One lane at most may ask for it.

        Raises:
            AssertionError: they did not in time.
        """
        self._quiet.touch()
        try:
            _until("rested", self._busy, _OTHERS_REST_WITHIN)
            yield
        finally:
            self._quiet.unlink()

    def rest(self) -> None:
        """
        Return once no other lane has asked for quiet.
        """
        while self._quiet.exists():
            self._resting.touch()
            while self._quiet.exists():
                time.sleep(_POLL)
            self._resting.unlink()

    def _others(self) -> list[str]:
        return [mark.name.removeprefix("going-") for mark in self._folder.glob("going-*") if mark != self._going]

    def _busy(self) -> list[str]:
        return [name for name in self._others() if not (self._folder / f"resting-{name}").exists()]


def _until(did: str, others: Callable[[], list[str]], within: float) -> None:
    until = time.monotonic() + within
    while names := others():
        assert time.monotonic() < until, f"the lane of {', '.join(names)} has not {did} within {within:g} s"
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
