"""
What was learned of workloads, as it is kept.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import NamedTuple, Protocol


class Key(NamedTuple):
    """
    One trigger of one ScaledObject; `trigger` tells apart those of the same one.
    """

    namespace: str
    name: str
    trigger: str


class Learned(NamedTuple):
    """
    What was learned: by which kind of policy, and its data as JSON.
    """

    kind: str
    data: str


class StoreError(Exception):
    """
    The file cannot be used; the message says why. The operator must act.
    """


class Keeping(Protocol):
    """
    Where it is kept. Everything here blocks.
    """

    def read(self) -> Mapping[Key, Learned]:
        """
        Return what was learned, what was written first first.

        Raises:
            StoreError: it cannot be kept here.
        """
        ...

    def write(self, learned: Mapping[Key, Learned]) -> None:
        """
        Write what was learned since, all of it or nothing.

        Raises:
            StoreError: it cannot be written.
        """
        ...

    def prune(self, present: Collection[Key], room: int) -> Collection[Key]:
        """
        Note who is present, let go of who was not for too long, and of all but *room* of the absent; return whom.

        Raises:
            StoreError: it cannot be written.
        """
        ...
