"""
Charts under both Helms.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.chart.helm import Chart, Helm, programs

SCALER_CHART = Path(__file__).parents[2] / "charts" / "agent-scaler"


@pytest.fixture(scope="session", params=list(programs()), ids=lambda program: program.name)
def helm(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Helm:
    """
    A Helm.
    """
    program: Path = request.param
    if not program.exists():
        pytest.fail(f"There is no {program}: `make setup` brings it, or name one in SCALER_TEST_HELM.", pytrace=False)
    return Helm(program, tmp_path_factory.mktemp("helm"))


@pytest.fixture(scope="session")
def chart(helm: Helm) -> Chart:
    """
    The scaler's chart.
    """
    return Chart(helm, SCALER_CHART)


@pytest.fixture(scope="session")
def newest(tmp_path_factory: pytest.TempPathFactory) -> Chart:
    """
    The scaler's chart under the newest Helm alone, for what is rendered and not for how.
    """
    *_, program = programs()
    if not program.exists():
        pytest.fail(f"There is no {program}: `make setup` brings it, or name one in SCALER_TEST_HELM.", pytrace=False)
    return Chart(Helm(program, tmp_path_factory.mktemp("helm")), SCALER_CHART)
