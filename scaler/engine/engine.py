"""
The engine: it admits callers, turns what sources deliver into decisions, and tells whoever waits for a change.

Everything that decides is synchronous; what waits are the streams, the first call of a workload, and the pollers.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncGenerator, Mapping
from contextlib import suppress
from types import TracebackType
from typing import Self

from scaler.domain.decision import Decision, Verdict
from scaler.engine.asking import Asking
from scaler.engine.history import Archive
from scaler.engine.ledger import Ledger
from scaler.engine.memory import Memory
from scaler.engine.moment import Moment
from scaler.engine.observing import NOBODY, Contained, Observer
from scaler.engine.plan import Plan, plan
from scaler.engine.push import Pushes
from scaler.engine.record import Record
from scaler.engine.roster import Roster, Workload
from scaler.engine.switchboard import Connect, Switchboard
from scaler.engine.turns import Turns
from scaler.engine.wakes import Wakes
from scaler.engine.workload import Caller, MetadataError, UndecidedError
from scaler.settings.document import Document
from scaler.sources.base import Answers

FIRST_READINGS_WITHIN = 1.5
"""Seconds that the calls of a workload just seen may wait together; the HPA's rounds have 3 s for all of theirs."""

_SOONEST_RECHECK = 0.01
_LOOK_EVERY = 0.02
_SWEEP = 1.0


