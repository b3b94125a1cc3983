"""
What people read: the README, the values; all of it as fresh as the code, and true.
"""

from __future__ import annotations

import importlib.util
import json
import re
from types import ModuleType
from typing import Any

import pytest
import yaml

from scaler import __version__
from tests.chart.charts import CHARTS, Source
from tests.chart.everything import EVERY_CHART


@pytest.fixture(scope="module")
def generator() -> ModuleType:
    """
    The program that writes what the charts' files share.
    """
    found = importlib.util.spec_from_file_location("generate", CHARTS / "generate.py")
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


@EVERY_CHART
@pytest.mark.parametrize("name", ["values.schema.json", "README.md"])
def test_generated_files_are_fresh(generator: ModuleType, source: Source, name: str) -> None:
    """
    Writing them anew changes nothing. If it does: `make charts`.
    """
    assert (source.path / name).read_text() == generator.written(source.path)[name]


@EVERY_CHART
def test_every_value_is_described(generator: ModuleType, source: Source) -> None:
    """
    Each value, or the whole that it is a part of, has a comment, a place in the schema, and a line in the table.

    Each part of the schema is strict.
    """
    text = (source.path / "values.yaml").read_text()
    comments = generator.comments(text)
    schema = json.loads((source.path / "values.schema.json").read_text())
    listed = set(re.findall(r"^\| `([^`]+)` \|", (source.path / "README.md").read_text(), re.MULTILINE))

    def look(values: dict[str, Any], part: dict[str, Any], path: str) -> None:
        assert part["additionalProperties"] is False, path
        for key, value in values.items():
            inner, below = part["properties"][key], f"{path}{key}"
            parts = any(name.startswith(f"{below}.") for name in comments)
            if "properties" in inner and (parts or below not in comments):
                look(value, inner, f"{below}.")
            else:
                assert comments[below] == inner["description"]
                assert below in listed

    look(yaml.safe_load(text), schema, "")


@EVERY_CHART
def test_versions_agree(source: Source) -> None:
    """
    The chart installs the scaler that it was written for.
    """
    assert yaml.safe_load((source.path / "Chart.yaml").read_text())["appVersion"] == __version__


@EVERY_CHART
def test_the_readme_leads_somewhere(source: Source) -> None:
    """
    The links of each page are to files that there are.
    """
    for page in sorted(source.path.glob("*.md")):
        targets = [target for target in re.findall(r"\]\(([^)#]+)", page.read_text()) if "://" not in target]
        assert [target for target in targets if not (source.path / target).exists()] == []
