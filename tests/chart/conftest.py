"""
Both Helms.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.chart.helm import Helm, programs


@pytest.fixture(scope="session", params=list(programs()), ids=lambda program: program.name)
def helm(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Helm:
    """
    A Helm.
    """
    return ready(request.param, tmp_path_factory)


@pytest.fixture(scope="session")
def newest_helm(tmp_path_factory: pytest.TempPathFactory) -> Helm:
    """
    The newest Helm alone, for what is rendered and not for how.
    """
    *_, program = programs()
    return ready(program, tmp_path_factory)


@pytest.fixture(scope="session")
def helms(tmp_path_factory: pytest.TempPathFactory) -> list[Helm]:
    """
    All of them, to be compared.
    """
    return [ready(program, tmp_path_factory) for program in programs()]


def ready(program: Path, folders: pytest.TempPathFactory) -> Helm:
    """
    Return a Helm with a folder of its own; one that is not there is an error that says what to do.
    """
    if not program.exists():
        pytest.fail(f"There is no {program}: `make setup` brings it, or name one in SCALER_TEST_HELM.", pytrace=False)
    return Helm(program, folders.mktemp("helm"))
