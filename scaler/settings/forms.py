"""
Forms: what a value of the document may be, and how it is taken from plain data.

A form refuses what it is not with a ValueError, whose message says the rule and, where that is no secret, the value.
"""

# ruff: noqa: TRY004 - data is refused by ValueErrors, whatever its type
from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from math import isfinite
from pathlib import Path
from typing import Any, Protocol

from scaler.settings.durations import parse_duration
from scaler.settings.errors import InvalidError, findings_at
from scaler.settings.wording import shown

MAPPING = "a mapping of keys"


class Form(Protocol):
    """
    The form of a value.
    """

    def read(self, value: Any, context: Any) -> Any:
        """
        Return what a plain value means; one that is it already means itself.

        Args:
            value: the plain value.
            context: what is known of the rest of the document.

        Raises:
            ValueError: it is not of this form. An InvalidError says where in the value.
        """
        ...


@dataclass(frozen=True, slots=True)
class Text:
    """
    Text, that a check may refuse by a ValueError.

    Attributes:
        check: what else the text must be.
        empty: whether it may be empty.
        pattern, examples: what the JSON Schema says of it.
    """

    check: Callable[[str], object] | None = None
    empty: bool = True
    pattern: str | None = None
    examples: tuple[str, ...] = ()

    def read(self, value: Any, _context: Any) -> str:
        """
        Return the text.
        """
        if not isinstance(value, str):
            raise ValueError("must be text; put a number in quotes")
        if not value and not self.empty:
            raise ValueError("must not be empty")
        if self.check is not None:
            self.check(value)
        return value


@dataclass(frozen=True, slots=True)
class File:
    """
    The path of a file.
    """

    def read(self, value: Any, _context: Any) -> Path:
        """
        Return the path.
        """
        if not isinstance(value, str | Path):
            raise ValueError("must be the path of a file")
        return Path(value)


@dataclass(frozen=True, slots=True)
class Switch:
    """
    True or false.
    """

    def read(self, value: Any, _context: Any) -> bool:
        """
        Return it.
        """
        if not isinstance(value, bool):
            raise ValueError(f"must be true or false, not {shown(value)}")
        return value


@dataclass(frozen=True, slots=True, kw_only=True)
class Number:
    """
    A number within bounds: *most* at most, at least *least*, or above *above*.
    """

    most: int
    least: int | None = None
    above: int | None = None
    whole: bool = False

    def read(self, value: Any, _context: Any) -> float:
        """
        Return the number: an int if it has to be whole, otherwise a float.
        """
        if isinstance(value, bool) or not isinstance(value, int if self.whole else int | float):
            raise ValueError(f"must be a {'whole ' if self.whole else ''}number, not {shown(value)}")
        if isinstance(value, float) and not isfinite(value):
            raise ValueError("must be a finite number")
        if value > self.most:
            raise ValueError(f"must be at most {self.most}, not {shown(value)}")
        if self.least is not None and value < self.least:
            raise ValueError(f"must be at least {self.least}, not {shown(value)}")
        if self.above is not None and value <= self.above:
            raise ValueError(f"must be above {self.above}, not {shown(value)}")
        return value if self.whole else float(value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lasting:
    """
    A duration, in seconds. Code may give seconds; what people write (`context.written`) always says its unit.
    """

    zero: bool

    def read(self, value: Any, context: Any) -> float:
        """
        Return the seconds.
        """
        given = type(value) is float and not getattr(context, "written", False)
        seconds: float = value if given else parse_duration(value)
        if not seconds > 0 and not self.zero:
            raise ValueError("must be longer than zero")
        return seconds


@dataclass(frozen=True, slots=True)
class Word:
    """
    One of several words.
    """

    words: tuple[str, ...]

    def read(self, value: Any, _context: Any) -> str:
        """
        Return the word.
        """
        if value not in self.words:
            raise ValueError(f"must be one of {', '.join(self.words)}, not {shown(value)}")
        return str(value)


@dataclass(frozen=True, slots=True)
class Member:
    """
    A member of an enumeration, by its word.
    """

    kind: type[Enum]

    def read(self, value: Any, _context: Any) -> Enum:
        """
        Return the member.
        """
        if isinstance(value, self.kind):
            return value
        for member in self.kind:
            if value == member.value:
                return member
        raise ValueError(f"must be one of {', '.join(each.value for each in self.kind)}, not {shown(value)}")


@dataclass(frozen=True, slots=True)
class Maybe:
    """
    A value that need not be set.
    """

    form: Form

    def read(self, value: Any, context: Any) -> Any:
        """
        Return the value, None for none.
        """
        return None if value is None else self.form.read(value, context)


@dataclass(frozen=True, slots=True)
class Listed:
    """
    A list, whose items all have one form.
    """

    item: Form
    empty: bool = True

    def read(self, value: Any, context: Any) -> tuple[Any, ...]:
        """
        Return the items.
        """
        if not isinstance(value, list | tuple):
            raise ValueError("must be a list")
        items, findings = [], []
        for index, item in enumerate(value):
            try:
                items.append(self.item.read(item, context))
            except ValueError as error:
                findings += findings_at(index, error)
        if findings:
            raise InvalidError(findings)
        if not items and not self.empty:
            raise ValueError("must not be empty")
        return tuple(items)


@dataclass(frozen=True, slots=True)
class Mapped:
    """
    A mapping, whose keys have one form and whose values another.
    """

    key: Form
    value: Form
    check: Callable[[dict[str, Any]], object] | None = None

    def read(self, value: Any, context: Any) -> dict[str, Any]:
        """
        Return the mapping.
        """
        if not isinstance(value, dict):
            raise ValueError(f"must be {MAPPING}")
        mapping, findings = {}, []
        for key, inner in value.items():
            for form, given in ((self.key, key), (self.value, inner)):
                try:
                    mapping[key] = form.read(given, context)
                except ValueError as error:
                    findings += findings_at(key, error)
        if findings:
            raise InvalidError(findings)
        if self.check is not None:
            self.check(mapping)
        return mapping
