"""
What is refused, each by a sentence that says what to change, or by the name of the value.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.chart.conftest import SCALER_CHART
from tests.chart.helm import Chart, RefusedError
from tests.chart.values import assigned

REFUSALS = yaml.safe_load(Path(__file__).with_name("refusals.yaml").read_text())
SENTENCES = [pytest.param(each["values"], each["told"], id=each["told"][:60]) for each in REFUSALS["sentences"]]
NAMES = [pytest.param(each["values"], *each["told"], id=str(each["values"])) for each in REFUSALS["names"]]


@pytest.mark.parametrize(("values", "sentence"), SENTENCES)
def test_a_contradiction_is_refused_by_a_sentence(chart: Chart, values: Mapping[str, Any], sentence: str) -> None:
    """
    It names the values, and what to change.
    """
    with pytest.raises(RefusedError, match=re.escape(sentence)):
        chart.template(*assigned(values))


@pytest.mark.parametrize(("values", "place", "word"), NAMES)
def test_a_typing_error_is_refused_by_name(chart: Chart, values: Mapping[str, Any], place: str, word: str) -> None:
    """
    The schema names the place, in either Helm's way of writing it, and what is wrong there.
    """
    with pytest.raises(RefusedError) as refused:
        chart.template(*assigned(values))
    told = str(refused.value)
    lines = [line for line in told.splitlines() if f"{place}:" in line or f"at '/{place.replace('.', '/')}'" in line]
    assert "schema" in told
    assert any(word in line for line in (lines if place else told.splitlines())), told


def test_every_refusal_is_tested() -> None:
    """
    Each `fail` and `required` of the templates is met by one of the sentences above.
    """
    source = "\n".join(path.read_text() for path in (SCALER_CHART / "templates").iterdir())
    written = re.findall(r'(?:fail(?: \(printf)?|required) "((?:[^"\\]|\\.)+)"', source)
    patterns = [re.sub(r"%\\?[a-z]", ".*", re.escape(text.split(":")[0])) for text in written]
    assert len(patterns) > 20
    told = "\n".join(each["told"] for each in REFUSALS["sentences"])
    assert [text for text, pattern in zip(written, patterns, strict=True) if not re.search(pattern, told)] == []
