"""
What the charts refuse, each by a sentence that says what to change, or by the name of the value.

The tables stand beside the tests of each chart, in `refusals*.yaml`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
import yaml

from tests.chart.charts import SOURCES, Source, assigned
from tests.chart.everything import EVERY_CHART
from tests.chart.helm import KUBERNETES, Helm, RefusedError


def refusals(source: Source, part: str) -> Iterator[dict[str, Any]]:
    """
    Yield what a chart's tables say in one of their parts, `sentences` or `names`.
    """
    for path in sorted(source.tests.glob("refusals*.yaml")):
        yield from yaml.safe_load(path.read_text()).get(part, ())


SENTENCES = [
    pytest.param(
        source,
        each["values"],
        each.get("kubernetes", KUBERNETES[-1]),
        each["told"],
        id=f"{source.name}: {each['told'][:60]}",
    )
    for source in SOURCES
    for each in refusals(source, "sentences")
]
NAMES = [
    pytest.param(source, each["values"], *each["told"], id=f"{source.name}: {each['values']}")
    for source in SOURCES
    for each in refusals(source, "names")
]


@pytest.mark.parametrize(("source", "values", "kubernetes", "sentence"), SENTENCES)
def test_a_contradiction_is_refused_by_a_sentence(
    helm: Helm, source: Source, values: Mapping[str, Any], kubernetes: str, sentence: str
) -> None:
    """
    It names the values, and what to change.
    """
    with pytest.raises(RefusedError, match=re.escape(sentence)):
        source.under(helm).template(*assigned(values), kubernetes=kubernetes)


@pytest.mark.parametrize(("source", "values", "place", "word"), NAMES)
def test_a_typing_error_is_refused_by_name(
    helm: Helm, source: Source, values: Mapping[str, Any], place: str, word: str
) -> None:
    """
    The schema names the place, in either Helm's way of writing it, and what is wrong there.
    """
    with pytest.raises(RefusedError) as refused:
        source.under(helm).template(*assigned(values))
    told = str(refused.value)
    lines = [line for line in told.splitlines() if f"{place}:" in line or f"at '/{place.replace('.', '/')}'" in line]
    assert "schema" in told
    assert any(word in line for line in (lines if place else told.splitlines())), told


@EVERY_CHART
def test_every_refusal_is_tested(source: Source) -> None:
    """
    Each `fail` and `required` of the templates is met by one of the sentences above.
    """
    templates = "\n".join(path.read_text() for path in sorted((source.path / "templates").rglob("*.*")))
    written = re.findall(r'(?:fail(?: \(printf)?|required) "((?:[^"\\]|\\.)+)"', templates)
    patterns = [re.sub(r"%\\?[a-z]", ".*", re.escape(text.split(":")[0])) for text in written]
    assert len(patterns) > 20
    told = "\n".join(each["told"] for each in refusals(source, "sentences"))
    assert [text for text, pattern in zip(written, patterns, strict=True) if not re.search(pattern, told)] == []
