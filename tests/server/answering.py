"""
A small engine for the servers' tests: it answers what it was told to, and remembers who asked.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

from scaler.domain.decision import Decision, Phase, Reason, Verdict
from scaler.engine.workload import Caller

CALLER = Caller("ai", "agent", {"queue": "jobs"})


def decided(replicas: int, *, verdict: Verdict | None = None, sentence: str = "as the test has it") -> Decision:
    """
    Return a decision for so many replicas.
    """
    active = replicas > 0
    return Decision(
        verdict=verdict or (Verdict.ACTIVE if active else Verdict.INACTIVE),
        replicas=replicas,
        phase=Phase.ACTIVE if active else Phase.IDLE,
        reason=Reason.DEMAND if active else Reason.QUIET,
        sentence=sentence,
        wants=(),
        at=0.0,
        since=0.0,
        recheck_at=None,
    )


class StagedAnswers:
    """
    Answers as staged.

    Attributes:
        answer: the decision for everybody, or what is raised instead.
        refusal: what `accept`, `decision` and `pushes` raise first, if anything.
        delay: how long `decision` takes, in seconds.
        callers: who has called, in order.
        subscribed: how many pushes are being listened to.
    """

    def __init__(self, answer: Decision | BaseException | None = None) -> None:
        self.answer: Decision | BaseException = answer or decided(0)
        self.refusal: Exception | None = None
        self.delay = 0.0
        self.callers: list[Caller] = []
        self.subscribed = 0
        self._listeners: set[asyncio.Queue[bool | None]] = set()
        self._closed = asyncio.Event()

    def accept(self, caller: Caller) -> None:
        """
        Accept everybody who is not to be refused.
        """
        self.callers.append(caller)
        if self.refusal is not None:
            raise self.refusal

    async def decision(self, caller: Caller) -> Decision:
        """
        Return what is staged.
        """
        self.accept(caller)
        if self.delay:
            await asyncio.sleep(self.delay)
        if isinstance(self.answer, BaseException):
            raise self.answer
        return self.answer

    async def pushes(self, caller: Caller) -> AsyncGenerator[bool, None]:
        """
        Yield whether the staged decision is active, then everything that is told.
        """
        self.accept(caller)
        told: asyncio.Queue[bool | None] = asyncio.Queue()
        self._listeners.add(told)
        self.subscribed += 1
        try:
            if isinstance(self.answer, BaseException):
                raise self.answer
            yield self.answer.verdict is Verdict.ACTIVE
            while (active := await told.get()) is not None:
                yield active
        finally:
            self._listeners.discard(told)
            self.subscribed -= 1

    async def until_closed(self) -> None:
        """
        Wait for `close`.
        """
        await self._closed.wait()

    def push(self, *, active: bool) -> None:
        """
        Tell every listener.
        """
        for told in self._listeners:
            told.put_nowait(active)

    def close(self) -> None:
        """
        Close as the engine does: pushes end by themselves.
        """
        self._closed.set()
        for told in self._listeners:
            told.put_nowait(None)
