"""
Origins: the rules that hold for a trigger, each with where its value came from.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any

from scaler.domain.economic.params import EconomicParams
from scaler.domain.target import TargetParams
from scaler.settings.document import Document
from scaler.settings.durations import format_duration
from scaler.settings.forms import Form, Lasting, Maybe
from scaler.settings.metadata import KEY_OF, Trigger, read_metadata
from scaler.settings.overrides import effective
from scaler.settings.policies import PolicySection
from scaler.settings.sections import Section, given_in, outline
from scaler.settings.values import Secret

_HEADERS = "headers"
_NOT_SHOWN = "(not shown)"
_FROM_ENVIRONMENT = "(from the workload's environment, not shown)"


class Origin(Enum):
    """
    Where a value came from.
    """

    TRIGGER = "trigger"
    """The trigger's metadata."""
    CONFIGURATION = "configuration"
    """The configuration itself, where the whole of it is told."""
    POLICY = "policy"
    """The policy in the configuration."""
    CONNECTION = "connection"
    """The connection in the configuration."""
    DEFAULTS = "defaults"
    """The configuration's defaults."""
    BUILT_IN = "built-in"
    """Nobody said anything."""


@dataclass(frozen=True, slots=True)
class Setting:
    """
    One rule.

    Attributes:
        path: its place in the policy, such as `queue.target`.
        value: as people write it.
        origin: where it came from; `key`: how it is called there, where that is another name.
    """

    path: str
    value: str
    origin: Origin
    key: str = ""


def origins(document: Document, metadata: Mapping[str, str], policy: str) -> tuple[Setting, ...]:
    """
    Return the rules of a policy for a trigger, in the policy's order.

    Raises:
        MetadataError: the metadata does not go with the policy.
    """
    trigger = replace(read_metadata(metadata, document.limits), policy=policy)
    name, section = effective(document, trigger)
    return (
        *_settings(section, document.policies[name], trigger, ()),
        *_freshness(section, document),
    )


def whole(document: Document) -> tuple[Setting, ...]:
    """
    Return all that a document says, in its own order, and what it leaves to the defaults; no secret.
    """
    return tuple(_said(document, ()))


def _said(section: Section, above: tuple[str, ...]) -> Iterator[Setting]:
    given = given_in(section)
    for key, item in outline(type(section)).items():
        value, path = getattr(section, key), (*above, key)
        if isinstance(value, Section):
            yield from _part(value, path)
        elif isinstance(value, dict):
            for name, each in value.items():
                yield from _part(each, (*path, name)) if isinstance(each, Section) else [_entry((*path, name), each)]
        elif value is not None:
            origin = Origin.CONFIGURATION if key in given else Origin.BUILT_IN
            yield Setting(".".join(path), _written(value, item.form), origin)


def _part(section: Section, path: tuple[str, ...]) -> Iterator[Setting]:
    """
    Go through a part of the document; of a secret it is said where it comes from.
    """
    if not isinstance(section, Secret):
        yield from _said(section, path)
        return
    place = f"from the file {section.file}" if section.file is not None else f"from the variable {section.env}"
    yield Setting(".".join(path), place, Origin.CONFIGURATION)


def _entry(path: tuple[str, ...], value: object) -> Setting:
    """
    Say an entry of a mapping. What a header says is not for everybody, whether or not it is kept as a secret.
    """
    return Setting(".".join(path), _NOT_SHOWN if _HEADERS in path else str(value), Origin.CONFIGURATION)


def _settings(section: Section, written: Section | None, trigger: Trigger, above: tuple[str, ...]) -> Iterator[Setting]:
    """
    Go through a section as it holds, beside the one that the operator wrote.
    """
    given = frozenset() if written is None else given_in(written)
    usual = _usual(section)
    for key, item in outline(type(section)).items():
        path, value = (*above, key), getattr(section, key)
        if value is None:
            value = usual.get(key)
        if isinstance(value, Section):
            inner = getattr(written, key, None)
            yield from _settings(value, inner if isinstance(inner, Section) else None, trigger, path)
        elif value is not None and value != {}:
            yield _setting(path, _written(value, item.form), trigger, given=key in given)


def _usual(section: Section) -> Mapping[str, object]:
    """
    Return what holds of a policy's own keys where nobody says anything: that is its kind's to say.
    """
    if not isinstance(section, PolicySection):
        return {}
    if section.economic:
        price = EconomicParams()
        return {"waitingPrice": price.price, "keepFloor": price.floor}
    target = TargetParams()
    windows = {"idleWindow": target.idle_window, "stabilization": target.stabilization}
    return {"combine": target.combine, **windows}


def _setting(path: tuple[str, ...], value: str, trigger: Trigger, *, given: bool) -> Setting:
    place = ".".join(path)
    if path in trigger.changes:
        key = KEY_OF[path].name
        return Setting(place, _FROM_ENVIRONMENT if key in trigger.environment else value, Origin.TRIGGER, key)
    return Setting(place, value, Origin.POLICY if given else Origin.BUILT_IN)


def _freshness(section: PolicySection, document: Document) -> Iterator[Setting]:
    """
    Say how long the readings of each signal stay good, which no policy says.
    """
    for signal in (section.queue, section.requests, section.gpu):
        name = None if signal is None else signal.connection
        own = document.connections.get(name or "")
        if name is None or own is None:
            continue
        path = f"freshness of {name}"
        if own.freshness is not None:
            yield Setting(path, format_duration(own.freshness), Origin.CONNECTION)
        else:
            given = "freshness" in given_in(document.defaults)
            origin = Origin.DEFAULTS if given else Origin.BUILT_IN
            yield Setting(path, format_duration(document.defaults.freshness), origin)


def _written(value: Any, form: Form) -> str:  # noqa: PLR0911 - a line for each kind of value
    """
    Write a value as the document has it.
    """
    inner = form.form if isinstance(form, Maybe) else form
    if isinstance(inner, Lasting):
        return format_duration(value)
    if isinstance(value, Enum):
        return str(value.value)
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, dict):
        return ", ".join(f"{key}: {text}" for key, text in value.items())
    if isinstance(value, tuple):
        return ", ".join(map(str, value))
    if isinstance(value, bool):
        return str(value).lower()
    return str(value)
