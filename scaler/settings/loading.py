"""
Reading the document: from text, and again whenever the mounted file changes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from hashlib import sha256
from operator import itemgetter
from pathlib import Path

from scaler.settings.document import Document
from scaler.settings.errors import ConfigurationError, InvalidError
from scaler.settings.wording import shown
from scaler.settings.yamltext import Parsed, YamlError, parse_yaml

__all__ = ["ConfigurationError", "DocumentFile", "load"]

_LARGEST = 1024 * 1024
"""A ConfigMap holds no more."""
_MOST_ERRORS = 100
_LONGEST_KEY = 80


def load(text: str) -> Document:
    """
    Return the document that a YAML text means.

    Raises:
        ConfigurationError: with everything that is wrong with it.
    """
    if len(text) > _LARGEST:
        raise ConfigurationError([f"the configuration has {len(text)} characters, more than {_LARGEST}"])
    try:
        parsed = parse_yaml(text)
    except YamlError as error:
        raise ConfigurationError([str(error)]) from error
    if not isinstance(parsed.data, dict):
        raise ConfigurationError(
            ["the configuration must be a mapping of keys: connections, policies, defaults, limits"]
        )
    errors = [
        (line, f"{_written(path)}: given more than once (line {parsed.lines[path]} and line {line})")
        for path, line in parsed.repeated
    ]
    try:
        document = Document.parse(parsed.data)
    except InvalidError as error:
        raise _told([*errors, *_findings(error, parsed)]) from error
    if errors:
        raise _told(errors)
    return document


def _told(errors: list[tuple[int, str]]) -> ConfigurationError:
    messages = [message for _, message in sorted(errors, key=itemgetter(0))][:_MOST_ERRORS]
    rest = len(errors) - len(messages)
    return ConfigurationError(messages + ([f"and {rest} more errors"] if rest else []))


def _findings(error: InvalidError, parsed: Parsed) -> Iterator[tuple[int, str]]:
    for finding in error.findings:
        path = finding.path
        line = next((parsed.lines[path[:end]] for end in range(len(path), 0, -1) if path[:end] in parsed.lines), 1)
        yield line, f"{_written(path)}: {finding.message} (line {line})"


def _written(path: Iterable[str | int]) -> str:
    parts = (f"[{part}]" if isinstance(part, int) else f".{_key(part)}" for part in path)
    return "".join(parts).removeprefix(".")


def _key(part: str) -> str:
    return part if len(part) <= _LONGEST_KEY and part.isprintable() else shown(part)


class DocumentFile:
    """
    The mounted document, read again when its content changes.

    A change counts when it was seen twice the same: editors write in several steps, and half a document can be valid.
    A ConfigMap's swap of its `..data` link is atomic; it only takes one look more.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._in_force: object = None
        self._last_seen: object = None

    def load(self) -> Document:
        """
        Read the document now.

        Raises:
            ConfigurationError: it is not there, or something is wrong with it.
        """
        content = self._content()
        self._in_force = self._last_seen = _mark(content)
        try:
            return _document(content)
        except ConfigurationError as error:
            raise ConfigurationError(error.errors, str(self.path)) from error

    def poll(self) -> Document | ConfigurationError | None:
        """
        Return what the file holds if that changed since it was last told: a document, or what is wrong with it.
        """
        content = self._content()
        mark, before = _mark(content), self._last_seen
        self._last_seen = mark
        if mark == self._in_force or mark != before:
            return None
        self._in_force = mark
        try:
            return _document(content)
        except ConfigurationError as error:
            return error

    def _content(self) -> bytes | str:
        """
        Return the content, or in words why there is none.
        """
        try:
            with self.path.open("rb") as file:
                content = file.read(_LARGEST + 1)
        except FileNotFoundError:
            return f"{self.path}: there is no such file"
        except OSError as error:
            return f"{self.path}: it cannot be read ({type(error).__name__})"
        return content if len(content) <= _LARGEST else f"{self.path}: it is larger than {_LARGEST} bytes"


def _mark(content: bytes | str) -> object:
    return sha256(content).digest() if isinstance(content, bytes) else content


def _document(content: bytes | str) -> Document:
    if isinstance(content, str):
        raise ConfigurationError([content])
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigurationError([f"the configuration is not UTF-8 text (byte {error.start})"]) from error
    return load(text)
