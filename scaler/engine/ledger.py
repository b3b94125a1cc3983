"""
The ledger: which questions are asked for whom, and what the answers mean to each of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from scaler.domain.pods import Fleet
from scaler.domain.readings import DEMAND, NOTHING_SEEN, Absent, Known, Observation, Signal, Unknown
from scaler.engine.plan import Plan
from scaler.engine.roster import Workload
from scaler.sources.base import Answer, Answers, NoSeries, SourceError
from scaler.sources.questions import Question


@dataclass(slots=True)
class Entry:
    """
    One question: who asks it, how many of them sleep and wait for it, and the newest answers.

    Attributes:
        askers: which of its signals each workload asks it for, and whether it is one of the sleepers.
        good: the last answer that was one, with its time.
        trouble: the trouble that came after it, with its time.
    """

    askers: dict[Workload, tuple[Signal, bool]] = field(default_factory=dict)
    sleepers: int = 0
    good: tuple[Answer, float] | None = None
    trouble: tuple[SourceError, float] | None = None


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
            entry.askers.setdefault(workload, (signal, False))
            for told in (entry.good, entry.trouble):
                if told is not None:
                    note(workload, signal, told[0], told[1])
            asked.append((ask.question, bool(entry.sleepers)))
        return asked

    def leave(self, workload: Workload, questions: Iterable[Question]) -> tuple[list[Question], list[Question]]:
        """
        Ask questions no more for a workload; return those that nobody asks now, and those no sleeper waits for now.
        """
        orphans, relaxed = [], []
        for question in questions:
            entry = self._entries[question]
            _, slept = entry.askers.pop(workload)
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
            _, slept = entry.askers[workload]
            if slept is workload.at_zero:
                continue
            entry.askers[workload] = (signal, workload.at_zero)
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
            if entry is None or (entry.good is not None and at < entry.good[1]):
                continue
            if isinstance(answer, SourceError):
                entry.trouble = (answer, at if entry.trouble is None else entry.trouble[1])
                at_or_since = entry.trouble[1]
            else:
                entry.good, entry.trouble = (answer, at), None
                at_or_since = at
            for workload, (signal, _) in list(entry.askers.items()):
                yield workload, note(workload, signal, answer, at_or_since)


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
            return Observation(Absent(at))
        case Fleet():
            return _own_pods(before, answer, at, workload)
        case _:
            return Observation(Known(answer, at))


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
