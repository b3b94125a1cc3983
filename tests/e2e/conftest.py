"""
One stage for all end-to-end tests, and what is told when one of them fails.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e import agents, lanes
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
_stages: list[Stage] = []


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> lanes.Schedule:
    """
    Let each process have a lane.
    """
    return lanes.Schedule(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """
    Give every test here the time that a cluster takes, and its place in the order.
    """
    items[:] = lanes.arranged(items, _HERE)
    for item in items:
        if item.path.is_relative_to(_HERE) and item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(_LONGEST))


@pytest.fixture(scope="session")
def lane(tmp_path_factory: pytest.TempPathFactory) -> Generator[lanes.Lane]:
    """
    The process among those that go on beside it.
    """
    folder = tmp_path_factory.getbasetemp()
    lane = lanes.Lane(folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder)
    yield lane
    lane.end()


@pytest.fixture(scope="session")
def stage(lane: lanes.Lane) -> Generator[Stage]:  # noqa: ARG001 - ends after the stage
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
def crowd(stage: Stage) -> Generator[Crowd]:
    """
    Idle ScaledObjects by the hundred, which KEDA takes minutes to see: they are put up beside other tests.
    """
    crowd = Crowd(stage)
    crowd.come()
    yield crowd
    crowd.gone()


@pytest.fixture(scope="module")
def alone(request: pytest.FixtureRequest, lane: lanes.Lane) -> None:
    """
    Nothing else is going on: whatever is done to KEDA or the API server is done to this module's tests only.
    """
    lane.alone()
    if _needed(request, "crowd"):
        request.getfixturevalue("crowd").gone()


@pytest.fixture(scope="module", autouse=True)
def rest(lane: lanes.Lane) -> None:
    """
    Rest while another lane measures something. Only between two files is nothing going on beside the tests.
    """
    lane.rest()


@pytest.fixture(scope="module", autouse=True)
def early(rest: None, request: pytest.FixtureRequest) -> None:  # noqa: ARG001 - comes after it
    """
    Begin with the first tests what takes long, if any test of their lane needs it.
    """
    for name in ("default_install", "replay", "crowd"):
        if _needed(request, name):
            request.getfixturevalue(name)


def _needed(request: pytest.FixtureRequest, name: str) -> bool:
    return any(name in item.fixturenames for item in lanes.of(request.path, request.session.items))


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
