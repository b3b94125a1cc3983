"""
The contract of a source: questions go in, answers come out, trouble is a value with a cause.

A source is one *connection*. The engine owns the time: it says when to read, bounds every read with a deadline,
backs off, and remembers the last good answer. A source opens connections lazily, keeps them, and reopens them.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from scaler.domain.pods import Fleet
from scaler.domain.readings import QueueDepth, RequestRate
from scaler.sources.questions import Question


class SourceError(Exception):
    """
    A source could not answer; the message is one sentence that an operator can act on.

    It names the connection's host or the key or the query, never a credential. The foreign exception is its cause.
    """


class WatchRefusedError(SourceError):
    """
    The server will not announce changes (access rules, a proxy, an old version): poll instead.
    """


@dataclass(frozen=True, slots=True)
class NoSeries:
    """
    The system answered, and it has no series for the question.
    """


NO_SERIES = NoSeries()

Answer = QueueDepth | RequestRate | Fleet | NoSeries | SourceError
Answers = Mapping[Question, Answer]


ALL_TOGETHER = sys.maxsize
"""The portion of a source that answers any number of questions by asking once."""


class Source(Protocol):
    """
    An adapter to one system, reached through one connection.
    """

    portion: int
    """How many questions one read should have at most; more of them are several reads, one after the other."""

    close_interval: float
    """Seconds between two reads at most, while the demand of a workload at zero is watched closely."""

    async def read(self, questions: Sequence[Question]) -> Answers:
        """
        Answer all *questions* together, in as few round trips as the system allows.

        Every question gets an answer; trouble with one of them is its SourceError, among the answers.

        Raises:
            SourceError: if nothing could be asked at all (the system is down, the credentials are refused).
        """
        ...

    def watcher(self) -> Watcher | None:
        """
        Return a new watcher, if the system can announce changes by itself.
        """
        ...

    async def probe(self) -> str:
        """
        Reach the system once and say in one sentence what was found ("Redis 7.0.15, standalone, tracking allowed").

        Raises:
            SourceError: if it could not be reached.
        """
        ...

    async def aclose(self) -> None:
        """
        Close every connection; the source can be used no more.
        """
        ...


class Watcher(Protocol):
    """
    Announces changes of the questions it was given, without polling.
    """

    def set_questions(self, questions: Iterable[Question]) -> None:
        """
        Replace what is watched; cheap, may be called at any time, takes effect at once while running.
        """
        ...

    async def run(self, deliver: Callable[[Answers], None]) -> None:
        """
        Watch until cancelled: deliver the present answers first, then again each time one was announced to change.

        Raises:
            WatchRefusedError: the server will not announce changes.
            SourceError: the connection broke; run again later.
        """
        ...
