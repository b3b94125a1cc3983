"""
Everything that is rendered: each value file of each chart, for each version of Kubernetes that it can be installed on.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.chart.charts import SOURCES, Source
from tests.chart.helm import KUBERNETES, Helm
from tests.chart.rendered import Object, objects

EVERY_CHART = pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.name)

EVERY_FILE = pytest.mark.parametrize(
    ("source", "values"),
    [pytest.param(source, path, id=f"{source.name}-{path.stem}") for source in SOURCES for path in source.files],
)


def versions(values: Path) -> list[str]:
    """
    Return the versions of Kubernetes that a value file is for: all, unless its first line begins `# Kubernetes 1.34`.
    """
    needed = re.match(r"# Kubernetes 1\.(\d+)", values.read_text())
    return [each for each in KUBERNETES if int(each.partition(".")[2]) >= (int(needed[1]) if needed else 0)]


def renders(helm: Helm, source: Source, values: Path) -> Iterator[tuple[str, list[Object]]]:
    """
    Yield what is rendered of a value file, by the version of Kubernetes.
    """
    for kubernetes in versions(values):
        yield kubernetes, objects(source.under(helm).template("--values", values, kubernetes=kubernetes))


def asked(source: Source, values: Path) -> dict[str, Any]:
    """
    Return the values that a file ends up with: the chart's own under those of the file.
    """
    return merged(_read(source.path / "values.yaml"), _read(values) or {})


@cache
def _read(values: Path) -> Any:
    return yaml.load(values.read_text(), yaml.CSafeLoader)


def merged(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    """
    Return values over values, map by map.
    """
    both = {
        key: merged(below[key], value) if isinstance(value, dict) and isinstance(below.get(key), dict) else value
        for key, value in above.items()
    }
    return {**below, **both}
