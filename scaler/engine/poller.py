"""
The poller: when to look at one connection.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from random import Random

from scaler.domain.wording import duration
from scaler.engine.cadence import Cadence, Timing
from scaler.engine.condition import Condition, Troubles
from scaler.engine.door import Door, cancelled
from scaler.engine.durations import Durations
from scaler.engine.lanes import AtOnce, Lane
from scaler.engine.views import WatchMode
from scaler.engine.watching import Watch, WatchState
from scaler.sources.base import Answers, Source, SourceError
from scaler.sources.questions import Question

_AT_ONCE = 500  # answers that are handed over in one go, for the same reason that large reads rest

Deliver = Callable[[Answers, float], None]
"""
Takes answers, and the loop time at which they were asked for.

Answers to a read carry the time just before the read: a sample is never older than it says. Announced answers carry
the time of their delivery. So a slow read that comes in after a later answer is known by its time, and must be
ignored. (An announcement that was overtaken by a change is put right by the next one, which that change causes.)
"""


@dataclass(frozen=True, slots=True)
class PollerStatus:
    """
    How one connection is looked at, and how well that goes. Times are loop times, spans are seconds.

    Attributes:
        mode: how changes are noticed; `watch`: the same in words ("polling every 250 ms: tracking refused (...)").
        questions: how many are asked; `close`: how many of them are watched closely; `tracked`: how many of those
            are announced by the source; `unanswered`: how many the source cannot answer while it answers others.
        reads, errors: how many ended since the start, and how many of those failed as a whole.
        skipped: regular or close reads that were left out, because the one before took longer than the interval.
        latency: how long the last read took; `lateness`: how long after its due time the latest one of the last
            reads began. None before the first. `latencies`, `latenesses`: those of all reads since the start.
        last_good: when there was an answer last; `last_error`: the last failure, kept when it is over.
        failing_since: None while the connection answers, or nobody asks; `next_try`: when it is tried again.
    """

    connection: str
    mode: WatchMode
    watch: str
    questions: int
    close: int
    tracked: int
    unanswered: int
    reads: int
    errors: int
    errors_in_a_row: int
    skipped: int
    latency: float | None
    lateness: float | None
    latencies: Durations
    latenesses: Durations
    last_good: float | None
    last_error: str | None
    failing_since: float | None
    next_try: float | None


class Poller:
    """
    Asks the questions of one connection when they are due, together, and delivers the answers.

    There are four lanes, each with one read in flight at most: first sights, close, tracked (the safety net) and
    regular questions. They are separate, because what a workload at zero waits for must not wait for a slow regular
    query, nor a first sight for either; and no more than four, so that a slow system is never flooded.

    `deliver` is called in the event loop and must not raise; it may call the poller's methods. A failed read
    delivers its SourceError for each of its questions. A poller must be made inside the running event loop.
    """

    def __init__(self, connection: str, source: Source, timing: Timing, deliver: Deliver, rng: Random) -> None:
        self.connection = connection
        self._source = source
        self._timing = timing
        self._deliver = deliver
        self._door = Door(connection, source, timing.timeout)
        self._condition = Condition(connection)
        self._troubles = Troubles(connection)
        self._wanted: dict[Question, Cadence] = {}
        self._drops = 0
        self._at_once = AtOnce()
        self._close = Lane(self._close_interval, rng)
        self._tracked = Lane(lambda: timing.safety_net, rng)
        self._regular = Lane(lambda: timing.interval, rng)
        self._lanes = (self._close, self._tracked, self._regular)
        self._watch: Watch | None = None
        if (watcher := source.watcher()) is not None:
            self._watch = Watch(
                connection, watcher, timing, self._door, rng, heard=self._heard, ended=self._watch_ended
            )

    def ask(self, question: Question, cadence: Cadence) -> None:
        """
        Ask a question from now on, or change how closely it is watched. Its first read is the next one due.
        """
        if self._wanted.get(question) is cadence:
            return
        self._wanted[question] = cadence
        if self._watch is not None:
            if cadence is Cadence.CLOSE:
                self._watch.add(question)
            else:
                self._watch.remove(question)
        self._place(question)

    def drop(self, question: Question) -> None:
        """
        Ask a question no more; an answer that is on its way is not delivered.
        """
        if self._wanted.pop(question, None) is None:
            return
        self._drops += 1
        if self._watch is not None:
            self._watch.remove(question)
        self._at_once.discard(question)
        for lane in self._lanes:
            lane.discard(question)
        self._troubles.forget(question)

    def look_now(self, questions: Iterable[Question]) -> None:
        """
        Ask wanted questions at once, besides their cadence; while the last such read failed, once a second at most.
        """
        self._at_once.add(question for question in questions if question in self._wanted)

    async def run(self) -> None:
        """
        Ask until cancelled. The source stays open: it belongs to whoever made it.
        """
        async with asyncio.TaskGroup() as tasks:
            for lane in (self._at_once, *self._lanes):
                tasks.create_task(self._serve(lane))
            if self._watch is not None:
                tasks.create_task(self._watch.run())

    def how(self, question: Question) -> str:
        """
        Say how a question is watched: "tracking", "polling every 250 ms: tracking refused (...)".
        """
        if self._wanted.get(question) is Cadence.REGULAR:
            return f"polling every {duration(self._timing.interval)}"
        if self._watch is not None and self._watch.covers(question):
            return "tracking"
        return self._polling()

    def status(self) -> PollerStatus:
        """
        Return how the connection is looked at now.
        """
        tracking = self._watch is not None and self._watch.state is WatchState.TRACKING
        return PollerStatus(
            connection=self.connection,
            mode=WatchMode.TRACKING if tracking else WatchMode.POLLING,
            watch="tracking" if tracking else self._polling(),
            questions=len(self._wanted),
            close=len(self._close.questions) + len(self._tracked.questions),
            tracked=len(self._tracked.questions),
            unanswered=len(self._troubles),
            reads=self._condition.reads,
            errors=self._condition.failures,
            errors_in_a_row=self._condition.failures_in_a_row,
            skipped=sum(lane.skipped for lane in self._lanes),
            latency=self._condition.latency,
            lateness=max((lane.lateness for lane in self._lanes if lane.lateness is not None), default=None),
            latencies=self._condition.latencies.durations(),
            latenesses=self._condition.lateness.durations(),
            last_good=self._condition.last_good,
            last_error=self._condition.last_error,
            failing_since=self._condition.failing_since if self._wanted else None,
            next_try=min((lane.due for lane in self._lanes if lane.failing and lane.due is not None), default=None),
        )

    async def _serve(self, lane: Lane | AtOnce) -> None:
        while not cancelled():
            await self._read(lane, await lane.next())

    async def _read(self, lane: Lane | AtOnce, questions: Sequence[Question]) -> None:
        """
        Read a lane's questions, as many at a time as the source likes, and rest in between for as long as that took.

        What is large must not keep KEDA's calls waiting. First sights are read without a rest: calls wait for them.
        """
        if isinstance(lane, Lane) and lane.lateness is not None:
            self._condition.lateness.note(lane.lateness)
        rest, drops = iter(questions), self._drops
        while portion := tuple(islice(rest, self._source.portion)):
            asked_at = _now()
            try:
                answers = await self._door.read(portion)
            except SourceError as error:
                self._failed(lane, error, asked_at)
                await self._tell(dict.fromkeys((*portion, *rest), error), asked_at, drops)
                return
            took = _now() - asked_at
            self._condition.ended(took)
            self._condition.good(asked_at)
            self._troubles.note(self._still_wanted(answers, drops), _now())
            await self._tell(answers, asked_at, drops)
            if len(portion) == self._source.portion:
                await asyncio.sleep(0 if lane is self._at_once else took)
        self._answered(lane)

    def _failed(self, lane: Lane | AtOnce, error: SourceError, asked_at: float) -> None:
        self._condition.ended(_now() - asked_at)
        lane.done(failed=True)
        if self._condition.failed(error, asked_at) and self._watch is not None:
            self._watch.doubt(error)

    def _answered(self, lane: Lane | AtOnce) -> None:
        """
        Note that a lane was answered; what failed while it did is tried again at once.
        """
        recovered = lane.failing
        lane.done(failed=False)
        if recovered:
            self._try_again()
        if not any(lane.failing for lane in self._lanes):
            self._condition.recovered(_now())

    async def _tell(self, answers: Answers, at: float, drops: int) -> None:
        rest = iter(answers.items())
        while part := dict(islice(rest, _AT_ONCE)):
            self._hand_over(self._still_wanted(part, drops), at)
            if len(part) == _AT_ONCE:
                await asyncio.sleep(0)

    def _try_again(self) -> None:
        for lane in self._lanes:
            if lane.failing:
                lane.hurry()

    def _heard(self, answers: Answers) -> None:
        """
        Take announced answers. The first ones cover their questions, which need no close polling from then on.
        """
        now = _now()
        self._condition.good(now)
        if self._condition.failing_since is not None:
            self._try_again()
        for question in answers:
            self._place(question)
        wanted = self._wanted_of(answers)
        self._troubles.note(wanted, now)
        self._hand_over(wanted, now)

    def _watch_ended(self) -> None:
        """
        Poll what was tracked, beginning at once: something may have changed unannounced.
        """
        left = tuple(self._tracked.questions)
        for question in left:
            self._place(question)
        if left:
            self._close.hurry()

    def _place(self, question: Question) -> None:
        """
        Put a question into the lane where it belongs now, and nowhere else.
        """
        match self._wanted.get(question):
            case None:
                return
            case Cadence.REGULAR:
                place = self._regular
            case Cadence.CLOSE if self._watch is not None and self._watch.covers(question):
                place = self._tracked
            case Cadence.CLOSE:
                place = self._close
        for lane in self._lanes:
            if lane is not place:
                lane.discard(question)
        if question not in place.questions:
            place.add(question)

    def _hand_over(self, wanted: Answers, at: float) -> None:
        if wanted:
            self._deliver(wanted, at)

    def _still_wanted(self, answers: Answers, drops: int) -> Answers:
        # Looking every question up again is worth it only if one was dropped meanwhile.
        return answers if drops == self._drops else self._wanted_of(answers)

    def _wanted_of(self, answers: Answers) -> Answers:
        return {question: answer for question, answer in answers.items() if question in self._wanted}

    def _close_interval(self) -> float:
        return max(self._timing.watch_interval, self._source.close_interval)

    def _polling(self) -> str:
        text = f"polling every {duration(self._close_interval())}"
        if self._watch is None or self._watch.cause is None:
            return text
        return f"{text}: tracking {self._watch.state.value} ({self._watch.cause})"


def _now() -> float:
    return asyncio.get_running_loop().time()
