"""
Sends jobs when they are due.
"""

from __future__ import annotations

import asyncio
import csv
import logging
import secrets
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import Any

from loadgen.errors import CommandError
from loadgen.live.backoff import Backoff
from loadgen.live.brokers.base import RETRY_BOUND, RETRY_FIRST, BrokerError, Outlet
from loadgen.live.jobs import Job
from loadgen.live.publisher.lateness import Report
from loadgen.live.publisher.plan import Plan

_LOG = logging.getLogger(__name__)
_AT_ONCE = 500
"""Jobs that are sent together at most, if so many are due."""


class Publisher:
    """
    Sends the jobs of a plan, and keeps the books.

    Args:
        outlet: the queue.
        plan: what is due when, from the moment in which `run` is called.
        give_up_after: seconds without the broker after which it is given up.
        sent: told of the jobs that the broker has, with the moment in seconds since 1970.

    Attributes:
        report: the books.
    """

    def __init__(
        self, outlet: Outlet, plan: Plan, give_up_after: float, sent: Callable[[Sequence[Job], float], None]
    ) -> None:
        self.report = Report(len(plan))
        self._outlet = outlet
        self._plan = plan
        self._give_up_after = give_up_after
        self._sent = sent
        self._run = secrets.token_hex(4)
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        """
        Send nothing more.
        """
        self._stopping.set()

    @property
    def stopped(self) -> bool:
        """
        Whether it was told to stop.
        """
        return self._stopping.is_set()

    async def run(self) -> None:
        """
        Send everything, each job when it is due or as soon after as can be.

        Raises:
            BrokerError: the broker was away for too long; the report says what was sent.
        """
        loop = asyncio.get_running_loop()
        began, index = loop.time(), 0
        try:
            while index < len(self._plan) and not self.stopped:
                now = loop.time() - began
                if (pause := self._plan[index][0] - now) > 0:
                    await self._pause(pause)
                    continue
                due = self._due(index, now)
                if not await self._send(index, due):
                    break
                at = loop.time() - began
                self.report.late.extend(at - self._plan[each][0] for each in range(index, index + due))
                index += due
        finally:
            self.report.seconds = loop.time() - began

    def _due(self, index: int, now: float) -> int:
        last = min(index + _AT_ONCE, len(self._plan))
        return next((each for each in range(index, last) if self._plan[each][0] > now), last) - index

    async def _send(self, index: int, count: int) -> bool:
        loop = asyncio.get_running_loop()
        backoff = Backoff(RETRY_FIRST, RETRY_BOUND, Random())
        until, in_doubt = loop.time() + self._give_up_after, False
        while not self.stopped:
            now = time.time()
            jobs = [Job(f"{self._run}-{each}", self._plan[each][1], now) for each in range(index, index + count)]
            try:
                await self._outlet.send(jobs)
            except BrokerError as error:
                if loop.time() > until:
                    raise
                if error.in_doubt and not in_doubt:
                    self.report.perhaps_twice += count
                    in_doubt = True
                _LOG.warning("%s; trying again", error)
                await self._pause(backoff.delay())
            else:
                self._sent(jobs, time.time())
                return True
        return False

    async def _pause(self, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._stopping.wait()


class Record:
    """
    A CSV of the jobs that were sent, as a context manager: `arrival` (seconds since 1970), `service` (seconds), `id`.

    `loadgen watch` and `loadgen publish --trace` read it.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: Any = None

    def __enter__(self) -> Callable[[Sequence[Job], float], None]:
        """
        Open it anew.

        Raises:
            CommandError: it cannot be written.
        """
        try:
            self._file = self._path.open("w", encoding="utf-8", newline="")
        except OSError as error:
            raise CommandError(f"{self._path}: cannot be written: {error.strerror}") from error
        rows = csv.writer(self._file)
        rows.writerow(("arrival", "service", "id"))
        return lambda jobs, at: rows.writerows((f"{at:.6f}", job.service, job.id) for job in jobs)

    def __exit__(self, *_: object) -> None:
        self._file.close()
