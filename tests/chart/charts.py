"""
The project's charts, and the values that they are tested with.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.chart.helm import Chart, Helm

CHARTS = Path(os.environ.get("SCALER_TEST_CHARTS", Path(__file__).parents[2] / "charts"))
"""Where the charts are: the project's own, or a copy that is to be found wrong."""


@dataclass(frozen=True)
class Source:
    """
    A chart of this project.

    Attributes:
        tests: its folder here, with the tables of what it refuses.
        release: what it is installed as.
        namespace: where it is installed.
    """

    path: Path
    tests: Path
    release: str
    namespace: str

    @property
    def name(self) -> str:
        """
        The chart's name.
        """
        return self.path.name

    @property
    def files(self) -> list[Path]:
        """
        Every way to install it that the project looks after: what only tests use, and the examples.
        """
        return sorted(self.path.glob("ci/*.yaml")) + sorted(self.path.glob("examples/*.yaml"))

    def file(self, name: str) -> tuple[str, str]:
        """
        Return the arguments that choose one of the files.
        """
        (found,) = (path for path in self.files if path.stem.removesuffix("-values") == name)
        return "--values", str(found)

    def under(self, helm: Helm) -> Chart:
        """
        Return the chart as one Helm renders it.
        """
        return Chart(helm, self.path, self.release, self.namespace)


SCALER = Source(CHARTS / "agent-scaler", Path(__file__).parent / "scaler", "agent-scaler", "keda")
AGENT = Source(CHARTS / "ai-agent", Path(__file__).parent / "agent", "ai-agent", "ai")
SOURCES = (SCALER, AGENT)


def given(text: str) -> tuple[str, ...]:
    """
    Return the arguments that set values, from a YAML text.
    """
    return assigned(yaml.safe_load(text))


def assigned(values: Mapping[str, Any]) -> tuple[str, ...]:
    """
    Return the arguments that set values, by their paths.
    """
    return tuple(part for key, value in values.items() for part in ("--set-json", f"{key}={json.dumps(value)}"))
