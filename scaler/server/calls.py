"""
The calls being answered: how many there are, how they ended, and which status an exception becomes.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from types import TracebackType
from typing import Any

import grpc

from scaler.engine.durations import CALL_BOUNDS, Stopwatch
from scaler.engine.workload import MetadataError, OverloadedError, UndecidedError
from scaler.server.incidents import report

# A status travels in a header, and clients refuse headers above 8 or 16 KiB, under a status that misleads.
_LONGEST_MESSAGE = 1000


class RequestError(Exception):
    """
    A call makes no sense by itself; the message says what is wrong with it. Whoever wrote the client must act.
    """


_STATUSES: tuple[tuple[type[Exception], grpc.StatusCode], ...] = (
    (RequestError, grpc.StatusCode.INVALID_ARGUMENT),
    (MetadataError, grpc.StatusCode.INVALID_ARGUMENT),
    (UndecidedError, grpc.StatusCode.UNAVAILABLE),
    (OverloadedError, grpc.StatusCode.RESOURCE_EXHAUSTED),
)


def status_of(error: Exception, method: str) -> tuple[grpc.StatusCode, str]:
    """
    Return the status that a caller gets for an exception, with a message that says what to do.
    """
    for kind, code in _STATUSES:
        if isinstance(error, kind):
            return code, str(error)[:_LONGEST_MESSAGE]
    return grpc.StatusCode.INTERNAL, report(error, method)


class Calls:
    """
    The ledger of calls.

    Attributes:
        accepted: how many have come.
        in_flight: how many of them are not finished, open streams included.
        ended: how many have ended, by method and status code name.
        took: how long the answering took, by method; streams are open for as long as they may be, and have none.
    """

    def __init__(self) -> None:
        self.accepted = 0
        self.in_flight = 0
        self.ended: Counter[tuple[str, str]] = Counter()
        self.took = {method: Stopwatch(CALL_BOUNDS) for method in ("GetMetricSpec", "GetMetrics", "IsActive")}

    def answering(self, method: str, context: grpc.aio.ServicerContext[Any, Any]) -> _Answering:
        """
        Return what surrounds the answering of one call: it is counted, and its exception becomes a status.
        """
        return _Answering(self, method, context)

    async def quiet(self, calm: float, within: float) -> None:
        """
        Wait until nothing is in flight and nothing has come for *calm* seconds, *within* seconds at most.
        """
        loop = asyncio.get_running_loop()
        until = loop.time() + within
        seen = -1
        while (self.in_flight or self.accepted != seen) and loop.time() < until:
            seen = self.accepted
            await asyncio.sleep(calm)


class _Answering:
    """
    Surrounds one call. A class, because this is on the path of every call and a generator costs three times as much.
    """

    def __init__(self, calls: Calls, method: str, context: grpc.aio.ServicerContext[Any, Any]) -> None:
        self._calls = calls
        self._method = method
        self._context = context
        self._began = 0.0

    async def __aenter__(self) -> None:
        self._began = time.monotonic()
        self._calls.accepted += 1
        self._calls.in_flight += 1

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._calls.in_flight -= 1
        if (took := self._calls.took.get(self._method)) is not None:
            took.note(time.monotonic() - self._began)
        if _given_up(error):
            error = UndecidedError("the scaler gave the answer up, as it does when it shuts down: ask again")
        if error is None:
            self._calls.ended[self._method, grpc.StatusCode.OK.name] += 1
        elif isinstance(error, Exception):
            code, message = status_of(error, self._method)
            self._calls.ended[self._method, code.name] += 1
            await self._context.abort(code, message)
        else:
            self._calls.ended[self._method, grpc.StatusCode.CANCELLED.name] += 1


def _given_up(error: BaseException | None) -> bool:
    # Of a cancellation that is not the caller's gRPC sends no status, and KEDA would wait for ever.
    task = asyncio.current_task()
    return isinstance(error, asyncio.CancelledError) and task is not None and not task.cancelling()
