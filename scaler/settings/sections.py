"""
Sections: the document's mappings as frozen dataclasses, which say by their annotations what each key may be.

An annotation is a plain type, or `Annotated` with the form of the value where the type alone does not say enough. What
a value must be beside others of its section is a check of the section (`checks`).
"""

# ruff: noqa: TRY004 - data is refused by ValueErrors, whatever its type
from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, Field, dataclass, fields
from enum import Enum
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, ClassVar, Literal, Self, TypeVar, Union, get_args, get_origin, get_type_hints

from scaler.settings.errors import Finding, InvalidError, findings_at
from scaler.settings.forms import MAPPING, File, Form, Listed, Mapped, Maybe, Member, Switch, Text, Word
from scaler.settings.wording import did_you_mean

TAG = "type"
"""The key that tells sections apart where one of several may stand."""

_CHECKED = "_checked_keys"
_GIVEN = "_given_keys"

CheckT = TypeVar("CheckT", bound=Callable[[Any, "Beside"], None])


@dataclass(slots=True)
class Beside:
    """
    What a check knows beside the value.

    Attributes:
        key: the value's key.
        values: the values before it in its section, those that are valid.
        context: what is known of the rest of the document.
    """

    key: str
    values: Mapping[str, Any]
    context: Any


def checks(*keys: str) -> Callable[[CheckT], CheckT]:
    """
    Make a function of a section the check of some of its keys: it refuses a value by a ValueError.

    It sees values that are not set, too: as their defaults.
    """

    def mark(check: CheckT) -> CheckT:
        setattr(check, _CHECKED, keys)
        return check

    return mark


@dataclass(frozen=True)
class Section:
    """
    A part of the document: unknown keys are refused, a key without a value is not set, nothing changes after loading.
    """

    EXPECTED: ClassVar[str] = MAPPING
    """What stands where the section belongs, in an error about something else."""

    @classmethod
    def of(cls, data: Any, context: Any = None) -> Self:
        """
        Return the section that plain data means.

        Raises:
            ValueError: it means none; usually an InvalidError with everything that is wrong.
        """
        if isinstance(data, cls):
            return data
        if not isinstance(data, dict):
            raise ValueError(f"must be {cls.EXPECTED}")
        known = outline(cls)
        values: dict[str, Any] = {}
        findings: list[Finding] = []
        beside = Beside("", values, context)
        for key, item in known.items():
            given, beside.key = data.get(key), key
            try:
                value = item.default() if given is None else item.form.read(given, context)
                for check in item.checks:
                    check(value, beside)
                values[key] = value
            except ValueError as error:
                findings += findings_at(key, error)
        unknown = (key for key in data if key not in known)
        findings += (Finding((key,), f"unknown key{did_you_mean(str(key), sorted(known))}") for key in unknown)
        if findings:
            raise InvalidError(findings)
        section = cls(**values)
        object.__setattr__(section, _GIVEN, frozenset(key for key in known if data.get(key) is not None))
        section.check()
        return section

    def check(self) -> None:
        """
        Check the section as a whole.

        Raises:
            ValueError: what it says does not go together.
        """


def values_of(section: Section) -> dict[str, Any]:
    """
    Return a section's values by their keys.
    """
    return {field.name: getattr(section, field.name) for field in fields(section)}


def given_in(section: Section) -> frozenset[str]:
    """
    Return the keys that were set; the others have their defaults.
    """
    given: frozenset[str] = vars(section).get(_GIVEN, frozenset())
    return given


@dataclass(frozen=True, slots=True)
class Item:
    """
    One key of a section.

    Attributes:
        form: what its value may be.
        required: whether it must be set.
        default: makes its value where it is not set; a ValueError if it is required.
        checks: what refuses a value.
    """

    form: Form
    required: bool
    default: Callable[[], Any]
    checks: Sequence[Callable[[Any, Beside], None]]


def outline(section: type[Section]) -> Mapping[str, Item]:
    """
    Return a section's keys.
    """
    known = _OUTLINES.get(section)
    if known is None:
        known = _OUTLINES[section] = _outline(section)
    return known


_OUTLINES: dict[type[Section], Mapping[str, Item]] = {}


def _outline(section: type[Section]) -> Mapping[str, Item]:
    hints = get_type_hints(section, include_extras=True)
    names = dict.fromkeys(name for part in reversed(section.__mro__) for name in vars(part))
    marked: list[Any] = [getattr(section, name) for name in names if hasattr(getattr(section, name, None), _CHECKED)]
    return {
        field.name: Item(
            form_of(hints[field.name]),
            field.default is MISSING and field.default_factory is MISSING,
            _default(field),
            tuple(check for check in marked if field.name in getattr(check, _CHECKED)),
        )
        for field in fields(section)
    }


def _default(field: Field[Any]) -> Callable[[], Any]:
    if field.default_factory is not MISSING:
        return field.default_factory
    if field.default is not MISSING:
        return lambda: field.default
    return _required


def _required() -> None:
    raise ValueError("is required")


def form_of(annotation: Any) -> Form:  # noqa: PLR0911 - a line for each kind of annotation
    """
    Return the form that an annotation means.
    """
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        form: Form = arguments[-1]
        return form
    if origin in (Union, UnionType):
        return _one_of(arguments)
    if origin is Literal:
        return Word(arguments)
    if origin is tuple:
        return Listed(form_of(arguments[0]))
    if origin is dict:
        return Mapped(form_of(arguments[0]), form_of(arguments[1]))
    if issubclass(annotation, Section):
        return Part(annotation)
    if issubclass(annotation, Enum):
        return Member(annotation)
    return _PLAIN[annotation]


_PLAIN: Mapping[type, Form] = {str: Text(), bool: Switch(), Path: File()}


def _one_of(types: tuple[Any, ...]) -> Form:
    if NoneType in types:
        (set_,) = (each for each in types if each is not NoneType)
        return Maybe(form_of(set_))
    if str in types:
        (section,) = (each for each in types if each is not str)
        return TextOr(section)
    return Tagged({word: each for each in types for word in get_args(get_type_hints(each)[TAG])})


@dataclass(frozen=True, slots=True)
class Part:
    """
    A section within another.
    """

    section: type[Section]

    def read(self, value: Any, context: Any) -> Section:
        """
        Return the section.
        """
        return self.section.of(value, context)


@dataclass(frozen=True, slots=True)
class TextOr:
    """
    Text, or a section.
    """

    section: type[Section]

    def read(self, value: Any, context: Any) -> str | Section:
        """
        Return either.
        """
        if isinstance(value, str):
            return value
        if not isinstance(value, dict | self.section):
            raise ValueError(f"must be text, or {self.section.EXPECTED}")
        return self.section.of(value, context)


@dataclass(frozen=True, slots=True)
class Tagged:
    """
    One of several sections, told apart by their `type`.
    """

    sections: Mapping[str, type[Section]]

    def read(self, value: Any, context: Any) -> Section:
        """
        Return the section.
        """
        if isinstance(value, Section):
            return value
        if not isinstance(value, dict):
            raise ValueError(f"must be {MAPPING}")
        tag = value.get(TAG)
        if not isinstance(tag, str) or tag not in self.sections:
            raise InvalidError([Finding((TAG,), f"must be one of {', '.join(self.sections)}")])
        return self.sections[tag].of(value, context)
