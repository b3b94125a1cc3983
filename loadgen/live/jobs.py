"""
Jobs as they lie on a queue: JSON with an id and seconds of service, or any other text.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from math import isfinite
from typing import Any, Self

_LONGEST_ID = 200
_LONGEST_SERVICE = 86400.0


@dataclass(frozen=True, slots=True)
class Job:
    """
    A piece of work.

    Attributes:
        id: what it is counted by.
        service: seconds of work; None where the entry does not say, or says nonsense.
        sent: when it was put on its queue, in seconds since 1970; None where nobody knows.
    """

    id: str
    service: float | None = None
    sent: float | None = None

    @property
    def body(self) -> bytes:
        """
        The entry on the queue.
        """
        known = {"id": self.id, "service": self.service, "sent": self.sent}
        return json.dumps({key: value for key, value in known.items() if value is not None}).encode()

    @classmethod
    def read(cls, body: bytes) -> Self:
        """
        Return the job that an entry is. Every entry is one: what is not JSON with an id is known by its text.
        """
        text = body.decode(errors="replace")
        try:
            found: Any = json.loads(text)
        except (ValueError, RecursionError):
            found = None
        if not isinstance(found, dict) or not isinstance(found.get("id"), str | int):
            return cls(text[:_LONGEST_ID])
        return cls(
            str(found["id"])[:_LONGEST_ID],
            _seconds(found.get("service"), _LONGEST_SERVICE),
            _seconds(found.get("sent"), float("inf")),
        )


def _seconds(value: object, most: float) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        seconds = float(value)
    except OverflowError:
        return None
    return seconds if isfinite(seconds) and 0 <= seconds <= most else None
