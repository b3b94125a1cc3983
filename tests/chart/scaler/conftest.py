"""
The scaler's chart under both Helms.
"""

from __future__ import annotations

import pytest

from tests.chart.charts import SCALER
from tests.chart.helm import Chart, Helm


@pytest.fixture(scope="session")
def chart(helm: Helm) -> Chart:
    """
    The chart.
    """
    return SCALER.under(helm)


@pytest.fixture(scope="session")
def newest(newest_helm: Helm) -> Chart:
    """
    The chart under the newest Helm alone, for what is rendered and not for how.
    """
    return SCALER.under(newest_helm)
