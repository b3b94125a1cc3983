"""
Writes what the charts' files share: `make charts`.

The comment above a value in values.yaml is its description, in values.schema.json and in the table of the README; where
a schema speaks of the scaler's configuration, it is the scaler's own.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

Schema = dict[str, Any]

CHARTS = Path(__file__).parent
CONFIGURATION = CHARTS.parent / "scaler/settings/configuration.schema.json"
_KEY = re.compile(r"(?P<indent> *)(?P<key>[\w.-]+):")
_COMMENT = re.compile(r" *# ?(?P<text>.*)")
_TABLE = re.compile(r"(?<=<!-- values: written by `make charts` -->\n).*?(?=<!-- end of values -->)", re.DOTALL)
_OWN = "configuration"
_LONGEST_DEFAULT = 40


def comments(text: str) -> dict[str, str]:
    """
    Return the comment above each key of a values.yaml, by the key's path.
    """
    found: dict[str, str] = {}
    path: list[tuple[int, str]] = []
    lines: list[str] = []
    for line in text.splitlines():
        if comment := _COMMENT.fullmatch(line):
            lines.append(comment["text"])
            continue
        if key := _KEY.match(line):
            path = [each for each in path if each[0] < len(key["indent"])] + [(len(key["indent"]), key["key"])]
            if lines:
                found[".".join(name for _, name in path)] = " ".join(lines)
        lines = []
    return found


def described(schema: Schema, descriptions: Mapping[str, str], path: str = "") -> Schema:
    """
    Return a schema of values with their descriptions.
    """
    own = {"description": descriptions[path]} if path in descriptions else {}
    rest = {key: value for key, value in schema.items() if key not in own and key != "properties"}
    if "properties" not in schema:
        return {**own, **rest}
    inner = {
        name: described(value, descriptions, f"{path}.{name}".removeprefix("."))
        for name, value in schema["properties"].items()
    }
    return {**own, **rest, "properties": inner}


def configuration(schema: Schema) -> dict[str, Schema]:
    """
    Return the scaler's own schema as definitions in a schema of values.

    Helm 3.17 knows draft 7, and takes a value of null for one that is not there. A choice by `type` is written so that
    an error names the wrong key, rather than every kind that it might have been.
    """
    whole = {key: value for key, value in schema.items() if key not in ("$schema", "$defs", "title")}
    parts = {f"{_OWN}.{name}": _for_helm(part) for name, part in schema["$defs"].items()}
    return {_OWN: _for_helm(whole), **parts}


def _for_helm(node: Any) -> Any:
    if isinstance(node, list):
        return [_for_helm(item) for item in node]
    if not isinstance(node, dict):
        return node.replace("#/$defs/", f"#/definitions/{_OWN}.") if isinstance(node, str) else node
    if "discriminator" in node:
        return _by_type(node["discriminator"]["mapping"])
    choices = [each for each in node.get("anyOf", ()) if each != {"type": "null"}]
    if len(choices) == 1:
        node = {**{key: value for key, value in node.items() if key != "anyOf"}, **choices[0]}
    node = {key: _for_helm(value) for key, value in node.items() if key not in ("default", "examples", "format")}
    if "$ref" in node:
        return {"$ref": node["$ref"]}  # beside it draft 7 reads nothing
    if "patternProperties" in node:
        node["additionalProperties"] = False
    return node


def _by_type(mapping: Mapping[str, str]) -> Schema:
    return {
        "type": "object",
        "required": ["type"],
        "properties": {"type": {"enum": sorted(mapping)}},
        "allOf": [
            {"if": {"required": ["type"], "properties": {"type": {"const": kind}}}, "then": {"$ref": _for_helm(place)}}
            for kind, place in sorted(mapping.items())
        ],
    }


def rows(
    schema: Schema, values: Any, descriptions: Mapping[str, str], path: str = ""
) -> Iterator[tuple[str, str, str]]:
    """
    Yield each value's path, default and description; of what is only described as a whole, the whole.

    What the schema leaves to another chart's is listed as far as values.yaml describes it.
    """
    items = schema.get("items", {})
    inner, below = (schema, path) if "properties" in schema else (items, f"{path}[]")
    if path and "description" in schema:
        yield path, _shown(values), schema["description"]
    if "properties" not in schema and isinstance(values, dict):
        yield from _described_below(values, descriptions, path)
    for name, each in inner.get("properties", {}).items():
        default = values.get(name) if isinstance(values, dict) else None
        yield from rows(each, default, descriptions, f"{below}.{name}".removeprefix("."))


def _described_below(values: Any, descriptions: Mapping[str, str], path: str) -> Iterator[tuple[str, str, str]]:
    for name, value in values.items():
        below = f"{path}.{name}"
        if below in descriptions:
            yield below, _shown(value), descriptions[below]
        if isinstance(value, dict):
            yield from _described_below(value, descriptions, below)


def _shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return f"`{text}`" if len(text) <= _LONGEST_DEFAULT and value is not None else ""


def table(schema: Schema, values: Any, descriptions: Mapping[str, str]) -> str:
    """
    Return the README's table of values.
    """
    lines = [
        f"| `{path}` | {default} | {text.replace('|', '&#124;')} |"
        for path, default, text in rows(schema, values, descriptions)
    ]
    return "\n".join(("", "| value | default | meaning |", "| --- | --- | --- |", *lines, "", ""))


def written(chart: Path) -> dict[str, str]:
    """
    Return the files of a chart as they should be, by their names.
    """
    text = (chart / "values.yaml").read_text(encoding="utf-8")
    before = json.loads((chart / "values.schema.json").read_text(encoding="utf-8"))
    descriptions = comments(text)
    schema = described({key: value for key, value in before.items() if key != "definitions"}, descriptions)
    fresh = table(schema, yaml.safe_load(text), descriptions)
    if f"#/definitions/{_OWN}" in json.dumps(schema["properties"]):
        schema["definitions"] = configuration(json.loads(CONFIGURATION.read_text(encoding="utf-8")))
    readme = (chart / "README.md").read_text(encoding="utf-8")
    return {
        "values.schema.json": json.dumps(schema, indent=2, ensure_ascii=False) + "\n",
        "README.md": _TABLE.sub(lambda _: fresh, readme),
    }


def main() -> None:
    """
    Write the files of every chart.
    """
    for chart in sorted(path.parent for path in CHARTS.glob("*/Chart.yaml")):
        for name, content in written(chart).items():
            (chart / name).write_text(content, encoding="utf-8")


if __name__ == "__main__":
    main()