class Engine:
    """
    Answers about workloads, from memory (the shape `Answers`). An asynchronous context: it works inside.

    Args:
        document: the configuration.
        connect: makes the source of a connection.
        rng: spreads what should not happen all at once.
        archive: keeps what happened.
        observer: sees workloads in their cluster, and hears what is decided of them.
        memory: knows what was learned before.
    """

    def __init__(
        self,
        document: Document,
        connect: Connect,
        rng: random.Random | None = None,
        archive: Archive | None = None,
        observer: Observer = NOBODY,
        memory: Memory | None = None,
    ) -> None:
        self.document = document
        self.memory = memory or Memory()
        self.memory.capacity = document.limits.workloads
        self.observer = Contained(observer)
        self.roster = Roster(document.limits.workloads)
        self.ledger = Ledger()
        self.record = Record(self.roster)
        self.wakes = Wakes()
        self.archive = archive or Archive()
        self.switchboard = Switchboard(connect, self._deliver, rng or random.SystemRandom())
        self._closed = asyncio.Event()
        self._tasks = asyncio.TaskGroup()
        self._chores: list[asyncio.Task[None]] = []
        self._turns = Turns(self._decide)
        self._asking = Asking(self.ledger, self.switchboard)

    async def __aenter__(self) -> Self:
        await self._tasks.__aenter__()
        self.switchboard.configure(self.document, self._tasks)
        self._chores = [
            self._tasks.create_task(chore) for chore in (self._forget_regularly(), self.memory.run(self.roster))
        ]
        self.observer.listen(self.look_again)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
        for chore in self._chores:
            chore.cancel()
        await self.memory.checkpoint(self.roster)
        self.memory.close()
        for workload in self.roster:
            self._forget(workload)
        self.switchboard.close(self._tasks)
        await self._tasks.__aexit__(kind, error, trace)

    def close(self) -> None:
        """
        End all push streams; calls are still answered.
        """
        self._closed.set()
        for workload in self.roster:
            workload.tell()

    async def until_closed(self) -> None:
        """
        Return when the engine is closed.
        """
        await self._closed.wait()

    def accept(self, caller: Caller) -> None:
        """
        Check a caller's metadata against the configuration and note that it called; asks no source.

        Raises:
            MetadataError: the metadata is wrong.
            OverloadedError: there is no room for another workload.
        """
        self._admit(caller)

    async def decision(self, caller: Caller) -> Decision:
        """
        Return the decision held for a caller; its verdict is active or inactive, never unknown.

        Raises:
            UndecidedError: nothing can be said.
            MetadataError, OverloadedError: as `accept`.
        """
        workload = self._admit(caller)
        if not workload.acts:
            raise UndecidedError(
                f"the policy of {caller} is in shadow mode: what it decides is only watched, and nothing is answered"
            )
        if workload.decision is None:
            await self._first_readings(workload)
        decision = workload.decision
        if decision is None:
            raise UndecidedError(f"no reading of {caller} is in yet; ask again")
        if decision.verdict is Verdict.UNKNOWN:
            raise UndecidedError(decision.sentence)
        return decision

    async def observed(self, caller: Caller, within: float) -> None:
        """
        Return when every signal of a caller was read, well or not, or after *within* seconds.

        Raises:
            MetadataError, OverloadedError: as `accept`.
        """
        workload = self._admit(caller)
        loop = asyncio.get_running_loop()
        until = loop.time() + within
        while not workload.all_observed and loop.time() < until:  # noqa: ASYNC110 - readings alone wake nobody
            await asyncio.sleep(_LOOK_EVERY)

    async def pushes(self, caller: Caller) -> AsyncGenerator[bool, None]:
        """
        Yield the present state as soon as it is known, every change, and True again, with back-off, while waking.

        Raises:
            MetadataError, OverloadedError: as `accept`.
        """
        workload = self._admit(caller)
        pushes = Pushes()
        loop = asyncio.get_running_loop()
        try:
            with workload.subscription() as changed:
                while not self._closed.is_set():
                    changed.clear()
                    push = pushes.due(workload.decision if workload.acts else None, loop.time())
                    if push is not None:
                        yield push
                        if push:
                            self.wakes.pushed(workload, loop.time())
                        continue
                    with suppress(TimeoutError):
                        async with asyncio.timeout_at(pushes.again_at):
                            await changed.wait()
        finally:
            workload.last_called = loop.time()  # an open stream is a call that goes on

    def reconfigure(self, document: Document) -> None:
        """
        Put another document in force: timers and what is known go on, sources are replaced only where theirs changed.
        """
        self.document = document
        self.roster.capacity = self.memory.capacity = document.limits.workloads
        self.switchboard.configure(document, self._tasks)
        for workload in self.roster:
            self._replan(workload)

    def look_again(self, namespace: str, name: str) -> None:
        """
        Decide soon about a ScaledObject of which its cluster shows something new.
        """
        for workload in self.roster.named(namespace, name):
            self._turns.add(workload)
        self._turns.take_soon()

    def _plan(self, caller: Caller) -> Plan:
        """
        Read the metadata of a caller not seen before.
        """
        try:
            return plan(self.document, caller)
        except MetadataError as error:
            self.record.turned_away(caller, error)
            self.observer.refused(caller.namespace, caller.name, str(error))
            raise

    def _admit(self, caller: Caller) -> Workload:
        now = asyncio.get_running_loop().time()
        workload = self.roster.find(caller)
        if workload is None:
            asks = self._plan(caller)
            workload = self.roster.add(caller, asks, now)
            learned = self.memory.recall(caller, asks)
            if learned is not None:
                workload.state = workload.state.having(kind=learned)
            self._ask(workload, asks, now)
            self._follow(workload, asks.shadow, {})
        workload.last_called = now
        if isinstance(workload.plan, MetadataError):
            raise workload.plan.with_traceback(None)  # it would keep every call that ever met it
        for each in (workload, workload.shadow):
            if each is not None and each.overdue(now):
                self._decide(each)
        return workload

    def _follow(self, workload: Workload, watched: Plan | None, known: Mapping[str, object]) -> None:
        """
        Have decided beside a workload what is only watched of it, and nothing else; *known*: as it was before.
        """
        shadow, now = workload.shadow, asyncio.get_running_loop().time()
        if watched is None:
            workload.shadow = None
            if shadow is not None:
                self._dismiss(shadow)
        elif shadow is None:
            policy, state = watched.policy, workload.handed_on(watched)
            learned = known.get(policy.name) or self.memory.recall(workload.caller, watched)
            if learned is not None:
                state = state.having(kind=learned).interrupted(policy.params)
            workload.shadow = Workload(workload.caller, watched, state, now)
            self._ask(workload.shadow, watched, now)
        else:
            self._change(shadow, watched, known)

    def _ask(self, workload: Workload, asks: Plan, now: float) -> None:
        """
        Ask for all that a workload's plan needs, at once.
        """
        workload.asked_at = now
        self._asking.ask(workload, asks)
        if workload.all_observed:
            self._decide(workload)
            return
        self.switchboard.look_now(ask.question for ask in asks.asks.values())
        self._wake_at(workload, now + FIRST_READINGS_WITHIN)

    def _replan(self, workload: Workload) -> None:
        """
        Read a workload's metadata under the configuration in force; what it did not ask before was never read.

        An active workload goes on with its decision until the first readings of what is new are in, or overdue; of any
        other nothing is said until then.
        """
        before, refused, acted = workload.questions, workload.refusal, workload.acts
        try:
            after = plan(self.document, workload.caller)
        except MetadataError as error:
            workload.refuse(error)
            self._asking.drop(workload, before)
            self._follow(workload, None, {})
            if refused is None or str(refused) != str(error):
                self.record.refused(workload, error)
                self.observer.refused(workload.caller.namespace, workload.caller.name, str(error))
            return
        known = workload.known
        self._change(workload, after, known)
        self._follow(workload, after.shadow, known)
        if workload.acts is not acted:
            workload.tell()

    def _change(self, workload: Workload, after: Plan, known: Mapping[str, object]) -> None:
        """
        Go on with a workload under another plan.
        """
        before = workload.questions
        workload.change(after, known)
        self._ask(workload, after, asyncio.get_running_loop().time())
        self._asking.drop(workload, before - workload.questions)

    async def _first_readings(self, workload: Workload) -> None:
        """
        Wait for a workload's first decision, for as long as its calls may wait together.
        """
        with workload.subscription() as changed:
            try:
                async with asyncio.timeout_at(workload.asked_at + FIRST_READINGS_WITHIN):
                    while workload.decision is None and not self._closed.is_set():
                        await changed.wait()
                        changed.clear()
            except TimeoutError:
                return

    def _deliver(self, answers: Answers, at: float) -> None:
        """
        Take answers from a poller. A sleeper that hears the same again sleeps on: its decision cannot differ.
        """
        for workload, news in self.ledger.record(answers, at):
            if news or not workload.asleep:
                self._turns.add(workload)
        self._turns.take()

    def _decide(self, workload: Workload, moment: Moment | None = None) -> None:
        """
        Decide about a workload now, or at a moment that others share with it.
        """
        moment = moment or Moment(asyncio.get_running_loop().time())
        overdue_at = workload.asked_at + FIRST_READINGS_WITHIN
        if isinstance(workload.plan, MetadataError):
            return
        if moment.now < overdue_at and not workload.all_observed:
            self._wake_at(workload, overdue_at)
            return
        before, namespace, name = workload.decision, workload.caller.namespace, workload.caller.name
        observed = self.observer.observed(namespace, name)
        pending = self.observer.pending_for(workload.caller, observed, first=workload.state.phase is None)
        decision, state = moment.decide(workload.plan.policy, workload.observations, workload.state, observed, pending)
        if pending and decision.verdict is Verdict.UNKNOWN and moment.now < overdue_at:
            self._asking.watch(workload, workload.plan)
            self._wake_at(workload, overdue_at)
            return
        workload.decision, workload.state = decision, state
        changed = self.record.decided(workload, before, decision)
        workload.history = self.archive.note(workload.history, before, decision, changed=changed)
        if changed:
            self.wakes.decided(workload, before, decision)
            workload.tell()
        if workload.acts:
            self.observer.decided(namespace, name, before, decision)
        self._asking.watch(workload, workload.plan)
        if workload.asleep:
            workload.cancel_timer()  # only news changes anything, or readings that went stale, which calls notice
        else:
            self._wake_at(workload, decision.recheck_at)

    def _wake_at(self, workload: Workload, at: float | None) -> None:
        """
        Decide again at a time, or before: a timer that is early only finds that it has to be set anew.
        """
        loop = asyncio.get_running_loop()
        if at is None or (workload.timer is not None and workload.timer.when() <= at):
            return
        workload.cancel_timer()
        workload.timer = loop.call_at(max(at, loop.time() + _SOONEST_RECHECK), self._recheck, workload)

    def _recheck(self, workload: Workload) -> None:
        workload.timer = None
        self._decide(workload)

    def _forget(self, workload: Workload) -> None:
        self._follow(workload, None, {})
        self._dismiss(workload)
        self.roster.remove(workload)

    def _dismiss(self, workload: Workload) -> None:
        """
        Decide nothing more about a workload.
        """
        workload.cancel_timer()
        self._turns.forget(workload)
        self.wakes.forget(workload)
        self._asking.drop(workload, workload.questions)
        self.archive.forget(workload.history)
        self.memory.forget(workload)

    async def _forget_regularly(self) -> None:
        """
        Forget who called for the last time long ago. An open stream is a call that goes on.
        """
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(max(self.document.limits.forgetAfter / 4, _SWEEP))
            before = loop.time() - self.document.limits.forgetAfter
            for workload in self.roster:
                if workload.last_called < before and not workload.streams:
                    self._forget(workload)
