"""
The document's JSON Schema (draft 2020-12), for editors and for Helm: `python -m scaler.settings.schema [FILE]`.
"""

from __future__ import annotations

import inspect
import json
import re
import sys
from collections.abc import Callable
from enum import Enum
from pathlib import Path
from typing import Any

from scaler.settings.document import Document
from scaler.settings.durations import format_duration
from scaler.settings.forms import File, Form, Lasting, Listed, Mapped, Maybe, Member, Number, Switch, Text, Word
from scaler.settings.sections import TAG, Item, Part, Section, Tagged, TextOr, outline

Schema = dict[str, Any]
Parts = dict[str, Schema]

SHIPPED = Path(__file__).with_name("configuration.schema.json")
"""The generated schema that comes with the package."""

EXAMPLE = Path(__file__).with_name("example.yaml")
"""The commented example that comes with the package."""

_DESCRIBED = re.compile(r'^    (\w+): [^\n]+\n    """(.+?)"""', re.MULTILINE | re.DOTALL)
"""A key of a section, with what stands below it."""

_DURATION = r"^(\d+(\.\d+)?h)?(\d+(\.\d+)?m)?(\d+(\.\d+)?s)?(\d+ms)?$"


def schema() -> dict[str, Any]:
    """
    Return the schema. What one part of the document says of another is beyond it; loading checks that.
    """
    parts: Parts = {}
    whole = _section(Document, parts)
    parts.pop(Document.__name__, None)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$defs": dict(sorted(parts.items())),
        **whole,
        "title": "Configuration of gpu-agent-scaler",
    }


def schema_text() -> str:
    """
    Return the schema as it is shipped.
    """
    return json.dumps(schema(), indent=2) + "\n"


def _section(section: type[Section], parts: Parts) -> Schema:
    """
    Return the schema of a section; those of what it is made of are added to *parts*.
    """
    keys = outline(section)
    said = _descriptions(section)
    required = [key for key, item in keys.items() if item.required]
    return {
        "additionalProperties": False,
        "description": inspect.getdoc(section),
        "properties": {key: _property(item, said.get(key), parts) for key, item in keys.items()},
        **({"required": required} if required else {}),
        "type": "object",
    }


def _property(item: Item, description: str | None, parts: Parts) -> Schema:
    told = _form(item.form, parts)
    part = parts.get(str(told.get("$ref")).rpartition("/")[2])
    if description is not None and (part is None or description != part["description"]):
        told["description"] = description
    if not item.required and not isinstance(default := item.default(), Section | dict):
        told["default"] = _written(default, item.form)
    return dict(sorted(told.items()))


def _written(default: Any, form: Form) -> Any:
    if isinstance(form, Lasting):
        return format_duration(default)
    return default.value if isinstance(default, Enum) else default


def _form(form: Form, parts: Parts) -> Schema:  # noqa: PLR0911 - a line for each form
    match form:
        case Text():
            return _text(form)
        case Lasting():
            return {"examples": ["250ms", "90s", "1h30m"], "minLength": 2, "pattern": _DURATION, "type": "string"}
        case Number():
            return _number(form)
        case Switch():
            return {"type": "boolean"}
        case File():
            return {"format": "path", "type": "string"}
        case Word(words=(word,)):
            return {"const": word, "type": "string"}
        case Word(words=words):
            return {"enum": list(words), "type": "string"}
        case Member(kind=kind):
            return _named(kind, parts, lambda: _members(kind))
        case Part(section=section):
            return _named(section, parts, lambda: _section(section, parts))
        case _:
            return _composed(form, parts)


def _composed(form: Form, parts: Parts) -> Schema:
    match form:
        case Maybe(form=inner):
            return {"anyOf": [_form(inner, parts), {"type": "null"}]}
        case Listed(item=item, empty=empty):
            return {"items": _form(item, parts), **({} if empty else {"minItems": 1}), "type": "array"}
        case Mapped(key=Text(pattern=None), value=value):
            return {"additionalProperties": _form(value, parts), "type": "object"}
        case Mapped(key=Text(pattern=pattern), value=value):
            return {"patternProperties": {f"^{pattern}$": _form(value, parts)}, "type": "object"}
        case TextOr(section=section):
            return {"oneOf": [{"type": "string"}, _form(Part(section), parts)]}
        case Tagged(sections=sections):
            refs = {word: _form(Part(section), parts) for word, section in sections.items()}
            mapping = {word: refs[word]["$ref"] for word in sorted(refs)}
            return {"discriminator": {"mapping": mapping, "propertyName": TAG}, "oneOf": list(refs.values())}
    raise TypeError(form)


def _text(form: Text) -> Schema:
    told: Schema = {"type": "string"}
    if not form.empty:
        told["minLength"] = 1
    if form.pattern is not None:
        told["pattern"] = f"^{form.pattern}$"
    if form.examples:
        told["examples"] = list(form.examples)
    return dict(sorted(told.items()))


def _number(form: Number) -> Schema:
    bounds = {"exclusiveMinimum": form.above, "maximum": form.most, "minimum": form.least}
    set_ = {key: bound for key, bound in bounds.items() if bound is not None}
    return {**set_, "type": "integer" if form.whole else "number"}


def _members(kind: type[Enum]) -> Schema:
    return {"description": inspect.getdoc(kind), "enum": [member.value for member in kind], "type": "string"}


def _named(part: type, parts: Parts, told: Callable[[], Schema]) -> Schema:
    if part.__name__ not in parts:
        parts[part.__name__] = told()
    return {"$ref": f"#/$defs/{part.__name__}"}


def _descriptions(section: type[Section]) -> dict[str, str]:
    """
    Return what stands below the keys in the source of a section, and of what it is derived from.
    """
    said: dict[str, str] = {}
    for part in reversed([part for part in section.__mro__ if issubclass(part, Section)]):
        source = inspect.getsource(sys.modules[part.__module__])
        own = re.search(rf"^class {part.__name__}\b.*?(?=^\S|\Z)", source, re.MULTILINE | re.DOTALL)
        said |= {key: inspect.cleandoc(text) for key, text in _DESCRIBED.findall(own[0] if own else "")}
    return said


def main(arguments: list[str]) -> None:
    """
    Write the schema to the file that is named, or print it.
    """
    if arguments:
        Path(arguments[0]).write_text(schema_text(), encoding="utf-8")
    else:
        sys.stdout.write(schema_text())


if __name__ == "__main__":
    main(sys.argv[1:])
