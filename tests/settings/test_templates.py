"""
Templates: what is filled in, what is refused, and that a value in a query is never more than a label's text.
"""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scaler.settings.templates import check_query, check_template, fill, fill_query

VALUES = {"namespace": "shop", "name": "agent-so", "workload": "agent.v2"}


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("plain", "plain"),
        ("$namespace:$name:$workload", "shop:agent-so:agent.v2"),
        ("${workload}_jobs", "agent.v2_jobs"),
        ("$$name costs $5, ends with $", "$name costs $5, ends with $"),
    ],
)
def test_a_template_is_filled_in(template: str, text: str) -> None:
    """Words are replaced, `$$` is a dollar, a dollar without a word stays."""
    assert fill(check_template(template), VALUES) == text


@pytest.mark.parametrize("template", ["$nmespace", "${pod}", "$workloads", "$__rate_interval"])
def test_an_unknown_word_is_refused(template: str) -> None:
    """The message names the word and those that are known."""
    with pytest.raises(ValueError, match=r"stands for nothing; known are \$namespace, \$name, \$workload"):
        check_template(template)


def test_the_nearest_word_is_named() -> None:
    """A slip of the pen is recognised."""
    with pytest.raises(ValueError, match="did you mean 'namespace'"):
        check_template("$nmespace")


@pytest.mark.parametrize(
    ("template", "query"),
    [
        ('up{ns="$namespace"}', 'up{ns="shop"}'),
        ('up{pod="$workload"}', 'up{pod="agent.v2"}'),
        ('up{pod=~"$workload-.*"}', 'up{pod=~"agent\\\\.v2-.*"}'),
        ("up{pod!~ '${workload}x'}", "up{pod!~ 'agent\\\\.v2x'}"),
        ('up{pod=~"a$"} # not $name', 'up{pod=~"a$"} # not $name'),
        ('label_replace(up, "a", "$1", "b", "(.*)")', 'label_replace(up, "a", "$1", "b", "(.*)")'),
        ('up{a="\\"$name"}', 'up{a="\\"agent-so"}'),
    ],
)
def test_a_query_is_filled_in(template: str, query: str) -> None:
    """Inside strings only; a matcher of regular expressions sees the value's characters."""
    assert fill_query(check_query(template), VALUES) == query


@pytest.mark.parametrize("template", ["$workload", "rate($name[1m])", "up{a=`$name`}", 'up{a="b$name}'])
def test_a_word_outside_a_quoted_string_is_refused(template: str) -> None:
    """There it could be any PromQL."""
    with pytest.raises(ValueError, match="inside a string in double quotes"):
        check_query(template)


@given(st.text(), st.sampled_from(["=", "!=", "=~", "!~"]), st.sampled_from("\"'"))
def test_a_value_never_leaves_its_string(value: str, matcher: str, quote: str) -> None:
    """Whatever a value is, PromQL's own unquoting gives it back: as text, or as an expression for just that text."""
    query = fill_query(f"up{{a{matcher}{quote}$name{quote}}}", {"name": value})
    literal = query.removeprefix(f"up{{a{matcher}").removesuffix("}")
    body = literal[1:-1]
    assert re.fullmatch(rf"(?:[^{quote}\\\n]|\\.)*", body, re.DOTALL)
    text = re.sub(r"\\(.)", lambda escape: "\n" if escape[1] == "n" else escape[1], body, flags=re.DOTALL)
    assert re.fullmatch(text, value) if "~" in matcher else text == value
