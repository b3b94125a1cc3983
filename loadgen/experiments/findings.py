"""
What is wrong with an experiment file, in people's words: pydantic's findings with paths, rules and the nearest key.
"""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from loadgen.experiments.values import shown

_PHRASES = {
    "missing": "is required",
    "model_type": "must be a mapping of keys",
    "model_attributes_type": "must be a mapping of keys",
    "dict_type": "must be a mapping of keys",
    "tuple_type": "must be a list",
    "list_type": "must be a list",
    "string_type": "must be text",
    "too_short": "must not be empty",
}
_PHRASES_WITH_VALUE = {
    "bool_type": "must be true or false",
    "int_type": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number",
    "finite_number": "must be a finite number",
    "literal_error": "must be one of {expected}",
    "enum": "must be one of {expected}",
    "greater_than": "must be above {gt:.10g}",
    "greater_than_equal": "must be at least {ge:.10g}",
    "less_than": "must be below {lt:.10g}",
    "less_than_equal": "must be at most {le:.10g}",
    "path_type": "must be the path of a file",
}


def findings(error: ValidationError, model: type[BaseModel], at: str = "") -> Iterator[str]:
    """
    Yield each finding as `path: message`; *at* is the path of the part that *model* describes.
    """
    found = error.errors(include_url=False)
    for finding in found:
        if finding["type"] == "too_short" and any(_below(finding, other) for other in found):
            continue  # what pydantic misses are items that are there, and wrong
        path, known = _resolved(model, finding["loc"])
        if finding["type"].startswith("union_tag"):
            path = (*path, finding["ctx"]["discriminator"].strip("'"))
        written = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
        yield f"{f'{at}{written}'.removeprefix('.') or 'the file'}: {_message(finding, known)}"


def _below(finding: ErrorDetails, other: ErrorDetails) -> bool:
    length = len(finding["loc"])
    return len(other["loc"]) > length and other["loc"][:length] == finding["loc"]


def did_you_mean(word: str, known: list[str]) -> str:
    """
    Return `; did you mean 'x'?` for the known word nearest to *word*, or nothing if none is near.
    """
    near = get_close_matches(word[:40], known, n=1, cutoff=0.6)
    return f"; did you mean '{near[0]}'?" if near else ""


def _message(finding: ErrorDetails, known: list[str]) -> str:
    kind, context = finding["type"], finding.get("ctx", {})
    if kind == "value_error":
        return str(context["error"])
    if kind == "extra_forbidden":
        return f"unknown key{did_you_mean(str(finding['loc'][-1]), known)}"
    if kind == "union_tag_not_found":
        return "is required"
    if kind == "union_tag_invalid":
        expected = context["expected_tags"].replace("'", "")
        return f"must be one of {expected}, not {shown(context['tag'])}"
    if kind in _PHRASES_WITH_VALUE:
        expected = str(context.get("expected", "")).replace("'", "").replace(" or ", ", ")
        phrase = _PHRASES_WITH_VALUE[kind].format(**{**context, "expected": expected})
        return f"{phrase}, not {shown(finding['input'])}"
    return _PHRASES.get(kind) or finding["msg"]


def _resolved(model: type[BaseModel], location: tuple[int | str, ...]) -> tuple[tuple[int | str, ...], list[str]]:
    """
    Return pydantic's location without the names of union members, and the keys that may stand where it ends.
    """
    path: list[int | str] = []
    models: set[type[BaseModel]] = {model}
    known: set[str] = set()
    for part in location:
        tagged = {each for each in models if part in _tags(each)}
        if tagged and part not in {key for each in models for key in each.model_fields}:
            models = tagged
            continue
        path.append(part)
        known = {key for each in models for key in each.model_fields}
        with_key = [each for each in models if part in each.model_fields]
        if with_key:
            models = {inner for each in with_key for inner in _models(each.model_fields[str(part)].annotation)}
    return tuple(path), sorted(known)


def _tags(model: type[BaseModel]) -> set[Any]:
    """
    Return the values by which a member of a union is told from the others.
    """
    return {
        value
        for name in ("kind", "type", "format")
        if name in model.model_fields and model.model_fields[name].is_required()
        for value in get_args(model.model_fields[name].annotation)
    }


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from _models(inner)
