"""
YAML as an experiment file needs it: mappings, lists, texts, numbers, true and false; no key twice, no surprises.
"""

from __future__ import annotations

import re
from typing import Any

import yaml

from loadgen.errors import UsageError

_NUMBER = re.compile(r"^[-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?$")
_WHOLE = re.compile(r"^[-+]?\d+$")


class _Loader(yaml.SafeLoader):
    """
    Reads only what was meant: `no` is a text, `12:30` is not 750, and a second key of the same name is an error.
    """

    yaml_implicit_resolvers = {}  # noqa: RUF012 - PyYAML's own form, replaced as a whole below


def _mapping(loader: _Loader, node: yaml.MappingNode) -> dict[str, Any]:
    mapping: dict[str, Any] = {}
    for key_node, value_node in node.value:
        line = key_node.start_mark.line + 1
        if not isinstance(key_node, yaml.ScalarNode):
            raise UsageError(f"line {line}: a key must be text")
        if key_node.value in mapping:
            raise UsageError(f"line {line}: {key_node.value} is given twice")
        mapping[key_node.value] = loader.construct_object(value_node, deep=True)
    return mapping


def _whole(loader: _Loader, node: yaml.ScalarNode) -> int:
    return int(loader.construct_scalar(node))


def _number(loader: _Loader, node: yaml.ScalarNode) -> float:
    return float(loader.construct_scalar(node))


_Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(r"^(?:true|false)$"), list("tf"))
_Loader.add_implicit_resolver("tag:yaml.org,2002:null", re.compile(r"^(?:~|null|)$"), ["~", "n", ""])
_Loader.add_implicit_resolver("tag:yaml.org,2002:int", _WHOLE, list("-+0123456789"))
_Loader.add_implicit_resolver("tag:yaml.org,2002:float", _NUMBER, list("-+.0123456789"))
_Loader.add_constructor("tag:yaml.org,2002:map", _mapping)
_Loader.add_constructor("tag:yaml.org,2002:int", _whole)
_Loader.add_constructor("tag:yaml.org,2002:float", _number)


def parse_yaml(text: str) -> dict[str, Any]:
    """
    Return the mapping that one YAML document holds.

    Raises:
        UsageError: it is not YAML, not a mapping, or uses what an experiment does not need; the message has the line.
    """
    try:
        data = yaml.load(text, Loader=_Loader)  # noqa: S506 - it is a SafeLoader
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = "" if mark is None else f"line {mark.line + 1}: "
        raise UsageError(f"{where}not YAML: {error.problem or error.context}") from error
    except (yaml.YAMLError, RecursionError) as error:
        raise UsageError(f"not YAML: {str(error).splitlines()[0]}") from error
    if not isinstance(data, dict):
        raise UsageError("an experiment must be a mapping of keys: title, workloads, policies, …")
    return data
