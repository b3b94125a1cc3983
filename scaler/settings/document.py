"""
The document: what the operator mounts. `loading.load` reads one from text.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Self

from scaler.settings.connections import AnyConnection
from scaler.settings.policies import PolicySection
from scaler.settings.sections import Section
from scaler.settings.surroundings import Defaults, Limits, Surroundings
from scaler.settings.values import Name

WITHOUT_POLICY = "no policy is configured, so no trigger has a meaning"
"""What people hear of a document that is valid, and of no use yet."""


@dataclass(frozen=True, kw_only=True)
class Document(Section):
    """
    The scaler's configuration: connections, policies, defaults and limits. Nothing of it is required.
    """

    connections: dict[Name, AnyConnection] = field(default_factory=dict)
    """Addresses with their credentials, by the names that policies and triggers use."""
    policies: dict[Name, PolicySection] = field(default_factory=dict)
    """Named sets of rules that turn readings into a decision."""
    defaults: Defaults = field(default_factory=Defaults)
    limits: Limits = field(default_factory=Limits)

    @classmethod
    def parse(cls, data: Mapping[str, Any]) -> Self:
        """
        Return the document that plain data means; its parts are checked against each other too.

        Raises:
            InvalidError: with everything that is wrong with it.
        """
        return cls.of(data, Surroundings.of(data))

    @cached_property
    def surroundings(self) -> Surroundings:
        """
        What a trigger's changes to a policy are checked against.
        """
        return Surroundings(
            connections={name: connection.type for name, connection in self.connections.items()},
            policies=frozenset(self.policies),
            defaults=self.defaults,
            limits=self.limits,
            written=False,
        )
