"""
The roster: every workload that somebody asks about, and what is held of it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Container, Iterator, Mapping
from contextlib import contextmanager
from sys import intern

from scaler.domain.decision import Decision, Phase, Verdict
from scaler.domain.readings import BySignal, Observation, Signal
from scaler.domain.state import NEVER_SEEN, State
from scaler.engine.history import History
from scaler.engine.plan import Plan
from scaler.engine.views import Hold
from scaler.engine.workload import Caller, MetadataError, OverloadedError
from scaler.settings.metadata import KEDAS_OWN
from scaler.sources.questions import Question


class Workload:
    """
    One trigger of one ScaledObject. Times are the loop's.

    Attributes:
        plan: what its metadata means under the present configuration; a MetadataError if nothing any more.
        shadow: the same trigger under a policy that is only watched, if there is one.
        asked_at: since when readings of its questions are awaited: it was taken in, or its plan was made anew.
        observations: what is held of each signal.
        decision: the last one, None until the first full set of readings is in, or overdue.
        history: what happened to it, None as long as that is nothing.
        last_called: when it was last asked about, or its last push stream ended.
        expired: the hold that reached its bound last, and when.
    """

    __slots__ = (
        "_subscribers",
        "asked_at",
        "caller",
        "decision",
        "expired",
        "history",
        "last_called",
        "observations",
        "plan",
        "shadow",
        "state",
        "timer",
    )

    def __init__(self, caller: Caller, plan: Plan, state: State, now: float) -> None:
        self.caller = caller
        self.plan: Plan | MetadataError = plan
        self.shadow: Workload | None = None
        self.state = state
        self.observations: BySignal[Observation] = BySignal()
        self.decision: Decision | None = None
        self.history: History | None = None
        self.asked_at = now
        self.last_called = now
        self.expired: tuple[Hold, float] | None = None
        self.timer: asyncio.TimerHandle | None = None
        self._subscribers: tuple[asyncio.Event, ...] = ()

    @property
    def pods_of(self) -> str:
        """The scale target whose pods are the workload's."""
        return self.caller.name if isinstance(self.plan, MetadataError) else self.plan.workload

    @property
    def refusal(self) -> MetadataError | None:
        """Why its metadata means nothing, if it does not."""
        return self.plan if isinstance(self.plan, MetadataError) else None

    @property
    def acts(self) -> bool:
        """Whether what is decided is KEDA's answer."""
        return isinstance(self.plan, MetadataError) or self.plan.acts

    @property
    def questions(self) -> set[Question]:
        """What it asks."""
        return set() if isinstance(self.plan, MetadataError) else self.plan.questions

    @property
    def at_zero(self) -> bool:
        """Whether it sleeps, or all is read and nothing decided yet, so that its demand is to be watched closely."""
        return self.state.phase is Phase.IDLE or (self.state.phase is None and self.all_observed)

    @property
    def asleep(self) -> bool:
        """Whether it sleeps and that has been said, so that hearing the same again changes nothing."""
        return self.at_zero and self.decision is not None and self.decision.verdict is Verdict.INACTIVE

    @property
    def all_observed(self) -> bool:
        """Whether every signal that it asks for has been answered, well or not."""
        return isinstance(self.plan, Plan) and all(signal in self.observations for signal in self.plan.asks)

    @property
    def streams(self) -> int:
        """How many push streams are open on it."""
        return len(self._subscribers)

    def overdue(self, now: float) -> bool:
        """
        Tell whether it sleeps on readings that may have gone stale since: no timer watches over sleepers.
        """
        decision = self.decision
        return decision is not None and self.asleep and decision.recheck_at is not None and now >= decision.recheck_at

    @property
    def known(self) -> dict[str, object]:
        """What is remembered for its policy, and for the one that is only watched, by their names."""
        each = (self.shadow, self)
        return {it.plan.policy.name: it.state.kind for it in each if it is not None and isinstance(it.plan, Plan)}

    def handed_on(self, plan: Plan) -> State:
        """
        Return what a plan beside its own begins with: nothing is open, unless that asks all that this one asks.
        """
        state = self.state.handed_on()
        return state if self.questions <= plan.questions else state.interrupted(plan.policy.params)

    def change(self, after: Plan, known: Mapping[str, object]) -> None:
        """
        Go on under another plan; if that is another policy's of which something is known already, with that.
        """
        before, named = self.questions, "" if isinstance(self.plan, MetadataError) else self.plan.policy.name
        policy, self.plan = after.policy, after
        another = policy.name != named and policy.name in known
        if another:
            self.state = self.state.having(kind=known[policy.name])
        if another or before - self.questions:
            self.state = self.state.interrupted(policy.params)
        self.keep({signal for signal, ask in after.asks.items() if ask.question in before})

    def keep(self, signals: Container[Signal]) -> None:
        """
        Forget what is held of all other signals; unless it is active, nothing is decided then until they are read.
        """
        self.observations = BySignal({signal: held for signal, held in self.observations.items() if signal in signals})
        if not self.all_observed and self.decision is not None and self.decision.verdict is not Verdict.ACTIVE:
            self.decision = None

    def refuse(self, error: MetadataError) -> None:
        """
        Take note that its metadata means nothing any more; its state stays for when it does again, but nothing is open.
        """
        if isinstance(self.plan, Plan):
            self.state = self.state.interrupted(self.plan.policy.params)
        self.plan = error
        self.observations = BySignal()
        self.decision = None
        self.cancel_timer()
        self.tell()

    def cancel_timer(self) -> None:
        """
        Decide at no certain time again.
        """
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None

    @contextmanager
    def subscription(self) -> Iterator[asyncio.Event]:
        """
        Give an event that is set whenever the decision changes. Several changes in a row are one.
        """
        changed = asyncio.Event()
        self._subscribers += (changed,)
        try:
            yield changed
        finally:
            self._subscribers = tuple(each for each in self._subscribers if each is not changed)

    def tell(self) -> None:
        """
        Wake everybody who waits for a change.
        """
        for changed in self._subscribers:
            changed.set()


