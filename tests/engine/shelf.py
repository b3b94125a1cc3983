"""
A store for what was learned that needs no file: what tests share.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from scaler.engine.learned import Key, Learned, StoreError


@dataclass
class Shelf:
    """
    A store in memory that notes each write, and fails when told to.
    """

    held: dict[Key, Learned] = field(default_factory=dict)
    writes: list[set[str]] = field(default_factory=list)
    broken: bool = False

    def read(self) -> Mapping[Key, Learned]:
        """
        Return all.
        """
        return dict(self.held)

    def write(self, learned: Mapping[Key, Learned]) -> None:
        """
        Take it.
        """
        if self.broken:
            raise StoreError("the shelf is broken")
        self.writes.append({key.name for key in learned})
        self.held.update(learned)
