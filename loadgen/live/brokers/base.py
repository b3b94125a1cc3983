"""
What a worker needs of a queue, and what a publisher does.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from loadgen.live.jobs import Job

RETRY_FIRST, RETRY_BOUND = 0.1, 5.0
"""Seconds between attempts to reach a broker: the first wait, and the longest."""


class BrokerError(Exception):
    """
    The broker cannot be used at the moment; the message says why, without credentials. To be tried again.

    Attributes:
        in_doubt: whether what was asked may have been done all the same, and only its answer got lost.
    """

    def __init__(self, sentence: str, *, in_doubt: bool = False) -> None:
        super().__init__(sentence)
        self.in_doubt = in_doubt


@dataclass(frozen=True, slots=True)
class Delivery:
    """
    A job in somebody's hands, not acknowledged yet.

    Attributes:
        tag: what this holding of the job is known by; no other holding has the same.
        body: the entry as it was on the queue.
    """

    tag: str
    body: bytes = field(repr=False)

    @property
    def job(self) -> Job:
        """
        What is to be done.
        """
        return Job.read(self.body)


class Intake(Protocol):
    """
    A queue as a worker has it: every job taken is held until it is acknowledged or put back.

    A worker that holds jobs calls `keep` well within each lease. Every method raises BrokerError while the broker
    cannot be used; all of them may then be called again, and an answer that was lost on the way does no harm.
    """

    async def take(self, within: float) -> Delivery | None:
        """
        Return the next job, or None if there is none within so many seconds.
        """
        ...

    async def acknowledge(self, delivery: Delivery) -> bool:
        """
        Say that a job is done; return False if it is no longer ours, so that somebody else will do it.
        """
        ...

    async def put_back(self, delivery: Delivery) -> None:
        """
        Let somebody else do it.
        """
        ...

    async def keep(self, held: Collection[Delivery]) -> Collection[Delivery]:
        """
        Say that we live and hold these; return those that are no longer ours.
        """
        ...

    async def reclaim(self) -> int:
        """
        Put the jobs of dead workers back, and return how many there were.
        """
        ...

    async def stop(self) -> None:
        """
        Have no more jobs handed over; those that were and were not taken go back.
        """
        ...

    async def aclose(self) -> None:
        """
        Close all connections.
        """
        ...


class Outlet(Protocol):
    """
    A queue as a publisher has it.
    """

    async def send(self, jobs: Sequence[Job]) -> None:
        """
        Put jobs on the queue, in this order; return when the broker has them.

        Raises:
            BrokerError: it may have some of them, or none.
        """
        ...

    async def aclose(self) -> None:
        """
        Close all connections.
        """
        ...
