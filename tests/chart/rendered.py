"""
What a chart renders, read strictly: a key given twice, or without a value, is an error.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any

import yaml

Object = dict[str, Any]


class StrictError(Exception):
    """
    A rendered text says something that Kubernetes would silently drop.
    """


class _StrictLoader(yaml.CSafeLoader):
    """
    Refuses keys that are given twice.
    """


def _mapping(loader: yaml.CSafeLoader, node: yaml.MappingNode) -> dict[Any, Any]:
    keys = [loader.construct_object(key, deep=True) for key, _ in node.value]
    if twice := {key for key in keys if keys.count(key) > 1}:
        raise StrictError(f"given twice: {', '.join(sorted(twice))}{node.start_mark}")
    return loader.construct_mapping(node, deep=True)


_StrictLoader.add_constructor("tag:yaml.org,2002:map", _mapping)


def objects(text: str) -> list[Object]:
    """
    Return the objects of a rendered text, the reader's own to change. The same text is read once.

    Raises:
        StrictError: a key is given twice or has no value.
    """
    found: list[Object] = json.loads(_read(text))
    return found


def document(text: str) -> Any:
    """
    Return what a YAML or JSON file inside of an object says.

    Raises:
        StrictError: a key is given twice.
    """
    return yaml.load(text, _StrictLoader)  # noqa: S506  # a safe loader, which the rule does not see through its name


@lru_cache(maxsize=512)
def _read(text: str) -> str:
    found = [each for each in yaml.load_all(text, _StrictLoader) if each is not None]
    for each in found:
        if empty := list(_nulls(each, each.get("kind", "?"))):
            raise StrictError(f"without a value: {', '.join(empty)}")
    return json.dumps(found)


def _nulls(node: Any, path: str) -> Iterator[str]:
    match node:
        case None:
            yield path
        case dict():
            for key, value in node.items():
                yield from _nulls(value, f"{path}.{key}")
        case list():
            for number, value in enumerate(node):
                yield from _nulls(value, f"{path}[{number}]")


def kind(text: str, name: str) -> Object:
    """
    Return the only object of a kind.
    """
    (found,) = (each for each in objects(text) if each["kind"] == name)
    return found


def configuration(text: str) -> str:
    """
    Return the scaler's document.
    """
    maps = (each["data"] for each in objects(text) if each["kind"] == "ConfigMap")
    (found,) = (data["config.yaml"] for data in maps if "config.yaml" in data)
    return str(found)


def pods(text: str) -> Iterator[Object]:
    """
    Yield every pod, and every template of one, with `metadata` and `spec`.
    """
    for _, pod in owned(objects(text)):
        yield pod


def owned(found: Iterable[Object]) -> Iterator[tuple[Object, Object]]:
    """
    Yield every pod, and every template of one however deep it is (a CronJob's, a ScaledJob's), after whose it is.
    """
    for each in found:
        for pod in _pods(each):
            yield each, {"metadata": {}, **pod}


def _pods(node: Any) -> Iterator[Object]:
    if isinstance(node, list):
        for item in node:
            yield from _pods(item)
    elif isinstance(node, dict):
        spec = node.get("spec")
        if isinstance(spec, dict) and "containers" in spec:
            yield node
        for value in node.values():
            yield from _pods(value)


def containers(pod: Object) -> list[Object]:
    """
    Return every container of a pod, those that start it included.
    """
    return [*pod["spec"].get("initContainers", ()), *pod["spec"]["containers"]]


def selects(labels: Mapping[str, str], pod: Object) -> bool:
    """
    Tell whether a selector's labels pick a pod.
    """
    return bool(labels) and labels.items() <= pod["metadata"].get("labels", {}).items()
