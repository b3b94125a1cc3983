"""
What stands above single connections and policies: defaults and limits, and what parts of the document know of others.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from scaler.settings.durations import format_duration
from scaler.settings.sections import Beside, Section, checks
from scaler.settings.values import Count, Interval, Name
from scaler.settings.wording import did_you_mean, shown

SectionT = TypeVar("SectionT", bound=Section)

SHORTEST = 0.01
"""Reading more often than every 10 ms keeps a core busy and tells nothing new."""


@dataclass(frozen=True, kw_only=True)
class Defaults(Section):
    """
    What holds where a connection or a trigger says nothing else.
    """

    policy: Name = "default"
    """The policy of a trigger that names none."""
    interval: Interval = 5.0
    """Time between two reads while a workload is up."""
    safetyNet: Interval = 10.0
    """Time between two reads of a question whose changes the server announces by itself."""
    watchInterval: Interval = 0.25
    """Time between two reads of the demand of workloads at zero, where the server announces nothing."""
    freshness: Interval = 30.0
    """How long a reading stays good; after that the signal is unknown."""

    @staticmethod
    @checks("policy")
    def _known_policy(policy: str, beside: Beside) -> None:
        around = surroundings(beside)
        if around is not None and policy != "default":
            policy_known(policy, around.policies)

    @staticmethod
    @checks("interval", "safetyNet", "watchInterval")
    def _bearable(seconds: float, _: Beside) -> None:
        bearable(seconds)

    @staticmethod
    @checks("watchInterval")
    def _closer(watch: float, beside: Beside) -> None:
        interval = beside.values.get("interval")
        if interval is not None and watch > interval:
            raise ValueError(f"must be at most defaults.interval ({format_duration(interval)})")

    @staticmethod
    @checks("freshness")
    def _outlasts(freshness: float, beside: Beside) -> None:
        for key in ("interval", "safetyNet"):
            if key in beside.values:
                outlasts_reads(freshness, beside.values[key], f"defaults.{key}")


@dataclass(frozen=True, kw_only=True)
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
    forgetAfter: Interval = 600.0
    """A workload without calls for so long is forgotten; keep it well above KEDA's pollingInterval."""
    tenantQueries: bool = False
    """Whether a trigger may carry its own PromQL (requestsQuery), which can read all that its connection can."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """
    What one part of the document may know of the others while it is validated, whether those are valid or not.

    Attributes:
        connections: the type of each connection, by name.
        policies: the names of the policies; `shadows`: of those that are only watched.
        defaults, limits: None if they are invalid themselves; nothing is compared with them then.
        written: whether people wrote what is validated, so that durations must come with their unit.
    """

    connections: Mapping[str, str]
    policies: frozenset[str]
    defaults: Defaults | None
    limits: Limits | None
    written: bool = True
    shadows: frozenset[str] = frozenset()

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
            shadows=frozenset(
                str(name)
                for name, section in _mapping(data.get("policies")).items()
                if _mapping(section).get("shadow") is not None
            ),
        )


def surroundings(beside: Beside) -> Surroundings | None:
    """
    Return what is known of the rest of the document; None where a part is validated on its own.
    """
    return beside.context if isinstance(beside.context, Surroundings) else None


def bearable(interval: float) -> None:
    """
    Raise a ValueError if something would be read too often.
    """
    if interval < SHORTEST:
        raise ValueError(f"must be at least {format_duration(SHORTEST)}, not {format_duration(interval)}")


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
        return section.of({} if data is None else data)
    except ValueError:
        return None
