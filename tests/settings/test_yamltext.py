"""
YAML as configuration needs it, and what is refused of the rest.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scaler.settings.yamltext import YamlError, parse_yaml


@pytest.mark.parametrize(
    ("text", "data"),
    [
        ("", {}),
        ("# nothing\n", {}),
        ("a: 1\nb: [x, 'y', \"z\"]\nc: {d: e}\n", {"a": 1, "b": ["x", "y", "z"], "c": {"d": "e"}}),
        ("a: true\nb: false\nc: null\nd: ~\ne:\n", {"a": True, "b": False, "c": None, "d": None, "e": None}),
        ("a: -1\nb: 1.5\nc: 1e3\nd: .5\n", {"a": -1, "b": 1.5, "c": 1000.0, "d": 0.5}),
        ("a: 'true'\nb: '1'\n", {"a": "true", "b": "1"}),
        ("a: |\n  x\n  y\n", {"a": "x\ny\n"}),
        ("no: no\non: yes\n", {"no": "no", "on": "yes"}),
        (
            "a: 12:30\nb: 2024-01-01\nc: 0x1f\nd: .inf\ne: 1_000\n",
            {"a": "12:30", "b": "2024-01-01", "c": "0x1f", "d": ".inf", "e": "1_000"},
        ),
        ("1: a\nnull: b\n", {"1": "a", "null": "b"}),
        ("a: 99999999999999999999\n", {"a": "99999999999999999999"}),
    ],
)
def test_yaml_means_what_it_looks_like(text: str, data: Any) -> None:
    """Only null, true, false and plain numbers are not text; every key is text."""
    assert parse_yaml(text).data == data


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [", "line 2: did not find expected node content"),
        ("a:\n\t- b\n", "line 2: .*a tab, perhaps"),
        ("a: 'b\n", "line 2: found unexpected end of stream"),
        ("a: b\nc\n", "line 3: could not find expected ':'"),
        ("a: &x 1\nb: 2\n", "line 1: anchors and aliases are not read"),
        ("a: 1\nb: *x\n", "line 2: anchors and aliases are not read"),
        ("a: !!python/name:os.system 1\n", "line 1: tags are not read"),
        ("a: !!binary aGk=\n", "line 1: tags are not read"),
        ("a: 1\n---\nb: 2\n", "line 2: one document is read"),
        ("? [a]\n: b\n", "line 1: a key must be text"),
        ("[" * 100, "line 1: nested too deeply"),
        ("a: \x00", "not YAML: unacceptable character"),
    ],
)
def test_the_rest_is_refused_with_its_line(text: str, message: str) -> None:
    """One clear sentence each."""
    with pytest.raises(YamlError, match=message):
        parse_yaml(text)


def test_a_key_that_stands_twice_is_noticed_wherever_it_stands() -> None:
    """The last one wins, and each repetition is told with its line."""
    parsed = parse_yaml("a: 1\nb:\n  - c: 1\n    c: 2\na: 3\n")
    assert parsed.data == {"a": 3, "b": [{"c": 2}]}
    assert parsed.repeated == [(("b", 0, "c"), 4), (("a",), 5)]


def test_every_key_and_item_knows_its_line() -> None:
    """So that an error can say where to look."""
    lines = parse_yaml("a:\n  b: 1\n  c:\n  - x\n  - y\n").lines
    assert lines == {("a",): 1, ("a", "b"): 2, ("a", "c"): 3, ("a", "c", 0): 4, ("a", "c", 1): 5}


@given(st.text() | st.text(alphabet="ab:-[]{}&*!|>'\"#%@`?,\n \t", max_size=40))
def test_any_text_is_read_or_refused(text: str) -> None:
    """Nothing but a YamlError is ever raised."""
    with suppress(YamlError):
        assert isinstance(parse_yaml(text).data, dict | list | str | int | float)
