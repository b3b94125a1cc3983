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
    """

    def __init__(self, errors: Iterable[str]) -> None:
        self.errors = tuple(errors)
        super().__init__("; ".join(self.errors))


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
