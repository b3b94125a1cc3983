"""
What the engine asks of who observes the cluster, and tells it. An observer is never waited for.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from scaler.domain.decision import Decision
from scaler.domain.observed import NOT_SEEN, Observed, Sighting


class Observer(Protocol):
    """
    Sees workloads in their cluster, and hears what is decided of them. Everything here returns at once.
    """

    def listen(self, changed: Callable[[str, str], None]) -> None:
        """
        Tell from now on of which ScaledObject (namespace, name) there is something new.
        """
        ...

    def observed(self, namespace: str, name: str) -> Observed | None:
        """
        Return a ScaledObject's workload as its cluster shows it; None where it is not seen, or was not lately.
        """
        ...

    def sighting(self, namespace: str, name: str) -> Sighting:
        """
        Return all that can be said of it to people.
        """
        ...

    def decided(self, namespace: str, name: str, before: Decision | None, after: Decision) -> None:
        """
        Hear of a decision, whether or not it differs from the one before.
        """
        ...

    def refused(self, namespace: str, name: str, sentence: str) -> None:
        """
        Hear that a trigger's metadata means nothing.
        """
        ...


class Nobody:
    """
    No observer.

    Args:
        missing: why there is none, in a sentence.
    """

    def __init__(self, missing: str = NOT_SEEN.missing) -> None:
        self._sighting = Sighting(missing=missing)

    def listen(self, changed: Callable[[str, str], None]) -> None:
        """
        Never tell of anything.
        """

    def observed(self, namespace: str, name: str) -> None:
        """
        See nothing.
        """

    def sighting(self, namespace: str, name: str) -> Sighting:  # noqa: ARG002 - whatever it is
        """
        Say that nobody looks.
        """
        return self._sighting

    def decided(self, namespace: str, name: str, before: Decision | None, after: Decision) -> None:
        """
        Hear nothing.
        """

    def refused(self, namespace: str, name: str, sentence: str) -> None:
        """
        Hear nothing.
        """


NOBODY = Nobody()
