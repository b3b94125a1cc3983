"""
The ledger: which questions are asked for whom, and what the answers mean to each of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import product

from scaler.domain.pods import Fleet
from scaler.domain.readings import (
    DEMAND,
    NOTHING_SEEN,
    Absent,
    Known,
    Observation,
    QueueDepth,
    RequestRate,
    Signal,
    Unknown,
)
from scaler.engine.plan import Plan
from scaler.engine.roster import Workload
from scaler.sources.base import Answer, Answers, NoSeries, SourceError
from scaler.sources.questions import Question


@dataclass(frozen=True, slots=True)
class Asking:
    """
    What a workload asks a question for: one of its signals; and whether it does so as one of the sleepers.
    """

    signal: Signal
    sleeps: bool


_ASKINGS = {(signal, sleeps): Asking(signal, sleeps) for signal, sleeps in product(Signal, (False, True))}


class Askers:
    """
    Who asks a question, and what for. Nearly all questions have one asker, so the first is held without a dict.
    """

    __slots__ = ("_asking", "_first", "_others")

    def __init__(self) -> None:
        self._first: Workload | None = None
        self._asking = _ASKINGS[Signal.QUEUE, False]
        self._others: dict[Workload, Asking] | None = None

    def __bool__(self) -> bool:
        """
        Tell whether there is anybody.
        """
        return self._first is not None or bool(self._others)

    def __contains__(self, workload: Workload) -> bool:
        """
        Tell whether a workload asks.
        """
        return workload is self._first or (self._others is not None and workload in self._others)

    def __getitem__(self, workload: Workload) -> Asking:
        """
        Return what a workload asks for.
        """
        return self._asking if workload is self._first else (self._others or {})[workload]

    def __setitem__(self, workload: Workload, asking: Asking) -> None:
        if workload is self._first or not self:
            self._first, self._asking = workload, asking
            return
        if self._others is None:
            self._others = {}
        self._others[workload] = asking

    def pop(self, workload: Workload) -> Asking:
        """
        Remove a workload, and return what it asked for.
        """
        asking = self[workload]
        if workload is self._first:
            self._first = None
        elif self._others is not None:
            del self._others[workload]
        return asking

    def items(self) -> Sequence[tuple[Workload, Asking]]:
        """
        Return them all, as a copy.
        """
        first = [] if self._first is None else [(self._first, self._asking)]
        return [*first, *self._others.items()] if self._others else first


@dataclass(slots=True)
class Entry:
    """
    One question: who asks it, how many of them sleep and wait for it, and the newest answers.

    Attributes:
        good: the last answer that was one; `good_at`: its time.
        trouble: the trouble that came after it; `trouble_at`: its time.
    """

    askers: Askers = field(default_factory=Askers)
    sleepers: int = 0
    good: Answer | None = None
    good_at: float = 0.0
    trouble: SourceError | None = None
    trouble_at: float = 0.0


class Ledger:
    """
    Questions and their askers. Equal questions are one entry, however many workloads ask.
    """

    def __init__(self) -> None:
        self._entries: dict[Question, Entry] = {}

    def __len__(self) -> int:
        """
        Count the distinct questions.
        """
        return len(self._entries)

    def __contains__(self, question: Question) -> bool:
        """
        Tell whether anybody asks it.
        """
        return question in self._entries

    def join(self, workload: Workload, plan: Plan) -> list[tuple[Question, bool]]:
        """
        Ask everything that a plan asks, for a workload; what is known already is noted for it.

        Return every question, and whether a sleeper waits for it.
        """
        asked = []
        for signal, ask in plan.asks.items():
            entry = self._entries.get(ask.question)
            if entry is None:
                entry = self._entries[ask.question] = Entry()
            if workload not in entry.askers:
                entry.askers[workload] = _ASKINGS[signal, False]
            if entry.good is not None:
                note(workload, signal, entry.good, entry.good_at)
            if entry.trouble is not None:
                note(workload, signal, entry.trouble, entry.trouble_at)
            asked.append((ask.question, bool(entry.sleepers)))
        return asked

    def leave(self, workload: Workload, questions: Iterable[Question]) -> tuple[list[Question], list[Question]]:
        """
        Ask questions no more for a workload; return those that nobody asks now, and those no sleeper waits for now.
        """
        orphans, relaxed = [], []
        for question in questions:
            entry = self._entries[question]
            slept = entry.askers.pop(workload).sleeps
            entry.sleepers -= slept
            if not entry.askers:
                del self._entries[question]
                orphans.append(question)
            elif slept and not entry.sleepers:
                relaxed.append(question)
        return orphans, relaxed

    def mark(self, workload: Workload, plan: Plan) -> list[tuple[Question, bool]]:
        """
        Note whether a workload sleeps; return the demand questions whose watching changes thereby, and to what.
        """
        changes = []
        for signal, ask in plan.asks.items():
            if signal not in DEMAND:
                continue
            entry = self._entries[ask.question]
            if entry.askers[workload].sleeps is workload.at_zero:
                continue
            entry.askers[workload] = _ASKINGS[signal, workload.at_zero]
            entry.sleepers += 1 if workload.at_zero else -1
            if entry.sleepers == (1 if workload.at_zero else 0):
                changes.append((ask.question, workload.at_zero))
        return changes

    def record(self, answers: Answers, at: float) -> Iterator[tuple[Workload, bool]]:
        """
        Note answers sampled *at*; yield every workload they concern, and whether they say anything new to it.

        An answer older than the one held is dropped: a slow read never overwrites a fresh announcement.
        """
        for question, answer in answers.items():
            entry = self._entries.get(question)
            if entry is None or (entry.good is not None and at < entry.good_at):
                continue
            if isinstance(answer, SourceError):
                if entry.trouble is None:
                    entry.trouble_at = at
                entry.trouble, at_or_since = answer, entry.trouble_at
            else:
                entry.good, entry.good_at, entry.trouble, at_or_since = answer, at, None, at
            for workload, asking in entry.askers.items():
                yield workload, note(workload, asking.signal, answer, at_or_since)


def note(workload: Workload, signal: Signal, answer: Answer, at: float) -> bool:
    """
    Note what an answer means to one workload; return whether it says anything but the same again.
    """
    before = workload.observations.get(signal, NOTHING_SEEN)
    after = _observation(before, answer, at, workload)
    workload.observations[signal] = after
    if after.trouble is not None or before.trouble is not None:
        return after.trouble != before.trouble
    match before.good, after.good:
        case Known(old), Known(new):
            return old != new
        case Absent(), Absent():
            return False
    return True


def _observation(before: Observation, answer: Answer, at: float, workload: Workload) -> Observation:
    """
    Turn an answer into what is held of a signal: trouble leaves the last good sample standing.
    """
    match answer:
        case SourceError():
            return Observation(before.good, Unknown(str(answer), at))
        case NoSeries():
            return _sampled(None, at)
        case Fleet():
            return _own_pods(before, answer, at, workload)
        case _:
            return _sampled(answer, at)


@lru_cache(maxsize=100)
def _sampled(value: QueueDepth | RequestRate | None, at: float) -> Observation:
    """
    Return what is held of a sample, one and the same for all who are told the same at once: most queues are empty.
    """
    return Observation(Absent(at) if value is None else Known(value, at))


def _own_pods(before: Observation, fleet: Fleet, at: float, workload: Workload) -> Observation:
    """
    Pick a workload's own pods out of all that have GPUs.
    """
    use = fleet.of(workload.caller.namespace, workload.pods_of)
    if use is None:
        return Observation(Absent(at))
    if isinstance(use, str):
        since = before.trouble.since if before.trouble is not None and before.trouble.cause == use else at
        return Observation(before.good, Unknown(use, since))
    return Observation(Known(use, at))
