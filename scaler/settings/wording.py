"""
How errors speak of what people wrote: values shortened and without credentials, and the known word nearest to theirs.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

_LONGEST = 40


def shown(value: object) -> str:
    """
    Return a value as an error may show it: one printable line, shortened, without the credentials of an address.
    """
    if isinstance(value, float):
        return f"{value:.10g}"
    if not isinstance(value, str):
        return "a list or mapping" if isinstance(value, list | dict) else _shortened(repr(value))
    credentials, at, rest = value.rpartition("@")
    return repr(_shortened("***@" + rest if at else credentials + rest))


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """
    Return `; did you mean 'x'?` for the known word nearest to *word*, or nothing if none is near.
    """
    near = get_close_matches(word[:_LONGEST], known, n=1, cutoff=0.6)
    return f"; did you mean '{near[0]}'?" if near else ""


def _shortened(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
