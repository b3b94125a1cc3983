"""
What became of each job, from looks at its queue: waiting, in somebody's hands, done.

A worker that takes a job marks it with a token of its own, so a job that is seen under a second token was taken from
the one who had the first: it was cut off. What begins and ends between two looks is not seen, so looks have to be much
closer to each other than jobs are long.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from loadgen.live.jobs import Job

_HELD = re.compile(r"([0-9a-f]{32}) (.*)", re.DOTALL)


@dataclass
class Record:
    """
    One job. Times in seconds of the clock by which the looks were taken.

    Attributes:
        sent: when it was put on the queue; `service`: the seconds of work in it.
        tokens: the hands in which it was seen.
        done: when it was first seen done; None while it is not.
        times: how often it was done.
    """

    sent: float
    service: float
    tokens: set[str] = field(default_factory=set)
    done: float | None = None
    times: int = 0

    @property
    def cut_off(self) -> int:
        """
        How often it was taken out of somebody's hands.
        """
        return max(0, len(self.tokens) - 1)

    @property
    def wait(self) -> float | None:
        """
        How long it was not worked on, in seconds, what was lost counted in: from its sending to its end, less its work.
        """
        return None if self.done is None else max(0.0, self.done - self.sent - self.service)


class Ledger:
    """
    All jobs of one replay, by their ids.
    """

    def __init__(self) -> None:
        self._records: dict[str, Record] = {}

    def sent(self, job: str, at: float, service: float) -> None:
        """
        Note a job before it is put on the queue.
        """
        self._records[job] = Record(at, service)

    def looked(self, at: float, held: Iterable[tuple[str, str]], done: Mapping[str, int]) -> None:
        """
        Note a look: the jobs that are in somebody's hands with their tokens, and how often which were done so far.
        """
        for token, job in held:
            if record := self._records.get(job):
                record.tokens.add(token)
        for job, times in done.items():
            record = self._records.get(job)
            if record is None:
                continue
            record.times = times
            if record.done is None:
                record.done = at

    def all_done(self) -> bool:
        """
        Tell whether every job that was sent is done.
        """
        return all(record.done is not None for record in self._records.values())

    def records(self) -> Sequence[Record]:
        """
        Return all jobs in the order in which they were sent.
        """
        return tuple(self._records.values())


def hands(entries: Iterable[str]) -> list[tuple[str, str]]:
    """
    Return (token, job) of the entries of a list's processing list; one that is on its way there has no token yet.
    """
    found = [_HELD.fullmatch(entry) for entry in entries]
    return [(match[1], Job.read(match[2].encode()).id) for match in found if match]
