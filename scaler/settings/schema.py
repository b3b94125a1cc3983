"""
The document's JSON Schema (draft 2020-12), for editors and for Helm: `python -m scaler.settings.schema [FILE]`.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from scaler.settings.document import Document

SHIPPED = Path(__file__).with_name("configuration.schema.json")
"""The generated schema that comes with the package."""

EXAMPLE = Path(__file__).with_name("example.yaml")
"""The commented example that comes with the package."""


def schema() -> dict[str, Any]:
    """
    Return the schema. What one part of the document says of another is beyond it; loading checks that.
    """
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **_without_titles(Document.model_json_schema()),
        "title": "Configuration of gpu-agent-scaler",
    }


def schema_text() -> str:
    """
    Return the schema as it is shipped.
    """
    return json.dumps(schema(), indent=2) + "\n"


def _without_titles(node: Any) -> Any:
    """
    Drop the titles that pydantic makes of names: they say nothing.
    """
    if isinstance(node, list):
        return [_without_titles(item) for item in node]
    if not isinstance(node, dict):
        return node
    return {key: _without_titles(value) for key, value in node.items() if key != "title" or isinstance(value, dict)}


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
