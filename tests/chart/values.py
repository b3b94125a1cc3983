"""
The value files that come with the scaler's chart, and values given one by one.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import yaml

from tests.chart.conftest import SCALER_CHART

FILES = sorted((SCALER_CHART / "ci").glob("*.yaml"))
"""Every way to install it that the project looks after."""


def file(name: str) -> tuple[str, str]:
    """
    Return the arguments that choose one of the files.
    """
    return "--values", str(SCALER_CHART / "ci" / f"{name}-values.yaml")


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
