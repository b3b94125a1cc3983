"""
Our scaler, as its engine works for one workload: when it reads, when it decides, and what it tells KEDA.

The decision itself is the scaler's own: `scaler.domain.decide`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import floor
from random import Random

from loadgen.simulation.agenda import Agenda
from loadgen.simulation.keda import Answer
from loadgen.simulation.pushes import Pushes
from loadgen.simulation.readers import Readers, noted
from loadgen.simulation.scaling import Ours
from scaler.domain.decide import decide
from scaler.domain.decision import Decision, Phase, Verdict
from scaler.domain.readings import Observation, Signal
from scaler.domain.state import NEVER_SEEN, State

_SOONEST_RECHECK = 0.01


@dataclass(frozen=True, slots=True)
class Line:
    """
    Where pushes go, and who hears that the stream broke.
    """

    pushed: Callable[[], None]
    broke: Callable[[], None]


class OurTrigger:
    """
    One external-push trigger, answered by our scaler from memory.

    Attributes:
        line: to KEDA.
        decision: the last one; None until the first full set of readings is in.
    """

    line: Line

    def __init__(self, scaling: Ours, readers: Readers, agenda: Agenda) -> None:
        self.decision: Decision | None = None
        self._policy, self._reading = scaling.policy, scaling.reading
        self._readers, self._agenda = readers, agenda
        self._observations: dict[Signal, Observation] = {}
        self._state: State = NEVER_SEEN
        self._up = True
        self._shifts = dict.fromkeys(scaling.policy.rules, 0.0)
        self._rhythm = 0
        self._close = False
        self._looking = False
        self._timer: float | None = None
        self._stream: Pushes | None = None

    def begin(self, rng: Random | None) -> None:
        """
        Read everything, and go on reading in a rhythm that is drawn for each source.
        """
        if rng is not None:
            self._shifts = {signal: rng.random() for signal in self._shifts}
        self._agenda.at(0.0, self._start)

    def ask(self) -> Sequence[Answer | None]:
        """
        Return what the decision says; None while nothing can be said.
        """
        decision, now = self.decision, self._agenda.now
        if not self._up:
            return [None]
        if decision is not None and self._asleep and decision.recheck_at is not None and now >= decision.recheck_at:
            self._decide()
            decision = self.decision
        if decision is None or decision.verdict is Verdict.UNKNOWN:
            return [None]
        return [Answer(decision.verdict is Verdict.ACTIVE, float(decision.replicas), 1.0)]

    def open_stream(self) -> bool:
        """
        Open the push stream, and say at once how things are.
        """
        if not self._up:
            return False
        self._stream = Pushes()
        self._push()
        return True

    def close_stream(self) -> None:
        """
        KEDA hangs up.
        """
        self._stream = None

    def queue_changed(self) -> None:
        """
        Hear, or soon see, that the queue has changed, while the workload is at zero.
        """
        if self._close and not self._looking and Signal.QUEUE in self._shifts:
            self._looking = True
            watch, now = self._reading.watch, self._agenda.now
            seen_at = _after(now, watch, self._shifts[Signal.QUEUE]) if watch else now
            self._agenda.at(seen_at + self._reading.latency, self._look)

    def scraped(self) -> None:
        """
        Prometheus has collected, which is soon seen while the workload is at zero.
        """
        if self._close and Signal.REQUESTS in self._shifts:
            self._agenda.at(self._agenda.now + self._reading.latency, self._read, Signal.REQUESTS)

    def stop(self) -> None:
        """
        Go away, and forget everything.
        """
        self._up, self._close = False, False
        self._rhythm += 1
        self._observations, self._state, self.decision = {}, NEVER_SEEN, None
        self._timer = self._stream = None
        self.line.broke()

    def start(self) -> None:
        """
        Come back.
        """
        self._up = True
        self._start()

    @property
    def _asleep(self) -> bool:
        return (
            self._state.phase is Phase.IDLE and self.decision is not None and self.decision.verdict is Verdict.INACTIVE
        )

    def _start(self) -> None:
        # The rhythm comes first: what is read may change it.
        for signal in self._shifts:
            self._read_next(signal, self._rhythm)
        for signal in self._shifts:
            self._read(signal)

    def _read_next(self, signal: Signal, rhythm: int) -> None:
        announced = self._close and signal is Signal.QUEUE
        period = self._reading.safety_net if announced else self._reading.interval
        self._agenda.at(_after(self._agenda.now, period, self._shifts[signal]), self._read_in_turn, signal, rhythm)

    def _read_in_turn(self, signal: Signal, rhythm: int) -> None:
        if rhythm == self._rhythm:
            self._read(signal)
            if rhythm == self._rhythm:
                self._read_next(signal, rhythm)

    def _look(self) -> None:
        self._looking = False
        if self._up:
            self._read(Signal.QUEUE)

    def _read(self, signal: Signal) -> None:
        answer = self._readers.read(signal)
        if not self._up:
            return
        observation, news = noted(self._observations.get(signal), answer, self._agenda.now)
        self._observations[signal] = observation
        if len(self._observations) == len(self._shifts) and (news or not self._asleep):
            self._decide()

    def _decide(self) -> None:
        observed = self._readers.observed()
        self.decision, self._state = decide(self._policy, self._observations, self._state, self._agenda.now, observed)
        self._watch()
        if self._asleep:
            self._timer = None
        else:
            self._wake_at(self.decision.recheck_at)
        self._push()

    def _watch(self) -> None:
        """
        Read demand closely at zero, and in the regular rhythm otherwise.
        """
        close = self._state.phase is Phase.IDLE
        if close is not self._close:
            self._close = close
            self._rhythm += 1
            for signal in self._shifts:
                self._read_next(signal, self._rhythm)

    def _wake_at(self, at: float | None) -> None:
        if at is None or (self._timer is not None and self._timer <= at):
            return
        self._timer = max(at, self._agenda.now + _SOONEST_RECHECK)
        self._agenda.at(self._timer, self._recheck, self._timer)

    def _recheck(self, at: float) -> None:
        if self._timer == at:
            self._timer = None
            self._decide()

    def _push(self) -> None:
        stream, now = self._stream, self._agenda.now
        if stream is None:
            return
        before = stream.again_at
        if stream.due(self.decision, now):
            self._agenda.at(now + self._reading.push, self.line.pushed)
        if stream.again_at is not None and stream.again_at != before:
            self._agenda.at(stream.again_at, self._push_again, stream)

    def _push_again(self, stream: Pushes) -> None:
        if stream is self._stream:
            self._push()


def _after(now: float, period: float, shift: float) -> float:
    """
    Return the first point after *now* on a grid of equal periods that is shifted by a part of one.
    """
    point = (floor(now / period - shift) + 1 + shift) * period
    return point if point > now else point + period
