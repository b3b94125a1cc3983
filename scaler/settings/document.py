"""
The document: what the operator mounts. `loading.load` reads one from text.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any, Self

from pydantic import Field

from scaler.settings.connections import AnyConnection
from scaler.settings.policies import AnyPolicy
from scaler.settings.surroundings import Defaults, Limits, Surroundings
from scaler.settings.values import Name, Section


class Document(Section):
    """
    The scaler's configuration: connections, policies, defaults and limits. Nothing of it is required.
    """

    connections: dict[Name, AnyConnection] = Field(default_factory=dict)
    """Addresses with their credentials, by the names that policies and triggers use."""
    policies: dict[Name, AnyPolicy] = Field(default_factory=dict)
    """Named sets of rules that turn readings into a decision."""
    defaults: Defaults = Field(default_factory=Defaults)
    limits: Limits = Field(default_factory=Limits)

    @classmethod
    def parse(cls, data: Mapping[str, Any]) -> Self:
        """
        Return the document that plain data means; its parts are checked against each other too.

        Raises:
            pydantic.ValidationError: with everything that is wrong with it.
        """
        return cls.model_validate(data, context=Surroundings.of(data))

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
