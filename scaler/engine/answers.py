"""
What the servers ask of the engine. `Engine` has this shape; servers depend on nothing else of it.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Protocol

from scaler.domain.decision import Decision
from scaler.engine.workload import Caller


class Answers(Protocol):
    """
    Answers about workloads, from memory.
    """

    def accept(self, caller: Caller) -> None:
        """
        Check a caller's metadata against the configuration and note that it called; asks no source.

        Raises:
            MetadataError: the metadata is wrong.
            OverloadedError: there is no room for another workload.
        """
        ...

    async def decision(self, caller: Caller) -> Decision:
        """
        Return the decision held for a caller; its verdict is active or inactive, never unknown.

        A caller never seen before may wait for its first full set of readings, up to 1.5 s from its first call on.

        Raises:
            UndecidedError: nothing can be said.
            MetadataError, OverloadedError: as `accept`.
        """
        ...

    def pushes(self, caller: Caller) -> AsyncGenerator[bool, None]:
        """
        Yield the present state as soon as it is known, every change, and `True` again, with back-off, while waking.

        Ends by itself when the engine closes. `aclose()` on it, or cancellation, forgets the subscription.
        The first `__anext__` raises MetadataError or OverloadedError as `accept` does.
        """
        ...

    async def until_closed(self) -> None:
        """
        Return when the engine closes (for streams that have nothing more to say).
        """
        ...
