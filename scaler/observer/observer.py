"""
The observer itself: it knows every ScaledObject that calls scalers, and tells what it sees of one when asked.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from random import Random

from scaler.domain.decision import Decision
from scaler.domain.observed import Observed, Sighting
from scaler.observer.api import Api, ClusterError
from scaler.observer.clock import Clock
from scaler.observer.costs import Costs, wanted_costs
from scaler.observer.herald import Herald, News, news
from scaler.observer.lens import Lens, Pace
from scaler.observer.objects import PODS, SCALED_OBJECTS, TARGETS
from scaler.observer.picture import Held, Picture, TargetKey

_log = logging.getLogger(__name__)

_PACE = Pace()
_TRY_AGAIN = 5.0  # seconds
_LOOKED_FOR = "its pods are being looked for"


@dataclass(frozen=True, slots=True)
class Watching:
    """
    What an observer does.

    Attributes:
        namespaces: where it looks; none named: everywhere.
        events: whether it writes events on ScaledObjects; `deletion_cost`: deletion costs on pods.
        pace: its times.
    """

    namespaces: Sequence[str] = ()
    events: bool = False
    deletion_cost: bool = False
    pace: Pace = _PACE


class _Place:
    """
    The lenses of one namespace, or of all of them.
    """

    def __init__(self, api: Api, namespace: str | None, picture: Picture, rng: Random, pace: Pace) -> None:
        self.scaled_objects = Lens(api, SCALED_OBJECTS, namespace, picture, rng, pace)
        self.pods = Lens(api, PODS, namespace, picture, rng, pace)
        self.targets = {word: Lens(api, kind, namespace, picture, rng, pace) for word, kind in TARGETS.items()}
        self.lenses = (self.scaled_objects, *self.targets.values(), self.pods)
        self.started = False

    async def run(self, tasks: asyncio.TaskGroup) -> None:
        """
        Begin with the ScaledObjects: which of the others matter is known from them.
        """
        tasks.create_task(self.scaled_objects.run())
        await self.scaled_objects.synced.wait()
        self.started = True
        for lens in self.lenses[1:]:
            tasks.create_task(lens.run())

    def sees(self, target: TargetKey, now: float) -> bool:
        """
        Tell whether all is seen of a scale target.
        """
        return self.scaled_objects.sees(now) and self.pods.sees(now) and self.targets[target[0]].sees(now)

    def blind(self, target: TargetKey | None, now: float) -> Lens | None:
        """
        Return a lens that does not see, of those that show a ScaledObject and its scale target, where that is known.
        """
        return next((lens for lens in self._showing(target) if not lens.sees(now)), None)

    def pending(self, target: TargetKey | None, *, unread: bool) -> str:
        """
        Say what is not in yet of a ScaledObject and its scale target, where that is known; nothing that is refused.
        """
        lenses = self._showing(target)
        if any(lens.refused for lens in lenses):
            return ""
        return next((lens.trouble for lens in lenses if not lens.settled.is_set()), _LOOKED_FOR if unread else "")

    def _showing(self, target: TargetKey | None) -> Sequence[Lens]:
        return (self.scaled_objects,) if target is None else (self.scaled_objects, self.targets[target[0]], self.pods)


class ClusterObserver:
    """
    Observes a cluster (the shape `engine.observing.Observer`).

    Args:
        api: the cluster.
        watching: what to do.
        rng: spreads what should not happen all at once.
    """

    def __init__(self, api: Api, watching: Watching, rng: Random) -> None:
        self._watching = watching
        self._loop = asyncio.get_running_loop()
        self._listener: Callable[[str, str], None] = lambda _namespace, _name: None
        self._broken = ""
        self._rng = rng
        self._picture = Picture(Clock(self._loop.time), self._notice, self._want)
        places = watching.namespaces or (None,)
        self._places = {place: _Place(api, place, self._picture, rng, watching.pace) for place in places}
        self._unread: dict[TargetKey, object] = {}
        self._unread_news = asyncio.Event()
        self._awaited: set[tuple[str, str]] = set()
        self._herald = Herald(api) if watching.events else None
        self._costs = Costs(api) if watching.deletion_cost else None
        self._warned: dict[tuple[str, str], tuple[str, ...]] = {}

    async def run(self) -> None:
        """
        Observe until cancelled.
        """
        try:
            async with asyncio.TaskGroup() as tasks:
                for place in self._places.values():
                    tasks.create_task(place.run(tasks))
                    for lens in place.lenses:
                        tasks.create_task(self._tell_once_settled(lens))
                tasks.create_task(self._read_wanted())
                for writer in (self._herald, self._costs):
                    if writer is not None:
                        tasks.create_task(writer.run())
        except Exception:
            self._broken = "internal error; see the log"
            _log.exception("internal error: the cluster is not watched any more")
            raise

    def listen(self, changed: Callable[[str, str], None]) -> None:
        """
        Tell from now on of which ScaledObject (namespace, name) there is something new.
        """
        self._listener = changed

    def observed(self, namespace: str, name: str) -> Observed | None:
        """
        Return a ScaledObject's workload as its cluster shows it; None where it is not seen, or was not lately.
        """
        held, place = self._picture.find(namespace, name), self._place(namespace)
        if held is None or held.target is None or place is None or held.target in self._unread or self._broken:
            return None
        return self._picture.observed(held) if place.sees(held.target, self._loop.time()) else None

    def pending(self, namespace: str, name: str) -> str:
        """
        Say why a workload is not seen yet, if it soon may be; its ScaledObject is told of then. Empty otherwise.
        """
        why = self._pending(namespace, name)
        if why:
            self._awaited.add((namespace, name))
        return why

    def sighting(self, namespace: str, name: str) -> Sighting:
        """
        Return all that can be said of it to people.
        """
        observed, held = self.observed(namespace, name), self._picture.find(namespace, name)
        missing = "" if observed is not None else self._missing(namespace, name)
        return Sighting(observed, missing, () if held is None else held.warnings)

    def decided(self, namespace: str, name: str, before: Decision | None, after: Decision) -> None:
        """
        Hear of a decision: a person may have to know of it, and pods that may go be told from those that work.
        """
        if self._herald is None and self._costs is None:
            return
        held = self._picture.find(namespace, name)
        if held is None:
            return
        if self._herald is not None:
            about = news(before, after)
            if about is not None:
                self._herald.tell(held, about, after.sentence)
            self._warn(held)
        if self._costs is not None and (observed := self.observed(namespace, name)) is not None:
            self._costs.want(namespace, wanted_costs(after, observed, self._picture.costs(held)))

    def refused(self, namespace: str, name: str, sentence: str) -> None:
        """
        Hear that a trigger's metadata means nothing.
        """
        held = self._picture.find(namespace, name)
        if held is not None and self._herald is not None:
            self._herald.tell(held, News.METADATA_REFUSED, f"its trigger's metadata is refused: {sentence}")

    def _place(self, namespace: str) -> _Place | None:
        return self._places.get(None) or self._places.get(namespace)

    def _pending(self, namespace: str, name: str) -> str:
        place, held = self._place(namespace), self._picture.find(namespace, name)
        if self._broken or place is None or (held is not None and held.target is None):
            return ""
        target = None if held is None else held.target
        return place.pending(target, unread=target in self._unread)

    def _missing(self, namespace: str, name: str) -> str:
        if self._broken:
            return self._broken
        place, held = self._place(namespace), self._picture.find(namespace, name)
        if place is None:
            return f"namespace {namespace} is not among those that are watched ({', '.join(self._watching.namespaces)})"
        target = None if held is None else held.target
        if (blind := place.blind(target, self._loop.time())) is not None:
            return blind.trouble
        if held is None:
            return f"there is no ScaledObject {namespace}/{name} with a trigger that calls scalers"
        return self._missing_target(held)

    def _missing_target(self, held: Held) -> str:
        if held.target is None:
            return f"its scale target is a {held.foreign}; {' and '.join(f'{word}s' for word in TARGETS)} are watched"
        if held.target in self._unread:
            return _LOOKED_FOR
        return f"there is no {held.target[0]} {held.namespace}/{held.target[2]}"

    def _notice(self, namespace: str, name: str) -> None:
        if self._picture.find(namespace, name) is None:
            self._warned.pop((namespace, name), None)
        self._listener(namespace, name)

    def _warn(self, held: Held) -> None:
        """
        Write an event for each setting that hurts and did not when this was last looked at.
        """
        key = held.namespace, held.name
        before = self._warned.get(key, ())
        if self._herald is None or held.warnings == before:
            return
        self._warned[key] = held.warnings
        for sentence in held.warnings:
            if sentence not in before:
                self._herald.tell(held, News.SETTING_HURTS, sentence)

    async def _tell_once_settled(self, lens: Lens) -> None:
        await lens.settled.wait()
        self._tell_awaited()

    def _tell_awaited(self) -> None:
        """
        Tell of those that were pending when somebody asked, and are no more.
        """
        for key in [key for key in self._awaited if not self._pending(*key)]:
            self._awaited.discard(key)
            self._listener(*key)

    def _want(self, target: TargetKey) -> None:
        place = self._place(target[1])
        if place is not None and place.started:
            self._unread[target] = object()  # one that comes again while it is read has to be read again
            self._unread_news.set()

    async def _read_wanted(self) -> None:
        """
        Read what there was already of scale targets that became known later than their pods.
        """
        while True:
            await self._unread_news.wait()
            if not self._unread:
                self._unread_news.clear()
                continue
            namespace = next(iter(self._unread))[1]
            targets = {target: wanted for target, wanted in self._unread.items() if target[1] == namespace}
            try:
                place = self._places.get(None) or self._places[namespace]
                for word in {target[0] for target in targets}:
                    await place.targets[word].read(namespace)
                await place.pods.read(namespace)
            except ClusterError as error:
                _log.debug("the pods of namespace %s cannot be listed: %s", namespace, error)
                await asyncio.sleep(_TRY_AGAIN * (1 + self._rng.random()))
                continue
            for target, wanted in targets.items():
                if self._unread.get(target) is not wanted:
                    continue
                del self._unread[target]
                for key in self._picture.keys_of(target):
                    self._listener(*key)
            self._tell_awaited()


@asynccontextmanager
async def observing(api: Api, watching: Watching, rng: Random) -> AsyncIterator[ClusterObserver]:
    """
    Observe a cluster for as long as the context lasts, and close the connections to it then.
    """
    observer = ClusterObserver(api, watching, rng)
    task = asyncio.create_task(observer.run())
    try:
        yield observer
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await api.aclose()
