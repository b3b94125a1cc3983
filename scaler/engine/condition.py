"""
The condition of a connection: what was counted, what went wrong last, and one line in the log when it changes.
"""

from __future__ import annotations

import logging

from scaler.domain.wording import duration
from scaler.engine.durations import LATENESS_BOUNDS, READ_BOUNDS, Stopwatch
from scaler.sources.base import Answers, SourceError
from scaler.sources.questions import Question

_log = logging.getLogger(__name__)

_SPACING = 10.0  # seconds between two lines about single questions
_NAMED = 3  # causes in one line


class Condition:
    """
    Whether a connection answers.

    It fails from its first failed read on, until a read succeeds and no lane is failing any more.

    Attributes:
        reads: how many ended, failed ones included; `failures`: how many of them failed.
        failures_in_a_row: since the last good answer.
        latency: seconds that the last read took; `latencies`: those of all; `lateness`: by how much those began late
            that had a time to begin.
        last_good: when there was an answer last, whether asked for or announced.
        last_error: what the last failure was; kept when it is over.
        failing_since: when the first failed read began; None while the connection answers.
    """

    def __init__(self, connection: str) -> None:
        self.reads = 0
        self.failures = 0
        self.failures_in_a_row = 0
        self.latency: float | None = None
        self.latencies = Stopwatch(READ_BOUNDS)
        self.lateness = Stopwatch(LATENESS_BOUNDS)
        self.last_good: float | None = None
        self.last_error: str | None = None
        self.failing_since: float | None = None
        self._connection = connection
        self._named = {"connection": connection}

    def ended(self, latency: float) -> None:
        """
        Count a read that has ended.
        """
        self.reads += 1
        self.latency = latency
        self.latencies.note(latency)

    def failed(self, error: SourceError, at: float) -> bool:
        """
        Note a failed read that began at *at*; tell whether the connection began to fail with it.
        """
        self.failures += 1
        self.failures_in_a_row += 1
        self.last_error = str(error)
        if self.failing_since is not None:
            return False
        self.failing_since = at
        _log.warning("reading connection %s fails: %s", self._connection, error, extra=self._named)
        return True

    def good(self, at: float) -> None:
        """
        Note that there was an answer.
        """
        self.failures_in_a_row = 0
        self.last_good = at

    def recovered(self, now: float) -> None:
        """
        Note that nothing fails any more.
        """
        if self.failing_since is not None:
            lasted = duration(now - self.failing_since)
            self.failing_since = None
            _log.info("connection %s answers again after %s", self._connection, lasted, extra=self._named)


class Troubles:
    """
    Questions that a source cannot answer while it answers others.

    Changes are logged, many of them in one line, and one line in ten seconds at most.
    """

    def __init__(self, connection: str) -> None:
        self._connection = connection
        self._named = {"connection": connection}
        self._causes: dict[Question, str] = {}
        self._logged: dict[Question, str] = {}
        self._changed: set[Question] = set()
        self._quiet_until = 0.0

    def __len__(self) -> int:
        """
        Count the questions that cannot be answered now.
        """
        return len(self._causes)

    def note(self, answers: Answers, now: float) -> None:
        """
        Take note of which answers are trouble, and of which no longer are.
        """
        for question, answer in answers.items():
            if isinstance(answer, SourceError):
                cause = str(answer)
                if self._causes.get(question) != cause:
                    self._causes[question] = cause
                    self._changed.add(question)
            elif self._causes and self._causes.pop(question, None) is not None:
                self._changed.add(question)
        if self._changed and now >= self._quiet_until:
            self._log_changes(now)

    def forget(self, question: Question) -> None:
        """
        Keep nothing of a question.
        """
        self._causes.pop(question, None)
        self._logged.pop(question, None)
        self._changed.discard(question)

    def _log_changes(self, now: float) -> None:
        before = {question: self._logged.pop(question, None) for question in self._changed}
        after = {question: self._causes[question] for question in self._changed if question in self._causes}
        self._logged.update(after)
        self._changed.clear()
        causes = [cause for question, cause in after.items() if cause != before[question]]
        answered = sum(cause is not None and question not in after for question, cause in before.items())
        if causes:
            named = "; ".join(sorted(set(causes))[:_NAMED])
            _log.warning(
                "connection %s: %d of its questions fail: %s", self._connection, len(causes), named, extra=self._named
            )
        if answered:
            _log.info(
                "connection %s: %d of its questions are answered again", self._connection, answered, extra=self._named
            )
        if causes or answered:
            self._quiet_until = now + _SPACING