class Roster:
    """
    Workloads by the ScaledObject that calls, bounded in number.

    A ScaledObject may call with several metadata: it has several triggers, or its trigger was edited. Each is one
    workload; a new one begins with what keeps the one that called last awake, so that an edit loses no timers.
    """

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self._workloads: dict[tuple[str, str], tuple[Workload, ...]] = {}
        self._size = 0

    def __iter__(self) -> Iterator[Workload]:
        """
        Go through all workloads; the roster may change meanwhile.
        """
        return iter([workload for same in self._workloads.values() for workload in same])

    def __len__(self) -> int:
        """
        Count the workloads.
        """
        return self._size

    def find(self, caller: Caller) -> Workload | None:
        """
        Return the workload of exactly this caller.
        """
        for workload in self._workloads.get((caller.namespace, caller.name), ()):
            if workload.caller.metadata == caller.metadata:
                return workload
        return None

    def named(self, namespace: str, name: str) -> list[Workload]:
        """
        Return all workloads of one ScaledObject.
        """
        return list(self._workloads.get((namespace, name), ()))

    def number(self, workload: Workload) -> int:
        """
        Tell which of its ScaledObject's triggers a workload is, from 0, as the metrics count them.
        """
        same = self._workloads.get((workload.caller.namespace, workload.caller.name), ())
        return next((number for number, each in enumerate(same) if each.caller is workload.caller), 0)

    def add(self, caller: Caller, plan: Plan, now: float) -> Workload:
        """
        Take in a caller that is not here yet.

        Raises:
            OverloadedError: the roster is full.
        """
        if self._size >= self.capacity:
            raise OverloadedError(
                f"{self._size} workloads are watched already, which is limits.workloads; raise it, or wait until some "
                f"that call no more are forgotten"
            )
        caller = _kept(caller)
        same = self._workloads.get((caller.namespace, caller.name), ())
        last = max(same, key=lambda workload: workload.last_called, default=None)
        workload = Workload(caller, plan, NEVER_SEEN if last is None else last.handed_on(plan), now)
        self._workloads[caller.namespace, caller.name] = (*same, workload)
        self._size += 1
        return workload

    def remove(self, workload: Workload) -> None:
        """
        Forget a workload.
        """
        key = (workload.caller.namespace, workload.caller.name)
        self._workloads[key] = tuple(each for each in self._workloads[key] if each is not workload)
        if not self._workloads[key]:
            del self._workloads[key]
        self._size -= 1


def _kept(caller: Caller) -> Caller:
    """
    Return a caller to be held for long: the words that all of them use are held once.
    """
    metadata = {intern(key): intern(text) if key in KEDAS_OWN else text for key, text in caller.metadata.items()}
    return Caller(intern(caller.namespace), caller.name, metadata)
