"""
One of the processes that hunt, with a copy of the charts of its own.
"""

from __future__ import annotations

import os
import shutil
from multiprocessing.queues import Queue
from pathlib import Path

from tests.chart.mutants.mutations import Mutant

CHARTS = Path(__file__).parents[3] / "charts"
TESTS = Path(__file__).parents[1]


def work(folder: Path, about: set[str], waiting: Queue[Mutant | None], verdicts: Queue[object]) -> None:
    """
    Hunt until nothing is waiting, and tell what came of it.
    """
    charts = folder / "charts"
    shutil.copytree(CHARTS, charts, symlinks=True)
    os.environ["SCALER_TEST_CHARTS"] = str(charts)
    import pytest  # noqa: PLC0415  # the tests read the variable when they are imported

    from tests.chart.mutants.hunting import Hunt  # noqa: PLC0415  # the same

    settings = ("-p", "no:terminal", "-p", "no:cacheprovider", "--basetemp", str(folder / "tests"))
    hunt = Hunt(charts, about, iter(waiting.get, None), verdicts.put)
    status = pytest.main([*settings, str(TESTS)], plugins=[hunt])
    if status not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
        verdicts.put(f"The tests could not be run: pytest ended with {status!r}.")
