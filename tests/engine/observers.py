"""
Observers for an engine: what its tests share.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from random import Random

from scaler.domain.decision import Decision, Reason
from scaler.domain.observed import Observed, Replica, Sighting
from scaler.engine.engine import Engine
from scaler.engine.observing import Observer
from scaler.settings.connections import AnyConnection
from scaler.settings.document import Document
from scaler.sources.fake import FakeSource
from tests.engine.installation import CONFIGURATION


class Staged:
    """
    An observer that sees what it was told to.
    """

    def __init__(self) -> None:
        self.seen: Observed | None = None
        self.why = ""
        self.reasons: list[Reason] = []
        self.refusals: list[str] = []
        self._changed: Callable[[str, str], None] = lambda _namespace, _name: None

    def listen(self, changed: Callable[[str, str], None]) -> None:
        """
        Take whom to tell.
        """
        self._changed = changed

    def see(self, *ready: bool, maximum: int | None = None) -> None:
        """
        From now on there are so many pods, ready or not.
        """
        now = asyncio.get_running_loop().time()
        pods = (Replica(f"agent-{number}", now, now if each else None) for number, each in enumerate(ready))
        self.seen, self.why = Observed(len(ready), tuple(pods), 0, maximum), ""
        self._changed("ai", "agent")

    def observed(self, namespace: str, name: str) -> Observed | None:
        """
        Show it, for one workload alone.
        """
        return self.seen if (namespace, name) == ("ai", "agent") else None

    def look(self, why: str) -> None:
        """
        From now on nothing is seen yet, for this reason.
        """
        self.seen, self.why = None, why

    def pending(self, namespace: str, name: str) -> str:
        """
        Say so, of one workload alone.
        """
        return self.why if (namespace, name) == ("ai", "agent") else ""

    def sighting(self, namespace: str, name: str) -> Sighting:
        """
        Show it.
        """
        return Sighting(self.observed(namespace, name), self.why, ("a setting hurts",))

    def decided(self, namespace: str, name: str, before: Decision | None, after: Decision) -> None:
        """
        Keep the reason.
        """
        assert (namespace, name) == ("ai", "agent")
        if before is None or before.reason is not after.reason:
            self.reasons.append(after.reason)

    def refused(self, namespace: str, name: str, sentence: str) -> None:
        """
        Keep the sentence.
        """
        self.refusals.append(f"{namespace}/{name}: {sentence}")


class Failing:
    """
    An observer that fails at everything it is asked or told, as long as it has an error.
    """

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.asked = 0

    def listen(self, changed: Callable[[str, str], None]) -> None:  # noqa: ARG002 - nobody is told anything
        """
        Tell nobody.
        """
        self._fail()

    def observed(self, namespace: str, name: str) -> Observed | None:  # noqa: ARG002 - whichever it is
        """
        See that nothing runs, and that three replicas are the most.
        """
        self._fail()
        return Observed(0, (), 0, 3)

    def pending(self, namespace: str, name: str) -> str:  # noqa: ARG002 - whichever it is
        """
        Wait for nothing.
        """
        self._fail()
        return ""

    def sighting(self, namespace: str, name: str) -> Sighting:
        """
        Show it.
        """
        return Sighting(self.observed(namespace, name))

    def decided(self, namespace: str, name: str, before: Decision | None, after: Decision) -> None:  # noqa: ARG002
        """
        Hear of a decision.
        """
        self._fail()

    def refused(self, namespace: str, name: str, sentence: str) -> None:  # noqa: ARG002 - whatever it is
        """
        Hear of a refusal.
        """
        self._fail()

    def _fail(self) -> None:
        self.asked += 1
        if self.error is not None:
            raise type(self.error)(*self.error.args)


def installed(observer: Observer, sources: dict[str, FakeSource]) -> Engine:
    """
    Return an engine over fake sources that has an observer.
    """

    def connect(name: str, _: AnyConnection) -> FakeSource:
        return sources.setdefault(name, FakeSource(f"{name}.test:1", announces=True))

    return Engine(Document.parse(CONFIGURATION), connect, Random(4), observer=observer)  # noqa: S311 - no secret
