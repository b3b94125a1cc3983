"""
What is wrong with the configuration: findings with their places, and the error that tells people all of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

Path = tuple[str | int, ...]


class ConfigurationError(Exception):
    """
    The configuration cannot be used. The operator must act.

    Attributes:
        errors: everything that is wrong, each as `path: message`.
        file: the file that it is wrong in, empty if it is in none.
    """

    def __init__(self, errors: Iterable[str], file: str = "") -> None:
        self.errors = tuple(errors)
        self.file = file
        super().__init__("; ".join(self.errors))

    @property
    def lines(self) -> tuple[str, ...]:
        """
        What to tell people: each error, and then which file is refused.
        """
        refused = f"{self.file}: refused, {len(self.errors)} error{'s' if self.errors[1:] else ''}"
        return (*self.errors, refused) if self.file else self.errors


@dataclass(frozen=True, slots=True)
class Finding:
    """
    One thing that is wrong.

    Attributes:
        path: where it is, from the part that was looked at.
        message: the rule, and the value where it may be shown.
    """

    path: Path
    message: str


class InvalidError(ValueError):
    """
    Plain data is not what a part of the document can be.

    Attributes:
        findings: everything that is wrong with it.
    """

    def __init__(self, findings: Sequence[Finding]) -> None:
        self.findings = findings
        super().__init__("; ".join(f"{'.'.join(map(str, each.path))}: {each.message}" for each in findings))


def findings_at(key: str | int, error: ValueError) -> list[Finding]:
    """
    Return what an error says of the value of a key, or of an item of a list.
    """
    if isinstance(error, InvalidError):
        return [Finding((key, *each.path), each.message) for each in error.findings]
    return [Finding((key,), str(error))]
