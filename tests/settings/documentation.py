"""
What TRIGGER.md draws from the code: `python -m tests.settings.documentation` writes it anew.
"""

from __future__ import annotations

from pathlib import Path

import scaler.settings
from scaler.settings.metadata import KEYS, Key, MetadataError, read_metadata
from scaler.settings.surroundings import Limits

TEXT = Path(scaler.settings.__path__[0]) / "TRIGGER.md"

_BEGIN, _END = "<!-- keys: drawn from the code -->\n", "<!-- end of keys -->"
_NO_VALUE = "-"
_FORMS = {
    "must be a plain number": "number",
    "must be a whole number": "whole number",
    "must be a duration": "duration",
    "must be a name": "name",
    "must be the name of a Kubernetes object": "name",
}
"""By what is said of a value that none of them can be; everything else is text."""


def table() -> str:
    """
    Write all keys as a table, each with what it says of itself.
    """
    rows = [f"| `{key.name}` | {_form(key)} | {_sets(key)} | {key.says} |" for key in KEYS.values()]
    return "\n".join(["| key | value | sets in the policy | meaning |", "| --- | --- | --- | --- |", *rows])


def _form(key: Key) -> str:
    try:
        read_metadata({key.name: _NO_VALUE}, Limits(tenantQueries=True))
    except MetadataError as error:
        return next(form for said, form in _FORMS.items() if str(error).startswith(f"{key.name}: {said}"))
    return "text"


def _sets(key: Key) -> str:
    return "" if key.sets is None else f"`{'.'.join(key.sets)}`"


def fresh(text: str) -> str:
    """
    Return the text with the table drawn anew.
    """
    before, found, rest = text.partition(_BEGIN)
    _, ended, after = rest.partition(_END)
    assert found, f"the text has lost {_BEGIN}"
    assert ended, f"the text has lost {_END}"
    return f"{before}{_BEGIN}{table()}\n{_END}{after}"


if __name__ == "__main__":
    TEXT.write_text(fresh(TEXT.read_text(encoding="utf-8")), encoding="utf-8")
