"""
What is wrong with a document or a part of it, in people's words: pydantic's findings rewritten.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from pydantic_core import ErrorDetails

from scaler.settings.connections import CONNECTION_TYPES, SECRET_TAG, TEXT_TAG
from scaler.settings.wording import did_you_mean, shown

Path = tuple[str | int, ...]


class ConfigurationError(Exception):
    """
    The configuration cannot be used. The operator must act.

    Attributes:
        errors: everything that is wrong, each as `path: message`.
    """

    def __init__(self, errors: Iterable[str]) -> None:
        self.errors = tuple(errors)
        super().__init__("; ".join(self.errors))


_PHRASES = {
    "missing": "is required",
    "model_type": "must be a mapping of keys",
    "model_attributes_type": "must be a mapping of keys",
    "dict_type": "must be a mapping of keys",
    "list_type": "must be a list",
    "tuple_type": "must be a list",
    "string_type": "must be text; put a number in quotes",
    "string_too_short": "must not be empty",
    "path_type": "must be the path of a file",
    "finite_number": "must be a finite number",
}
"""What pydantic's error types mean; of these the value says nothing more, or may be a secret."""

_PHRASES_WITH_VALUE = {
    "bool_type": "must be true or false",
    "int_type": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number",
    "literal_error": "must be one of {expected}",
    "enum": "must be one of {expected}",
    "greater_than": "must be above {gt:.10g}",
    "greater_than_equal": "must be at least {ge:.10g}",
    "less_than": "must be below {lt:.10g}",
    "less_than_equal": "must be at most {le:.10g}",
    "string_pattern_mismatch": "must be made of letters, digits and '_', and not begin with a digit",
}


def in_words(error: ErrorDetails, known: Sequence[str] = ()) -> str:
    """
    Return the message of one finding. *known* are the keys that stand where an unknown one was found.
    """
    kind, context = error["type"], error.get("ctx", {})
    if kind == "value_error":
        return str(context["error"])
    if kind == "extra_forbidden":
        return f"unknown key{did_you_mean(str(error['loc'][-1]), known)}"
    if kind.startswith("union_tag"):
        return f"must be one of {', '.join(CONNECTION_TYPES)}"
    if kind == "model_type" and context.get("class_name") == "Secret":
        text_or = "text, or " if error["loc"][-1] == SECRET_TAG else ""
        return f"must be {text_or}a mapping with `file` or `env`; secrets are never written in the document"
    if kind in _PHRASES_WITH_VALUE:
        expected = str(context.get("expected", "")).replace("'", "").replace(" or ", ", ")
        phrase = _PHRASES_WITH_VALUE[kind].format(**{**context, "expected": expected})
        return f"{phrase}, not {shown(error['input'])}"
    return _PHRASES.get(kind) or error["msg"]


def place(error: ErrorDetails) -> Path:
    """
    Return the path of a finding in the document: pydantic's location without the names of union members.
    """
    path = error["loc"]
    if path[:1] == ("connections",):
        path = path[:2] + path[3:]
    if error["type"].startswith("union_tag"):
        path += (error["ctx"]["discriminator"].strip("'"),)
    return tuple(part for part in path if part not in (TEXT_TAG, SECRET_TAG, "[key]"))
