"""
The herald: Kubernetes events on a ScaledObject, for what a person should see in `kubectl describe`.

Nobody waits for it. News of the same kind on the same ScaledObject are one event with a count, written once a minute at
most; news that cannot be written are dropped, and the log says so once.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha1
from typing import Any

from scaler.domain.choice import Choice
from scaler.domain.decision import Decision, Phase, Reason
from scaler.observer.api import Api, ClusterError, MissingError, ThereError
from scaler.observer.picture import Held

_log = logging.getLogger(__name__)

_SPACING = 60.0
"""Seconds between two writes of one event."""
_PACE = 0.2
"""Seconds between two writes of any events."""
_KEPT = 2000
"""Events that are known at a time; the oldest are forgotten, and begin to count anew."""
_LONGEST = 1000  # characters; the API takes 1024
_COMPONENT = "gpu-agent-scaler"


class News(Choice):
    """
    What an event may be about: its `reason`.
    """

    WOKEN = "Woken"
    HOLD_EXPIRED = "HoldExpired"
    SIGNAL_UNKNOWN = "SignalUnknown"
    NOTHING_DECIDED = "NothingDecided"
    METADATA_REFUSED = "MetadataRefused"
    SETTING_HURTS = "SettingHurts"


def news(before: Decision | None, after: Decision) -> News | None:
    """
    Return what is worth an event in a decision that follows another.
    """
    if before is None:
        return News.NOTHING_DECIDED if after.reason is Reason.UNKNOWN else None
    if before.reason is not after.reason:
        match after.reason:
            case Reason.GPU_HOLD_EXPIRED:
                return News.HOLD_EXPIRED
            case Reason.HELD_UNKNOWN:
                return News.SIGNAL_UNKNOWN
            case Reason.UNKNOWN:
                return News.NOTHING_DECIDED
    if before.phase is Phase.IDLE and after.phase is Phase.WAKING:
        return News.WOKEN
    return None


@dataclass(slots=True)
class _Event:
    """
    One event: of one kind, on one ScaledObject; settings that hurt have one each.

    Attributes:
        count: how often there was news; `told`: how much of that was written.
        due: when it may be written, on the loop's clock.
    """

    held: Held
    about: News
    sentence: str
    name: str
    first: str
    count: int = 0
    told: int = 0
    due: float = 0.0


class Herald:
    """
    Writes events.
    """

    def __init__(self, api: Api) -> None:
        self._api = api
        self._events: dict[str, _Event] = {}
        self._news = asyncio.Event()
        self._trouble = ""

    def tell(self, held: Held, about: News, sentence: str) -> None:
        """
        Let people know; returns at once.
        """
        told_apart = sentence if about is News.SETTING_HURTS else ""
        digest = sha1(f"{held.uid} {about.value} {told_apart}".encode(), usedforsecurity=False).hexdigest()
        event = self._events.pop(digest, None)
        if event is None:
            event = _Event(held, about, sentence, f"{held.name}.{digest[:16]}", _stamp())
            while len(self._events) >= _KEPT:
                self._events.pop(next(iter(self._events)))
        event.sentence = sentence
        event.count += 1
        self._events[digest] = event
        self._news.set()

    async def run(self) -> None:
        """
        Write until cancelled.
        """
        loop = asyncio.get_running_loop()
        while True:
            await self._news.wait()
            waiting = [event for event in self._events.values() if event.told < event.count]
            if not waiting:
                self._news.clear()
                continue
            event = min(waiting, key=lambda event: event.due)
            if event.due > loop.time():
                await asyncio.sleep(min(event.due - loop.time(), 1.0))  # others may be due before
                continue
            event.due = loop.time() + _SPACING
            await self._write(event)
            await asyncio.sleep(_PACE)

    async def _write(self, event: _Event) -> None:
        count, first = event.count, not event.told
        event.told = count  # what cannot be written is not tried again before there is news
        try:
            if first:
                await self._create(event)
            else:
                await self._count(event)
        except ClusterError as error:
            if self._trouble != str(error):
                self._trouble = str(error)
                _log.warning("an event on %s/%s is not written: %s", event.held.namespace, event.held.name, error)
        else:
            self._trouble = ""

    async def _create(self, event: _Event) -> None:
        try:
            await self._api.create_event(event.held.namespace, _document(event))
        except ThereError:  # of a scaler before this one
            await self._api.patch_event(event.held.namespace, event.name, _changes(event))

    async def _count(self, event: _Event) -> None:
        try:
            await self._api.patch_event(event.held.namespace, event.name, _changes(event))
        except MissingError:  # the cluster forgets events after a while, an hour as a rule
            await self._api.create_event(event.held.namespace, _document(event))


def _document(event: _Event) -> Mapping[str, Any]:
    held = event.held
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": event.name, "namespace": held.namespace},
        "involvedObject": {
            "apiVersion": "keda.sh/v1alpha1",
            "kind": "ScaledObject",
            "namespace": held.namespace,
            "name": held.name,
            "uid": held.uid,
        },
        "type": "Normal" if event.about is News.WOKEN else "Warning",
        "reason": event.about.value,
        "firstTimestamp": event.first,
        "source": {"component": _COMPONENT},
        "reportingComponent": _COMPONENT,
        "reportingInstance": os.environ.get("HOSTNAME", ""),
        **_changes(event),
    }


def _changes(event: _Event) -> Mapping[str, Any]:
    return {"message": event.sentence[:_LONGEST], "count": event.count, "lastTimestamp": _stamp()}


def _stamp() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
