"""
What the engine asks of who observes the cluster, and tells it. An observer is never waited for.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import ParamSpec, Protocol, TypeVar

from scaler.domain.decision import Decision
from scaler.domain.observed import NOT_SEEN, Observed, Sighting
from scaler.engine.workload import Caller

_log = logging.getLogger(__name__)

_Given = ParamSpec("_Given")
_Answer = TypeVar("_Answer")

_FAILED = Sighting(missing="internal error; see the log")


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

    def pending(self, namespace: str, name: str) -> str:
        """
        Say why a workload is not seen yet, if it soon may be; its ScaledObject is told of then. Empty otherwise.
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

    def pending(self, namespace: str, name: str) -> str:  # noqa: ARG002 - whatever it is
        """
        Say that nothing is going to be seen.
        """
        return ""

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


class Contained:
    """
    An observer whose failures end here: what it fails at is not seen, and no decision is lost by it.

    Args:
        observer: who is asked.
    """

    def __init__(self, observer: Observer) -> None:
        self._observer = observer
        self._logged: set[tuple[str, type[Exception]]] = set()

    def listen(self, changed: Callable[[str, str], None]) -> None:
        """
        Pass on who wants to be told.
        """
        self._ask(self._observer.listen, None, changed)

    def observed(self, namespace: str, name: str) -> Observed | None:
        """
        Return what is seen; nothing where that fails.
        """
        return self._ask(self._observer.observed, None, namespace, name)

    def pending(self, namespace: str, name: str) -> str:
        """
        Return why nothing is seen yet; where that fails, nothing is waited for.
        """
        return self._ask(self._observer.pending, "", namespace, name)

    def pending_for(self, caller: Caller, observed: Observed | None, *, first: bool) -> str:
        """
        Return the same for who is not seen, if that matters: at *first* sight alone.
        """
        return self.pending(caller.namespace, caller.name) if first and observed is None else ""

    def sighting(self, namespace: str, name: str) -> Sighting:
        """
        Return what can be said; where that fails, that it does.
        """
        return self._ask(self._observer.sighting, _FAILED, namespace, name)

    def decided(self, namespace: str, name: str, before: Decision | None, after: Decision) -> None:
        """
        Pass a decision on.
        """
        self._ask(self._observer.decided, None, namespace, name, before, after)

    def refused(self, namespace: str, name: str, sentence: str) -> None:
        """
        Pass a refusal on.
        """
        self._ask(self._observer.refused, None, namespace, name, sentence)

    def _ask(
        self, what: Callable[_Given, _Answer], failed: _Answer, *given: _Given.args, **named: _Given.kwargs
    ) -> _Answer:
        """
        Return the answer, or what stands for it where it fails. Each kind of failure is logged once: calls are many.
        """
        try:
            return what(*given, **named)
        except Exception as error:  # noqa: BLE001 - whatever it is, the first of its kind is logged whole
            kind = what.__name__, type(error)
            if kind not in self._logged:
                self._logged.add(kind)
                _log.exception("internal error of the observer in `%s`, which counts as not seen", what.__name__)
            return failed


NOBODY = Nobody()
