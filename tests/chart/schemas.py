"""
What the API server would say of an object: by the schema of its kind, by the rules in it, and of unknown fields.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache, lru_cache
from typing import Any

from jsonschema import Draft202012Validator, ValidationError, validators
from jsonschema.protocols import Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from tests.chart.kinds import BUILT_IN, Schema, common, core, custom
from tests.chart.rendered import Object
from tests.chart.rules import broken

_COMMON = "https://kubernetes.io/api/_definitions.json"
_METADATA = f"{_COMMON}#/$defs/io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"


def findings(each: Object, kubernetes: str) -> list[str]:
    """
    Return what is wrong with an object, under a version of Kubernetes. The same question is answered once.
    """
    return list(_findings(json.dumps(each), kubernetes))


@lru_cache(maxsize=8192)
def _findings(text: str, kubernetes: str) -> tuple[str, ...]:
    each: Object = json.loads(text)
    version, kind = each["apiVersion"], each["kind"]
    if version.rpartition("/")[0] in BUILT_IN:
        validator = _core(kubernetes, version, kind)
        if validator is None:
            return (f"{version} {kind} is not served by Kubernetes {kubernetes}",)
        return tuple(_said(validator, each))
    validator = _custom(version, kind)
    if validator is None:
        return (f"{version} {kind} has no schema, or is not served",)
    return (*_said(validator, defaulted(validator.schema, each)), *_said(_metadata(kubernetes), each["metadata"]))


def _said(validator: Validator, each: Any) -> Iterator[str]:
    for error in validator.iter_errors(each):
        yield f"{error.json_path}: {error.message}"


def defaulted(schema: Any, value: Any) -> Any:
    """
    Return a value with the defaults of its schema, which the API server sets before it looks.
    """
    if isinstance(value, list) and "items" in schema:
        return [defaulted(schema["items"], item) for item in value]
    if not isinstance(value, dict):
        return value
    fields = schema.get("properties", {})
    others = schema.get("additionalProperties")
    others = others if isinstance(others, dict) else {}
    missing = {name: field["default"] for name, field in fields.items() if "default" in field and name not in value}
    return {name: defaulted(fields.get(name, others), inner) for name, inner in {**value, **missing}.items()}


def _twice(_: Validator, keys: list[str], items: Any, __: Schema) -> Iterator[ValidationError]:
    """
    Refuse a list that is a map by some of its keys, and has one of them twice.
    """
    seen = []
    for item in items if isinstance(items, list) else ():
        key = {name: item[name] for name in keys if name in item}
        if key in seen:
            yield ValidationError(f"given twice: {key}")
        seen.append(key)


def _rules(_: Validator, rules: list[dict[str, Any]], value: Any, schema: Schema) -> Iterator[ValidationError]:
    for complaint in broken(rules, value, schema):
        yield ValidationError(complaint)


_Strict = validators.extend(
    Draft202012Validator, {"x-kubernetes-list-map-keys": _twice, "x-kubernetes-validations": _rules}
)


@cache
def _registry(kubernetes: str) -> Registry[Any]:
    resource: Resource[Any] = Resource.from_contents(common(kubernetes), DRAFT202012)
    registry: Registry[Any] = Registry().with_resource(_COMMON, resource)
    return registry


@cache
def _core(kubernetes: str, api_version: str, kind: str) -> Validator | None:
    schema = core(kubernetes, api_version, kind)
    return None if schema is None else _Strict(schema, registry=_registry(kubernetes))


@cache
def _metadata(kubernetes: str) -> Validator:
    validator: Validator = _Strict({"$ref": _METADATA}, registry=_registry(kubernetes))
    return validator


@cache
def _custom(api_version: str, kind: str) -> Validator | None:
    schema = custom(api_version, kind)
    return None if schema is None else _Strict(schema)
