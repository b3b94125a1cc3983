"""
One stage for all end-to-end tests, and what is told when one of them fails.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e import agents
from tests.e2e.agents import Agent
from tests.e2e.charts import Grounds
from tests.e2e.cluster import UnfitError, fit
from tests.e2e.crowd import Crowd
from tests.e2e.default_install import DefaultInstall
from tests.e2e.kubectl import KubectlError
from tests.e2e.replay import Replay
from tests.e2e.stage import Stage, note

_HERE = Path(__file__).parent
_TOLD = 600.0
_LONGEST = 600.0
_LATER = 45.0
"""Seconds until many ScaledObjects are put up, with which KEDA is slow: it is to see the first tests' own before."""

_ORDER = ("holds", "configuration", "wakes", "many", "charts", "trace", "outages", "restarts")
"""Beside the trace there is nothing that disturbs others; the outages and restarts come when it has ended."""

_stages: list[Stage] = []


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """
    Give every test here the time that a cluster takes, and its place in the order.
    """
    ours = [item for item in items if item.path.is_relative_to(_HERE)]
    items[:] = [item for item in items if item not in ours] + sorted(ours, key=_place)
    for item in ours:
        if item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(_LONGEST))


def _place(item: pytest.Item) -> int:
    return next((at for at, word in enumerate(_ORDER) if word in item.path.stem), len(_ORDER))


@pytest.fixture(scope="session")
def stage() -> Generator[Stage]:
    """
    The stage.
    """
    try:
        fit()
    except UnfitError as error:
        pytest.exit(str(error), returncode=2)
    stage = Stage()
    _stages.append(stage)
    try:
        note("building the stage")
        stage.build()
        note("the stage is there")
        yield stage
    finally:
        _stages.clear()
        stage.close()


@pytest.fixture(scope="session")
def replay(stage: Stage) -> Generator[Replay]:
    """
    A trace that is replayed on an agent of its own.
    """
    agent = agents.install(stage, "trace", "list", worker={"loadSeconds": 3}, keda={"maxReplicaCount": 2})
    replay = Replay(agent)
    replay.start()
    yield replay
    agent.remove()


@pytest.fixture(scope="session")
def crowd(stage: Stage, request: pytest.FixtureRequest) -> Generator[Crowd]:
    """
    Idle ScaledObjects by the hundred, which KEDA takes minutes to see: they are put up beside other tests.
    """
    crowd = Crowd(stage)
    alone = all("crowd" in item.fixturenames for item in _chosen(request))
    crowd.begin(after=0.0 if alone else _LATER)
    yield crowd
    crowd.take_down()


@pytest.fixture(scope="session", autouse=True)
def early(request: pytest.FixtureRequest) -> None:
    """
    Begin at once with what takes long, if any of the chosen tests needs it.
    """
    for name in ("replay", "crowd", "default_install"):
        if any(name in item.fixturenames for item in _chosen(request)):
            request.getfixturevalue(name)


def _chosen(request: pytest.FixtureRequest) -> list[pytest.Function]:
    return [item for item in request.session.items if isinstance(item, pytest.Function)]


@pytest.fixture
def make(stage: Stage) -> Generator[Callable[..., Agent]]:
    """
    Installs agents, and uninstalls them after the test.
    """
    made: list[Agent] = []

    def install(*arguments: Any, **changes: Any) -> Agent:
        made.append(agents.install(stage, *arguments, **changes))
        return made[-1]

    yield install
    for agent in made:
        agent.remove()


@pytest.fixture(scope="session")
def grounds(stage: Stage) -> Generator[Grounds]:
    """
    Namespaces for charts, and what their values name.
    """
    grounds = Grounds(stage)
    grounds.build()
    yield grounds
    if not os.environ.get("SCALER_E2E_KEEP"):
        grounds.clear()


@pytest.fixture(scope="session")
def default_install(stage: Stage, grounds: Grounds) -> Generator[DefaultInstall]:
    """
    An install with nothing set. It takes minutes by itself, so other tests let it begin before them.
    """
    install = DefaultInstall(stage, grounds.namespace("default"))
    yield install
    install.close()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """
    Add to the report of a test that failed the history of all replicas, and everybody's logs.
    """
    report = yield
    if report.failed and _stages:
        stage = _stages[0]
        report.sections.append(("replicas", stage.history.told(_TOLD)))
        try:
            report.sections.append(("logs", stage.logs()))
        except (KubectlError, OSError) as error:
            report.sections.append(("logs", str(error)))
    return report
