"""
What a chart renders, read strictly: a key given twice, or without a value, is an error.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
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
    Return the objects of a rendered text.

    Raises:
        StrictError: a key is given twice or has no value.
    """
    found: list[Object] = [each for each in yaml.load_all(text, _StrictLoader) if each is not None]
    for each in found:
        if empty := list(_nulls(each, each.get("kind", "?"))):
            raise StrictError(f"without a value: {', '.join(empty)}")
    return found


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


def pods(text: str) -> Iterator[Object]:
    """
    Yield every pod, and every template of one, with `metadata` and `spec`.
    """
    for each in objects(text):
        if each["kind"] == "Pod":
            yield each
        elif "template" in each.get("spec", {}):
            yield each["spec"]["template"]


def containers(pod: Object) -> list[Object]:
    """
    Return every container of a pod, those that start it included.
    """
    return [*pod["spec"].get("initContainers", ()), *pod["spec"]["containers"]]


def selects(labels: Mapping[str, str], pod: Object) -> bool:
    """
    Tell whether a selector's labels pick a pod.
    """
    return bool(labels) and labels.items() <= pod["metadata"]["labels"].items()
