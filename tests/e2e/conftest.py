"""
One stage for all end-to-end tests, and what is told when one of them fails.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Generator
from typing import Any

import pytest

from tests.e2e import agents
from tests.e2e.agents import Agent
from tests.e2e.charts import Grounds
from tests.e2e.cluster import UnfitError, fit
from tests.e2e.default_install import DefaultInstall
from tests.e2e.kubectl import KubectlError
from tests.e2e.stage import Stage, note

_TOLD = 600.0
_stages: list[Stage] = []


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """
    Give every test here the time that a cluster takes.
    """
    for item in items:
        if "e2e" in item.path.parts:
            item.add_marker(pytest.mark.timeout(900))


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
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """
    Add to the report of a test that failed the history of all replicas, and everybody's logs.
    """
    report = yield
    if report.failed and _stages and "e2e" in item.path.parts:
        stage = _stages[0]
        report.sections.append(("replicas", stage.history.told(_TOLD)))
        try:
            report.sections.append(("logs", stage.logs()))
        except (KubectlError, OSError) as error:
            report.sections.append(("logs", str(error)))
    return report
