"""
A store for what was learned that needs no file: what tests share.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from scaler.engine.learned import Key, Learned, StoreError


@dataclass
class Shelf:
    """
    A store in memory that notes each write, and who is present; a `broken` one takes nothing, a `full` one keeps all.
    """

    held: dict[Key, Learned] = field(default_factory=dict)
    writes: list[set[str]] = field(default_factory=list)
    old: set[Key] = field(default_factory=set)
    present: list[set[str]] = field(default_factory=list)
    broken: bool = False
    full: bool = False

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

    def prune(self, present: Collection[Key], room: int) -> Collection[Key]:
        """
        Let go of what is old, and of what was written first.
        """
        if self.full:
            raise StoreError("the shelf cannot be pruned")
        self.present.append({key.name for key in present})
        absent = [key for key in self.held if key not in present]
        gone = {*absent[: max(0, len(absent) - room)], *(key for key in absent if key in self.old)}
        for key in gone:
            del self.held[key]
        return gone
