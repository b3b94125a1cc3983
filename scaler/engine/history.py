"""
The history of a workload: its decisions and readings of the last hours, in bounded memory.

Nothing is kept of a workload before it changes for the first time, and a reading that stays the same costs nothing: so
ten thousand workloads that sleep have no history at all.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from math import ceil

from scaler.domain.decision import Decision, Phase, Reason, Verdict
from scaler.domain.readings import Absent, GpuUse, Known, Signal, Unknown
from scaler.domain.replicas import level
from scaler.engine.views import Change, Sample

_FINE_STEP = 1.0
_FINE_ROWS = 240
_COARSE_ROWS = 720
_CHANGES = 128
_TEXT = 16 * 2**10
_LONGEST_SENTENCE = 400  # characters; what tenants and foreign systems wrote is bounded before, this is the last bound

_SIGNALS = tuple(Signal)
_WIDTH = len(_SIGNALS) + 1  # a number for each signal, and the wanted replicas
_NONE, _ABSENT, _UNKNOWN = -3.0, -2.0, -1.0  # in place of a number; of several within a step, the highest stays
_VERDICTS, _PHASES, _REASONS = tuple(Verdict), tuple(Phase), tuple(Reason)
_NO_PHASE = 255
_SLEEPING = frozenset({None, Phase.IDLE})

Row = tuple[float, ...]


class _Rows:
    """
    Numbers at equal steps of time, the highest of each step; a step that says the same as the one before is left out.
    """

    __slots__ = ("_latest", "_most", "_numbers", "_step", "_steps")

    def __init__(self) -> None:
        self._steps = array("I")
        self._numbers = array("f")
        self._step = 0  # the step that is not over: its highest numbers, and the latest
        self._most = self._latest = array("f")

    def full(self, room: int) -> bool:
        """
        Tell whether the oldest rows go with one of the next.
        """
        return len(self._steps) >= room + room // 8 - 1  # a note may add two

    def note(self, step: int, numbers: Iterable[float], room: int) -> None:
        """
        Note what holds from a step on. There is room for so many rows, and some more: the oldest go several at a time.
        """
        latest = array("f", numbers)
        if self._most and step <= self._step:
            self._most = array("f", map(max, self._most, latest))
        else:
            for row in self._ended(step):
                self._append(*row)
            self._step, self._most = step, latest
        self._latest = latest
        if len(self._steps) > room + room // 8:
            self._cut(len(self._steps) - room)

    def forget_before(self, step: int) -> None:
        """
        Forget what is over; the row that holds at that step stays.
        """
        over = bisect_right(self._steps, step) - 1
        if over > len(self._steps) // 8:
            self._cut(over)

    def rows(self) -> Iterator[tuple[int, Sequence[float]]]:
        """
        Go through the rows: each holds from its step until the next one's.
        """
        for row, step in enumerate(self._steps):
            yield step, self._numbers[row * _WIDTH : (row + 1) * _WIDTH]
        yield from self._ended(self._step + 2)

    def _ended(self, step: int) -> Iterator[tuple[int, array[float]]]:
        """
        Say what is left of the last step once another begins: its highest, and what followed where that was less.
        """
        if self._most and self._most != self._numbers[-_WIDTH:]:
            yield self._step, self._most
        if self._latest != self._most and self._step + 1 < step:
            yield self._step + 1, self._latest

    def _append(self, step: int, numbers: array[float]) -> None:
        self._steps.append(step)
        self._numbers.extend(numbers)

    def _cut(self, rows: int) -> None:
        del self._steps[:rows]
        del self._numbers[: rows * _WIDTH]


@dataclass(slots=True)
class _Changes:
    """
    Decisions, packed: times, words by their number, and all sentences in one text.
    """

    times: array[float] = field(default_factory=lambda: array("d"))
    words: bytearray = field(default_factory=bytearray)
    replicas: array[int] = field(default_factory=lambda: array("I"))
    lengths: array[int] = field(default_factory=lambda: array("H"))
    text: bytearray = field(default_factory=bytearray)

    def note(self, at: float, decision: Decision, share: float) -> None:
        """
        Add a decision.
        """
        sentence = decision.sentence[:_LONGEST_SENTENCE].encode("utf-8", "replace")
        phase = _NO_PHASE if decision.phase is None else _PHASES.index(decision.phase)
        self.times.append(at)
        self.words += bytes((_VERDICTS.index(decision.verdict), phase, _REASONS.index(decision.reason)))
        self.replicas.append(decision.replicas)
        self.lengths.append(len(sentence))
        self.text += sentence
        while len(self.times) > max(2, _CHANGES * share) or len(self.text) > _TEXT * share + _LONGEST_SENTENCE:
            self.drop()

    def drop(self) -> None:
        """
        Forget the oldest decision.
        """
        del self.text[: self.lengths[0]]
        del self.times[:1], self.words[:3], self.replicas[:1], self.lengths[:1]

    def all(self) -> Iterator[Change]:
        """
        Go through them, the oldest first.
        """
        begin = 0
        for place, (at, replicas, length) in enumerate(zip(self.times, self.replicas, self.lengths, strict=True)):
            verdict, phase, reason = self.words[place * 3 : place * 3 + 3]
            yield Change(
                at=at,
                verdict=_VERDICTS[verdict],
                phase=None if phase == _NO_PHASE else _PHASES[phase],
                replicas=replicas,
                reason=_REASONS[reason],
                sentence=self.text[begin : begin + length].decode("utf-8", "replace"),
            )
            begin += length


class History:
    """
    What happened to one workload. The newest minutes are kept by the second, the rest in coarser steps.
    """

    __slots__ = ("_changes", "_coarse", "_fine", "_step")

    def __init__(self, first: Decision, step: float) -> None:
        self._step = step
        self._fine = _Rows()
        self._coarse: _Rows | None = None  # as long as nothing of the fine rows had to go
        self._changes = _Changes()
        self._changes.note(first.since, first, 1.0)
        self.sampled(first, 1.0)

    def changed(self, decision: Decision, share: float) -> None:
        """
        Note a decision that differs from the one before.
        """
        self._changes.note(decision.at, decision, share)

    def sampled(self, decision: Decision, share: float) -> None:
        """
        Note the readings behind a decision.
        """
        row, room = _row(decision), ceil(_FINE_ROWS * share)
        if self._coarse is None and self._fine.full(room):
            self._coarse = _Rows()
            for at, numbers in self._fine.rows():
                self._coarse.note(int(at * _FINE_STEP / self._step), numbers, _COARSE_ROWS)
        self._fine.note(int(decision.at / _FINE_STEP), row, room)
        if self._coarse is not None:
            self._coarse.note(int(decision.at / self._step), row, ceil(_COARSE_ROWS * share))

    def forget_before(self, time: float) -> None:
        """
        Forget what is over; what still holds at that time stays.
        """
        self._fine.forget_before(int(time / _FINE_STEP))
        if self._coarse is not None:
            self._coarse.forget_before(int(time / self._step))
        times = self._changes.times
        while len(times) > 1 and times[1] < time:
            self._changes.drop()

    def changes(self) -> tuple[Change, ...]:
        """
        Return the decisions, the oldest first.
        """
        return tuple(self._changes.all())

    def samples(self) -> tuple[Sample, ...]:
        """
        Return the readings, the oldest first: each holds until the next one.
        """
        fine = [_sample(at * _FINE_STEP, row) for at, row in self._fine.rows()]
        coarse = () if self._coarse is None else self._coarse.rows()
        before = (_sample(at * self._step, row) for at, row in coarse)
        return (*(sample for sample in before if sample.at < fine[0].at), *fine)


class Archive:
    """
    The histories of all workloads: how far back they go, and what they may take together.

    Args:
        seconds: how far back; 0 keeps nothing.
        budget: bytes that all of them may take: where they are many, each is shorter.
    """

    def __init__(self, seconds: float = 6 * 3600.0, budget: int = 64 * 2**20) -> None:
        self.seconds = seconds
        self.step = max(_FINE_STEP, seconds / _COARSE_ROWS)
        self._budget = budget
        self._histories = 0

    def __len__(self) -> int:
        """
        Count the histories.
        """
        return self._histories

    def note(
        self, history: History | None, before: Decision | None, after: Decision, *, changed: bool
    ) -> History | None:
        """
        Note a decision; return the workload's history, None as long as it needs none.
        """
        if before is None or not self.seconds:
            return history
        if history is None:
            if after.phase in _SLEEPING and (not changed or before.phase is None):
                return None  # who sleeps, and was only not known yet before, has no past that people look for
            history = History(before, self.step)
            self._histories += 1
        share = min(1.0, self._budget / (FULL * self._histories))
        if changed:
            history.changed(after, share)
        history.sampled(after, share)
        history.forget_before(after.at - self.seconds)
        return history

    def forget(self, history: History | None) -> None:
        """
        Count a history no more.
        """
        self._histories -= history is not None


def _row(decision: Decision) -> Row:
    numbers = dict.fromkeys(_SIGNALS, _NONE)
    for want in decision.wants:
        match want.reading:
            case Known(value=value):
                numbers[want.signal] = value.total if isinstance(value, GpuUse) else level(value)
            case Absent():
                numbers[want.signal] = _ABSENT
            case Unknown():
                numbers[want.signal] = _UNKNOWN
    return (*numbers.values(), float(decision.replicas))


def _sample(at: float, row: Sequence[float]) -> Sample:
    read = dict(zip(_SIGNALS, row, strict=False))
    return Sample(
        at=at,
        values={signal: max(number, 0.0) for signal, number in read.items() if number >= 0 or number == _ABSENT},
        unknown=frozenset(signal for signal, number in read.items() if number == _UNKNOWN),
        replicas=int(row[-1]),
    )


FULL = 48 * 2**10
"""Bytes that the longest history takes."""
