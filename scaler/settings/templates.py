"""
Templates: texts of the operator in which `$namespace`, `$name` and `$workload` stand for the caller's own.

`$$` is a dollar sign, and so is a `$` that no word follows (a regular expression's end).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from scaler.settings.wording import did_you_mean

CALLER = ("namespace", "name", "workload")
"""What is known of every caller: its namespace, its ScaledObject's name, its scale target's name."""

_PLACEHOLDER = re.compile(r"\$(?:(?P<dollar>\$)|(?P<word>[A-Za-z_]\w*)|\{(?P<braced>[A-Za-z_]\w*)\})", re.ASCII)

# PromQL as far as it matters here: comments, and strings with the matcher of regular expressions before them.
_PROMQL = re.compile(
    r"(?P<comment>#[^\n]*)"
    r"|(?P<matcher>[=!]~\s*)?(?P<string>\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'|`[^`]*`)",
    re.DOTALL,
)
_REGEX_SPECIAL = re.compile(r"[\\.+*?()|\[\]{}^$]")


def check_template(text: str, known: tuple[str, ...] = CALLER) -> str:
    """
    Return *text* if it names nothing unknown.

    Raises:
        ValueError: if it does; the message names it.
    """
    for word in _words(text) if "$" in text else ():
        if word not in known:
            raise ValueError(
                f"'${word}' stands for nothing; known are {', '.join(f'${name}' for name in known)} "
                f"($$ is a dollar sign){did_you_mean(word, known)}"
            )
    return text


def fill(text: str, values: Mapping[str, str]) -> str:
    """
    Return a checked template with its values in place, as they are.
    """
    return _filled(text, values.__getitem__)


def check_query(text: str) -> str:
    """
    Return a PromQL template if it names nothing unknown, and only inside quoted strings, where values can be escaped.

    Raises:
        ValueError: if it does not keep to that.
    """
    if "$" not in check_template(text):
        return text
    raw = (token["string"] for token in _PROMQL.finditer(text) if (token["string"] or "").startswith("`"))
    if any(_words(part) for part in (*raw, _PROMQL.sub("", text))):
        raise ValueError('a $word must stand inside a string in double quotes, as in namespace="$namespace"')
    return text


def fill_query(text: str, values: Mapping[str, str]) -> str:
    """
    Return a checked PromQL template with its values in place, escaped so that each is only ever that label's text.

    A matcher of regular expressions (`=~`, `!~`) sees the value's characters, not their special meanings.
    """
    if "$" not in text:
        return text
    return _PROMQL.sub(lambda match: _filled_token(match, values), text)


def _filled_token(token: re.Match[str], values: Mapping[str, str]) -> str:
    string = token["string"]
    if string is None or "$" not in string:
        return token[0]
    matcher = token["matcher"] or ""
    return matcher + _filled(string, lambda word: _escaped(values[word], string[0], regex=bool(matcher)))


def _filled(text: str, value: Callable[[str], str]) -> str:
    if "$" not in text:
        return text
    return _PLACEHOLDER.sub(lambda match: match["dollar"] or value(match["word"] or match["braced"]), text)


def _escaped(value: str, quote: str, *, regex: bool) -> str:
    text = _REGEX_SPECIAL.sub(r"\\\g<0>", value) if regex else value
    return text.replace("\\", "\\\\").replace(quote, f"\\{quote}").replace("\n", "\\n")


def _words(text: str) -> list[str]:
    return [match["word"] or match["braced"] for match in _PLACEHOLDER.finditer(text) if not match["dollar"]]
