"""
What the API server would say of an object: schemas of its own kinds and of custom resources, unknown fields refused.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from tests.chart.rendered import Object

ROOT = Path(__file__).parents[2]
CUSTOM = Path(os.environ.get("SCALER_SCHEMAS", ROOT.parent / "shared" / "schemas"))
"""Where the definitions of custom resources are."""

NEEDS_DEFINITIONS = pytest.mark.skipif(
    not CUSTOM.is_dir(), reason=f"there are no definitions of custom resources in {CUSTOM}: name them in SCALER_SCHEMAS"
)

OWN = Path(__file__).parent / "definitions"
"""Schemas of what is rendered for operators whose definitions are nowhere else."""

_BUILT_IN = (
    "",
    "apps",
    "policy",
    "networking.k8s.io",
    "batch",
    "rbac.authorization.k8s.io",
    "scheduling.k8s.io",
    "resource.k8s.io",
)
_DEFINITIONS = "https://kubernetes.io/api/_definitions.json"
_METADATA = f"{_DEFINITIONS}#/$defs/io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"


def findings(each: Object, kubernetes: str) -> list[str]:
    """
    Return what is wrong with an object, under a version of Kubernetes. The same question is answered once.
    """
    return list(_findings(json.dumps(each), kubernetes))


@cache
def _findings(text: str, kubernetes: str) -> tuple[str, ...]:
    each: Object = json.loads(text)
    group = each["apiVersion"].rpartition("/")[0]
    if group in _BUILT_IN:
        validator = _core(kubernetes, each["kind"], each["apiVersion"])
        if validator is None:
            return (f"{each['apiVersion']} {each['kind']} is not served by Kubernetes {kubernetes}",)
        return tuple(_said(validator, each))
    definition = _custom().get((each["apiVersion"], each["kind"]))
    if definition is None:
        return (f"{each['apiVersion']} {each['kind']} has no schema, or is not served",)
    return (*_said(definition, each), *_said(_metadata(kubernetes), each["metadata"]))


def _said(validator: Draft202012Validator, each: Any) -> Iterator[str]:
    for error in validator.iter_errors(each):
        yield f"{error.json_path}: {error.message}"


@cache
def _registry(kubernetes: str) -> Registry[Any]:
    resource: Resource[Any] = Resource.from_contents(_shipped(kubernetes, "_definitions.json"), DRAFT202012)
    registry: Registry[Any] = Registry().with_resource(_DEFINITIONS, resource)
    return registry


def _shipped(kubernetes: str, name: str) -> Any:
    folder = files("kubernetes_validate") / "kubernetes-json-schema" / f"v{kubernetes}.0-local-strict"
    return json.loads((folder / name).read_text())


@cache
def _core(kubernetes: str, kind: str, api_version: str) -> Draft202012Validator | None:
    group, _, version = api_version.rpartition("/")
    name = "-".join(filter(None, (kind.lower(), group.partition(".")[0], version)))
    try:
        schema = _shipped(kubernetes, f"{name}.json")
    except FileNotFoundError:
        return None
    return Draft202012Validator(schema, registry=_registry(kubernetes))


@cache
def _metadata(kubernetes: str) -> Draft202012Validator:
    return Draft202012Validator({"$ref": _METADATA}, registry=_registry(kubernetes))


@cache
def _custom() -> Mapping[tuple[str, str], Draft202012Validator]:
    return dict(_definitions())


def _definitions() -> Iterator[tuple[tuple[str, str], Draft202012Validator]]:
    for path in sorted(CUSTOM.glob("catalog/*/*.json")) + sorted(OWN.glob("*/*.json")):
        kind, _, version = path.stem.rpartition("_")
        schema = json.loads(path.read_text())
        yield (f"{path.parent.name}/{version}", _KINDS.get(kind, kind)), _strict(schema)
    for path in sorted(CUSTOM.glob("*/*.yaml")):
        for each in yaml.load_all(path.read_text(), yaml.CSafeLoader):
            if not each or each.get("kind") != "CustomResourceDefinition":
                continue
            spec = each["spec"]
            for version in spec["versions"]:
                if version["served"]:
                    key = (f"{spec['group']}/{version['name']}", spec["names"]["kind"])
                    yield key, _strict(version["schema"]["openAPIV3Schema"])


# The catalogue writes kinds in small letters.
_KINDS = {"ciliumnetworkpolicy": "CiliumNetworkPolicy", "certificate": "Certificate"}


def _strict(schema: Any) -> Draft202012Validator:
    return Draft202012Validator(_closed(schema))


def _closed(node: Any) -> Any:
    """
    Return a structural schema that refuses what the API server would prune.
    """
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
