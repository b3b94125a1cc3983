"""
The schemas of what is rendered: Kubernetes' own, and those of custom resources, made as strict as they can be.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
import yaml

Schema = dict[str, Any]

CUSTOM = Path(os.environ.get("SCALER_SCHEMAS", Path(__file__).parents[3] / "shared" / "schemas"))
"""Where the definitions of custom resources are."""

NEEDS_DEFINITIONS = pytest.mark.skipif(
    not CUSTOM.is_dir(), reason=f"there are no definitions of custom resources in {CUSTOM}: name them in SCALER_SCHEMAS"
)

OWN = Path(__file__).parent / "definitions"
"""Schemas of what is rendered for operators whose definitions are nowhere else."""

BUILT_IN = frozenset(
    {
        "",
        "apps",
        "batch",
        "networking.k8s.io",
        "policy",
        "rbac.authorization.k8s.io",
        "resource.k8s.io",
        "scheduling.k8s.io",
    }
)
"""The groups that every cluster serves."""

_IN_CATALOGUE = frozenset(
    {
        "AuthorizationPolicy",
        "Certificate",
        "CiliumNetworkPolicy",
        "DestinationRule",
        "GRPCRoute",
        "HTTPRoute",
        "PeerAuthentication",
        "Schedule",
        "Sidecar",
        "VolumeSnapshot",
    }
)
"""Kinds that only the catalogue has, which writes their names in small letters."""


@cache
def common(kubernetes: str) -> Any:
    """
    Return what the schemas of a version of Kubernetes share.
    """
    return _shipped(kubernetes, "_definitions.json")


def core(kubernetes: str, api_version: str, kind: str) -> Schema | None:
    """
    Return the schema of a kind of Kubernetes' own, if that version of it is served.
    """
    group, _, version = api_version.rpartition("/")
    name = "-".join(filter(None, (kind.lower(), group.partition(".")[0], version)))
    try:
        found: Schema = _shipped(kubernetes, f"{name}.json")
    except FileNotFoundError:
        return None
    return found


def _shipped(kubernetes: str, name: str) -> Any:
    folder = files("kubernetes_validate") / "kubernetes-json-schema" / f"v{kubernetes}.0-local-strict"
    return json.loads((folder / name).read_text())


def custom(api_version: str, kind: str) -> Schema | None:
    """
    Return the schema of a custom resource, if that version of it is served: what would be pruned is refused.
    """
    group, _, version = api_version.rpartition("/")
    for path in sorted(CUSTOM.glob("*/*.yaml")):
        text = path.read_text()
        if f"group: {group}\n" in text and f"kind: {kind}\n" in text:
            for schema in _served(text, group, kind, version):
                return strict(schema)
    if kind not in _IN_CATALOGUE:
        return None
    for folder in (OWN, CUSTOM / "catalog"):
        path = folder / group / f"{kind.lower()}_{version}.json"
        if path.exists():
            return strict(json.loads(path.read_text()))
    return None


def _served(text: str, group: str, kind: str, version: str) -> Iterator[Schema]:
    for each in yaml.load_all(text, yaml.CSafeLoader):
        if not each or each.get("kind") != "CustomResourceDefinition":
            continue
        spec = each["spec"]
        if (spec["group"], spec["names"]["kind"]) == (group, kind):
            yield from (
                found["schema"]["openAPIV3Schema"]
                for found in spec["versions"]
                if found["name"] == version and found["served"]
            )


def strict(schema: Schema) -> Schema:
    """
    Return a structural schema that refuses what the API server would prune.
    """
    closed: Schema = _closed(schema)
    return closed


def _closed(node: Any) -> Any:
    if isinstance(node, list):
        return [_closed(item) for item in node]
    if not isinstance(node, dict):
        return node
    closed = {key: _closed(value) for key, value in node.items()}
    fields = closed.get("properties")
    if isinstance(fields, dict) and closed.get("type") == "object":
        if not node.get("x-kubernetes-preserve-unknown-fields"):
            closed.setdefault("additionalProperties", False)
        if "kind" in fields and "spec" in fields:
            fields["apiVersion"] = fields["kind"] = {"type": "string"}
    if closed.pop("x-kubernetes-int-or-string", False):
        closed["type"] = ["integer", "string"]
    return closed


def every_rule() -> Iterator[tuple[str, str]]:
    """
    Yield every CEL rule of the custom resources, with the name of the file that it is in.
    """
    for path in sorted(CUSTOM.glob("*/*.yaml")) + sorted(CUSTOM.glob("catalog/*/*.json")):
        for each in yaml.load_all(path.read_text(), yaml.CSafeLoader):
            for rule in _rules(each):
                yield path.name, rule


def _rules(node: Any) -> Iterator[str]:
    if isinstance(node, list):
        for item in node:
            yield from _rules(item)
    elif isinstance(node, dict):
        found = node.get("x-kubernetes-validations")
        if isinstance(found, list):
            yield from (each["rule"] for each in found)
        for value in node.values():
            yield from _rules(value)
