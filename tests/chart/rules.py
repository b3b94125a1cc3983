"""
The rules that a definition adds to its schema (`x-kubernetes-validations`), in CEL, as the API server evaluates them.

Rules about a change (`oldSelf`) are left out, as they are there when an object is created.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import Any

import cel

RUN = frozenset(
    {
        *("all", "contains", "duration", "endsWith", "exists", "exists_one", "filter", "has", "int"),
        *("map", "matches", "size", "startsWith"),
    }
)
"""The functions and macros that the library runs as the API server does; a rule with another one is an error."""

_RESERVED = frozenset(
    {
        *("as", "break", "const", "continue", "else", "false", "for", "function", "if", "import", "in", "let", "loop"),
        *("namespace", "null", "package", "return", "true", "var", "void", "while"),
    }
)
_SIGNS = {".": "__dot__", "-": "__dash__", "/": "__slash__"}
_TEXT = re.compile(r"'(?:[^'\\]|\\.)*'|r?\"\"\".*?\"\"\"|\"(?:[^\"\\]|\\.)*\"", re.DOTALL)


def broken(rules: Iterable[Mapping[str, Any]], value: Any, schema: Mapping[str, Any]) -> Iterator[str]:
    """
    Yield what the rules beside a schema say against a value.
    """
    for each in rules:
        if about_a_change(each["rule"]):
            continue
        try:
            held = _compiled(each["rule"]).execute({"self": escaped(value, schema)})
        except (LookupError, ValueError, TypeError, RuntimeError) as error:
            yield f"{each['rule']} cannot be evaluated: {error}"
        else:
            if held is not True:
                yield each.get("message") or f"failed rule: {each['rule']}"


def about_a_change(rule: str) -> bool:
    """
    Tell whether a rule compares an object with what it was.
    """
    return "oldSelf" in rule


def functions(rule: str) -> set[str]:
    """
    Return the functions that a rule calls.
    """
    return set(re.findall(r"\b([A-Za-z_]\w*)\(", _TEXT.sub("''", rule))) - {"in"}


@cache
def _compiled(rule: str) -> cel.Program:
    if unknown := functions(rule) - RUN:
        raise ValueError(f"no such function: {', '.join(sorted(unknown))}")
    return cel.compile(rule)


def escaped(value: Any, schema: Mapping[str, Any]) -> Any:
    """
    Return a value with the names of its fields as rules write them: `__namespace__`, since that is a word of CEL.
    """
    if isinstance(value, list):
        return [escaped(item, schema.get("items", {})) for item in value]
    if not isinstance(value, dict):
        return value
    fields = schema.get("properties", {})
    others = schema.get("additionalProperties")
    others = others if isinstance(others, dict) else {}
    return {
        _name(key) if key in fields else key: escaped(inner, fields.get(key, others)) for key, inner in value.items()
    }


def _name(field: str) -> str:
    if field in _RESERVED:
        return f"__{field}__"
    name = field.replace("__", "__underscores__")
    for sign, written in _SIGNS.items():
        name = name.replace(sign, written)
    return name
