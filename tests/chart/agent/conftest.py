"""
The agent's chart under both Helms.
"""

from __future__ import annotations

import pytest

from tests.chart.charts import AGENT
from tests.chart.helm import Chart, Helm


@pytest.fixture(scope="session")
def chart(helm: Helm) -> Chart:
    """
    The chart.
    """
    return AGENT.under(helm)


@pytest.fixture(scope="session")
def newest(newest_helm: Helm) -> Chart:
    """
    The chart under the newest Helm alone, for what is rendered and not for how.
    """
    return AGENT.under(newest_helm)
