"""
What ships beside the code: the JSON Schema and the commented example, neither of which may drift from it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import jsonschema
import pytest

from scaler.domain.economic.params import EconomicParams
from scaler.domain.kinds import KINDS
from scaler.domain.policy import Holds, Policy
from scaler.domain.target import TargetParams
from scaler.settings.connections import CONNECTION_TYPES, QUEUES, AnyConnection, QueueType
from scaler.settings.document import Document
from scaler.settings.loading import load
from scaler.settings.policies import PolicySection
from scaler.settings.schema import EXAMPLE, SHIPPED, main, schema, schema_text
from scaler.settings.sections import Tagged, form_of
from scaler.settings.yamltext import parse_yaml

TEXT = EXAMPLE.read_text(encoding="utf-8")


def keys_of(node: Any) -> Iterator[str]:
    """All keys that a schema knows."""
    if isinstance(node, dict):
        yield from node.get("properties", {}) if isinstance(node.get("properties"), dict) else ()
        for inner in node.values():
            yield from keys_of(inner)
    if isinstance(node, list):
        for inner in node:
            yield from keys_of(inner)


def test_the_shipped_schema_is_fresh() -> None:
    """If this fails: python -m scaler.settings.schema scaler/settings/configuration.schema.json."""
    assert SHIPPED.read_text(encoding="utf-8") == schema_text()


def test_the_schema_is_a_valid_one_and_describes_itself() -> None:
    """Draft 2020-12, with a title, and a description of every part."""
    jsonschema.Draft202012Validator.check_schema(schema())
    assert schema()["title"] == "Configuration of gpu-agent-scaler"
    assert all("description" in part for part in schema()["$defs"].values())


def test_the_schema_is_written_and_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`python -m scaler.settings.schema [FILE]`."""
    main([str(tmp_path / "schema.json")])
    main([])
    assert (tmp_path / "schema.json").read_text() == capsys.readouterr().out == schema_text()


@pytest.mark.parametrize(
    "text",
    [
        "limts: {}",
        "limits: {workloads: 0}",
        "limits: {tenantQueries: 'yes'}",
        "defaults: {interval: 5}",
        "defaults: {interval: 5 s}",
        "connections: {c: {type: kafka}}",
        "connections: {c: {type: redis}}",
        "connections: {c: {type: redis, addresses: []}}",
        "connections: {c: {type: prometheus, url: 'http://u:p@h'}}",
        "policies: {p: {queue: {target: 0}}}",
        "policies: {p: {queue: {target: 1, type: strem}}}",
    ],
)
def test_what_the_schema_refuses_loading_refuses_too(text: str) -> None:
    """An editor that follows the schema never marks what the scaler would accept."""
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(parse_yaml(text).data, schema())
    with pytest.raises(Exception, match=": "):
        load(text)


def test_the_example_loads_and_fits_the_schema() -> None:
    """A copy of it is a place to start from."""
    document = load(TEXT)
    assert set(document.policies) == {"default", "candidate", "by-price", "batch"}
    assert {connection.type for connection in document.connections.values()} == set(CONNECTION_TYPES)
    jsonschema.validate(parse_yaml(TEXT).data, schema())


def test_the_example_mentions_every_key() -> None:
    """Commented out or not."""
    mentioned = set(re.findall(r"\w+(?=:)", TEXT))
    assert set(keys_of(schema())) <= mentioned


def test_what_the_example_calls_a_default_is_one() -> None:
    """Every line whose comment begins with `default` can be left out, and the document stays the same."""
    lines = TEXT.splitlines()
    defaults = {number for number, line in enumerate(lines) if re.search(r"\S.* # default(:|;|$)", line)}
    assert len(defaults) > 30
    assert load("\n".join(line for number, line in enumerate(lines) if number not in defaults)) == load(TEXT)


def test_the_documents_defaults_are_the_domains() -> None:
    """One truth: a policy that says nothing has the windows, holds and bounds that the domain has by itself."""
    policy = PolicySection.of({"queue": {"target": 1}}).policy("p", Document().defaults, {})
    bare = Policy("p", policy.rules)
    assert policy == bare
    assert (policy.params, policy.holds) == (TargetParams(), Holds())


def test_an_economic_policy_has_the_domains_defaults() -> None:
    """A policy that names a queue and nothing else has the price, floor and cooldown that the domain has by itself."""
    assert PolicySection.of({"queue": {}}).params() == EconomicParams()


_KINDS: dict[str, dict[str, int]] = {"target": {"target": 1}, "economic": {}}


def test_every_kind_and_type_has_its_section() -> None:
    """The tables of the rooms know the same words."""
    told = {kind: PolicySection.of({"kind": kind, "queue": queue}).params() for kind, queue in _KINDS.items()}
    assert {type(params) for params in told.values()} == set(KINDS)
    assert {kind: KINDS[type(params)].name for kind, params in told.items()} == {kind: kind for kind in _KINDS}
    told_apart = form_of(AnyConnection)
    assert isinstance(told_apart, Tagged)
    assert tuple(told_apart.sections) == CONNECTION_TYPES
    assert tuple(told_apart.sections.values()) == get_args(AnyConnection)
    assert sorted(name for names in QUEUES.values() for name in names) == sorted(get_args(QueueType))
