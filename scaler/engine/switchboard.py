"""
The switchboard: one source and one poller a connection, and questions put through to the right one.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from scaler.engine.cadence import Cadence, Timing
from scaler.engine.poller import Poller
from scaler.settings.connections import AnyConnection
from scaler.settings.document import Document
from scaler.sources.base import Answers, Source
from scaler.sources.questions import Question

_log = logging.getLogger(__name__)

Connect = Callable[[str, AnyConnection], Source]
"""Makes the source of a connection, by its name and its settings."""


@dataclass(frozen=True, slots=True)
class Line:
    """
    One connection at work.
    """

    settings: AnyConnection
    timing: Timing
    source: Source
    poller: Poller
    task: asyncio.Task[None]


class Switchboard:
    """
    All connections that the configuration names.
    """

    def __init__(self, connect: Connect, deliver: Callable[[Answers, float], None], rng: random.Random) -> None:
        self.lines: dict[str, Line] = {}
        self._connect = connect
        self._deliver = deliver
        self._rng = rng

    def configure(self, document: Document, tasks: asyncio.TaskGroup) -> None:
        """
        Open what is new, replace what is no longer the same, close what is gone. Questions must be asked anew then.
        """
        for name in list(self.lines):
            settings = document.connections.get(name)
            line = self.lines[name]
            if settings != line.settings or _timing(document, line.settings) != line.timing:
                self._hang_up(name, tasks)
        for name, settings in document.connections.items():
            if name not in self.lines:
                self._open(name, settings, _timing(document, settings), tasks)

    def ask(self, question: Question, *, close: bool) -> None:
        """
        Ask a question from now on, closely or not; asked already, only that changes. What is gone is asked nothing.
        """
        if question.connection in self.lines:
            self.lines[question.connection].poller.ask(question, Cadence.CLOSE if close else Cadence.REGULAR)

    def drop(self, question: Question) -> None:
        """
        Ask a question no more.
        """
        if question.connection in self.lines:
            self.lines[question.connection].poller.drop(question)

    def look_now(self, questions: Iterable[Question]) -> None:
        """
        Ask at once, together with whatever else is asked at this moment.
        """
        for question in questions:
            self.lines[question.connection].poller.look_now([question])

    def how(self, question: Question) -> str:
        """
        Say how a question is watched, in words.
        """
        return self.lines[question.connection].poller.how(question)

    def close(self, tasks: asyncio.TaskGroup) -> None:
        """
        End everything.
        """
        for name in list(self.lines):
            self._hang_up(name, tasks)

    def _open(self, name: str, settings: AnyConnection, timing: Timing, tasks: asyncio.TaskGroup) -> None:
        source = self._connect(name, settings)
        poller = Poller(name, source, timing, self._deliver, self._rng)
        self.lines[name] = Line(settings, timing, source, poller, tasks.create_task(poller.run()))

    def _hang_up(self, name: str, tasks: asyncio.TaskGroup) -> None:
        line = self.lines.pop(name)
        line.task.cancel()
        tasks.create_task(_close(name, line))


async def _close(name: str, line: Line) -> None:
    """
    Close a source once its poller has ended; trouble on the way out is only worth a line in the log.
    """
    await asyncio.wait([line.task])
    try:
        await line.source.aclose()
    except Exception as error:  # noqa: BLE001 - it is being thrown away, and must not take the others along
        # Of a foreign error only its kind: its message may hold what it was given.
        kind = type(error).__name__
        _log.warning("connection %s did not close cleanly: %s", name, kind, extra={"connection": name})


def _timing(document: Document, settings: AnyConnection) -> Timing:
    defaults = document.defaults
    return Timing(
        interval=settings.interval or defaults.interval,
        timeout=settings.timeout,
        safety_net=defaults.safetyNet,
        watch_interval=defaults.watchInterval,
    )
