"""
Watching what a source announces by itself, for as long as it does.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from enum import Enum
from random import Random

from scaler.engine.backoff import Backoff
from scaler.engine.cadence import Timing
from scaler.engine.door import Door, cancelled
from scaler.sources.base import Answers, SourceError, Watcher, WatchRefusedError
from scaler.sources.questions import Question

_log = logging.getLogger(__name__)

_GATHER = 0.1  # seconds for which changes of the questions are gathered, because the watcher is told all of them
_FIRST_WORD = 5  # a watcher that has said nothing after so many deadlines of a read hangs
_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 10.0  # seconds before a watch that broke is tried again
_AFTER_REFUSAL = 300.0  # seconds before a server that refused is asked again: somebody may have changed its rules


class WatchState(Enum):
    """
    What became of the watch.
    """

    STARTING = "starting"
    TRACKING = "tracking"
    BROKEN = "broken"
    REFUSED = "refused"


class Watch:
    """
    Keeps one watcher running while there are questions for it.

    A question is *covered* from the watcher's first answer to it until the watch ends: only then does the watcher's
    silence mean that nothing changed. What is not covered must be polled; so no moment is left unwatched.

    Attributes:
        state: what became of it.
        cause: why it is not tracking, where that is known.
    """

    def __init__(
        self,
        connection: str,
        watcher: Watcher,
        timing: Timing,
        door: Door,
        rng: Random,
        *,
        heard: Callable[[Answers], None],
        ended: Callable[[], None],
    ) -> None:
        self.state = WatchState.STARTING
        self.cause: SourceError | None = None
        self._connection = connection
        self._named = {"connection": connection}
        self._watcher = watcher
        self._patience = _FIRST_WORD * timing.timeout
        self._door = door
        self._backoff = Backoff(rng)
        self._heard = heard
        self._ended = ended
        self._questions: dict[Question, None] = {}
        self._covered: set[Question] = set()
        self._gone: set[Question] = set()
        self._wanted = asyncio.Event()
        self._deadline: asyncio.Timeout | None = None
        self._telling: asyncio.TimerHandle | None = None
        self._doubt: SourceError | None = None

    def add(self, question: Question) -> None:
        """
        Watch a question, soon.
        """
        self._questions[question] = None
        self._gone.discard(question)
        self._wanted.set()
        self._tell_soon()

    def remove(self, question: Question) -> None:
        """
        Watch a question no more, soon.
        """
        if question in self._questions:
            del self._questions[question]
            self._gone.add(question)
            self._tell_soon()

    def covers(self, question: Question) -> bool:
        """
        Tell whether every change of a question's answer is announced.
        """
        return question in self._questions and question in self._covered

    def doubt(self, error: SourceError) -> None:
        """
        Begin anew, because the server did not answer something else: the watch's connection may be lost unnoticed.
        """
        if self._deadline is not None and not self._deadline.expired():
            self._doubt = error
            self._deadline.reschedule(asyncio.get_running_loop().time())

    async def run(self) -> None:
        """
        Watch, and begin again whenever it ends, until cancelled.
        """
        while True:
            if not self._questions:
                self._wanted.clear()
            await self._wanted.wait()
            begun = asyncio.get_running_loop().time()
            error = await self._watch()
            if cancelled():
                return
            if isinstance(error, WatchRefusedError):
                self._turn(WatchState.REFUSED, error)
                await asyncio.sleep(_AFTER_REFUSAL)
                continue
            self._turn(WatchState.BROKEN, error)
            if asyncio.get_running_loop().time() - begun > _LONGEST_PAUSE:
                self._backoff.reset()
            await asyncio.sleep(self._backoff.delay(_FIRST_PAUSE, _LONGEST_PAUSE))

    async def _watch(self) -> SourceError:
        """
        Run the watcher once, to its end; return what ended it.
        """
        try:
            async with asyncio.timeout(self._patience) as self._deadline:
                with self._door.translated():
                    self._tell()
                    await self._watcher.run(self._hear)
            return SourceError(f"the watch on connection {self._connection} ended")
        except SourceError as error:
            return error
        except TimeoutError:
            return self._doubt or SourceError(f"connection {self._connection} announced nothing when it was watched")
        finally:
            self._deadline = self._doubt = None
            self._forget_telling()
            self._covered.clear()
            self._ended()

    def _hear(self, answers: Answers) -> None:
        """
        Take what the watcher delivers. An answer that is trouble covers nothing.
        """
        if self._deadline is None or self._deadline.expired():
            return
        if self._doubt is None:
            self._deadline.reschedule(None)
            self._turn(WatchState.TRACKING)
        for question, answer in answers.items():
            if isinstance(answer, SourceError):
                self._covered.discard(question)
            elif question in self._questions:
                self._covered.add(question)
        self._heard(answers)

    def _tell_soon(self) -> None:
        if self._deadline is not None and self._telling is None:
            self._telling = asyncio.get_running_loop().call_later(_GATHER, self._tell)

    def _tell(self) -> None:
        self._forget_telling()
        self._covered -= self._gone
        self._gone.clear()
        self._watcher.set_questions(self._questions)

    def _forget_telling(self) -> None:
        if self._telling is not None:
            self._telling.cancel()
            self._telling = None

    def _turn(self, state: WatchState, cause: SourceError | None = None) -> None:
        """
        Change the state, and say so if it is news.
        """
        news = state is not self.state
        self.state, self.cause = state, cause
        if not news:
            return
        if state is WatchState.TRACKING:
            _log.info(
                "connection %s announces changes: what idle workloads wait for is tracked",
                self._connection,
                extra=self._named,
            )
        else:
            level = logging.WARNING if state is WatchState.REFUSED else logging.INFO
            text = "connection %s: tracking %s, polling instead: %s"
            _log.log(level, text, self._connection, state.value, cause, extra=self._named)
