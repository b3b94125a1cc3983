"""
What stands above single connections and policies: defaults and limits, and what parts of the document know of others.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import Field, ValidationError, ValidationInfo, field_validator

from scaler.settings.values import Count, Flag, Interval, Name, Section, format_duration
from scaler.settings.wording import did_you_mean, shown

SectionT = TypeVar("SectionT", bound=Section)

SHORTEST = 0.01
"""Reading more often than every 10 ms keeps a core busy and tells nothing new."""


class Defaults(Section):
    """
    What holds where a connection or a trigger says nothing else.
    """

    policy: Name = "default"
    """The policy of a trigger that names none."""
    interval: Interval = Field("5s", validate_default=True)
    """Time between two reads while a workload is up."""
    safetyNet: Interval = Field("10s", validate_default=True)
    """Time between two reads of a question whose changes the server announces by itself."""
    watchInterval: Interval = Field("250ms", validate_default=True)
    """Time between two reads of the demand of workloads at zero, where the server announces nothing."""
    freshness: Interval = Field("30s", validate_default=True)
    """How long a reading stays good; after that the signal is unknown."""

    @field_validator("policy")
    @classmethod
    def _known_policy(cls, policy: str, info: ValidationInfo) -> str:
        around = surroundings(info)
        if around is not None and policy != "default":
            policy_known(policy, around.policies)
        return policy

    @field_validator("interval", "safetyNet", "watchInterval")
    @classmethod
    def _bearable(cls, seconds: float) -> float:
        if seconds < SHORTEST:
            raise ValueError(f"must be at least {format_duration(SHORTEST)}, not {format_duration(seconds)}")
        return seconds

    @field_validator("watchInterval")
    @classmethod
    def _closer(cls, watch: float, info: ValidationInfo) -> float:
        interval = info.data.get("interval")
        if interval is not None and watch > interval:
            raise ValueError(f"must be at most defaults.interval ({format_duration(interval)})")
        return watch

    @field_validator("freshness")
    @classmethod
    def _outlasts(cls, freshness: float, info: ValidationInfo) -> float:
        for key in ("interval", "safetyNet"):
            if key in info.data:
                outlasts_reads(freshness, info.data[key], f"defaults.{key}")
        return freshness


class Limits(Section):
    """
    What no trigger can exceed.
    """

    maxReplicas: Count = 1000
    """The most replicas that a policy or a trigger may allow."""
    workloads: Count = 20000
    """The most workloads that are watched at a time."""
    metadataBytes: Count = 8192
    """The size of a trigger's metadata, keys and values together."""
    valueBytes: Count = 1024
    """The size of one value of a trigger's metadata."""
    forgetAfter: Interval = Field("10m", validate_default=True)
    """A workload without calls for so long is forgotten; keep it well above KEDA's pollingInterval."""
    tenantQueries: Flag = False
    """Whether a trigger may carry its own PromQL (requestsQuery), which can read all that its connection can."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """
    What one part of the document may know of the others while it is validated, whether those are valid or not.

    Attributes:
        connections: the type of each connection, by name.
        policies: the names of the policies.
        defaults, limits: None if they are invalid themselves; nothing is compared with them then.
        written: whether people wrote what is validated, so that durations must come with their unit.
    """

    connections: Mapping[str, str]
    policies: frozenset[str]
    defaults: Defaults | None
    limits: Limits | None
    written: bool = True

    @classmethod
    def of(cls, data: Mapping[Any, Any]) -> Surroundings:
        """
        Gather them from a document as it was written.
        """
        return cls(
            connections={
                str(name): str(section.get("type"))
                for name, section in _mapping(data.get("connections")).items()
                if isinstance(section, dict)
            },
            policies=frozenset(map(str, _mapping(data.get("policies")))),
            defaults=_valid(Defaults, data.get("defaults")),
            limits=_valid(Limits, data.get("limits")),
        )


def surroundings(info: ValidationInfo) -> Surroundings | None:
    """
    Return what is known of the rest of the document; None where a part is validated on its own.
    """
    return info.context if isinstance(info.context, Surroundings) else None


def policy_known(name: str, policies: Iterable[str]) -> None:
    """
    Raise a ValueError if there is no such policy; the message names the nearest one.
    """
    known = sorted(policies)
    if name not in known:
        raise ValueError(
            f"there is no policy {shown(name)}{did_you_mean(name, known)}"
            if known
            else f"there is no policy {shown(name)}: the configuration has none yet"
        )


def outlasts_reads(freshness: float, interval: float, key: str, *, subject: str = "") -> None:
    """
    Raise a ValueError if a reading goes stale before the one after the next: a single late read would show.
    """
    if freshness < 2 * interval:
        raise ValueError(
            f"{subject}{format_duration(freshness)} must be at least twice {key} ({format_duration(interval)}), "
            f"so that one late read is not seen"
        )


def _mapping(data: Any) -> Mapping[Any, Any]:
    return data if isinstance(data, dict) else {}


def _valid(section: type[SectionT], data: Any) -> SectionT | None:
    try:
        return section.model_validate({} if data is None else data)
    except ValidationError:
        return None
