"""
The door between the engine and a source: whatever comes out of it is an answer or a SourceError.
"""

from __future__ import annotations

import asyncio
import logging
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from scaler.domain.wording import duration
from scaler.sources.base import Answers, Source, SourceError
from scaler.sources.questions import Question

_log = logging.getLogger(__name__)


class Door:
    """
    Reads a source within a deadline, and turns the mistakes of its code into trouble with the connection.
    """

    def __init__(self, connection: str, source: Source, timeout: float) -> None:
        self._connection = connection
        self._source = source
        self._timeout = timeout
        self._mistakes: set[tuple[str, str, int]] = set()  # bounded by the lines of code there are

    async def read(self, questions: Sequence[Question]) -> Answers:
        """
        Return the answers to all *questions*; one that the source forgot is trouble with that question.

        Raises:
            SourceError: if the source raised it, did not answer in time, or made a mistake.
        """
        forgotten = SourceError(f"no answer to this question from connection {self._connection}")
        try:
            async with asyncio.timeout(self._timeout):
                with self.translated():
                    answers = await self._source.read(questions)
                    if len(answers) == len(questions):
                        return answers
                    return {question: answers.get(question, forgotten) for question in questions}
        except TimeoutError as error:
            limit = duration(self._timeout)
            raise SourceError(f"no answer within {limit} from connection {self._connection}") from error

    @contextmanager
    def translated(self) -> Iterator[None]:
        """
        Let only SourceErrors and real cancellations pass.

        A cancellation that nobody asked for is a mistake too: it would end the engine's task without a word.

        Raises:
            SourceError: for every other exception.
        """
        try:
            yield
        except SourceError:
            raise
        except asyncio.CancelledError as error:
            if cancelled():
                raise
            raise self._mistake(error) from error
        except Exception as error:
            raise self._mistake(error) from error

    def _mistake(self, error: BaseException) -> SourceError:
        """
        Log where a mistake was made, once for each place, and return the trouble that it is for people.

        Its message stays out of the log: unlike a SourceError's it may hold a secret.
        """
        frames = traceback.extract_tb(error.__traceback__)
        place = (type(error).__name__, frames[-1].filename, frames[-1].lineno or 0)
        if place not in self._mistakes:
            self._mistakes.add(place)
            where = "".join(traceback.format_list(frames))
            named = {"connection": self._connection}
            _log.error("internal error reading connection %s: %s\n%s", self._connection, place[0], where, extra=named)
        return SourceError(f"internal error reading connection {self._connection}; see the log")


def cancelled() -> bool:
    """
    Tell whether somebody wants the current task to end.
    """
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
