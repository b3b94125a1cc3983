"""
Lenses: each keeps one kind of objects, in one namespace or in all, as they are: listed once, then watched.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from random import Random
from typing import Any

from scaler.domain.wording import duration
from scaler.observer.api import Api, ClusterError, GoneError, RefusedError, SilenceError
from scaler.observer.objects import Kind, Page
from scaler.observer.picture import Picture

_log = logging.getLogger(__name__)

_JITTER = 0.25
_DOUBLINGS = 10


@dataclass(frozen=True, slots=True)
class Pace:
    """
    Times, in seconds.

    Attributes:
        fresh: for so long a broken watch is still believed: the API server restarts, and nothing has happened.
        watch: after so long the server ends a watch, to be begun anew. What died in silence shows a little later.
        silence: for so long a watch may be silent beyond that.
        soonest: between two watches, lest a proxy that ends them at once be hammered.
        first, longest: the wait after a failure, and after many.
        refused: the wait after a refusal: an operator has to act first.
    """

    fresh: float = 60.0
    watch: int = 50
    silence: float = 10.0
    soonest: float = 1.0
    first: float = 0.5
    longest: float = 30.0
    refused: float = 60.0


class Lens:
    """
    One kind in one place.

    Attributes:
        synced: set once the first list is in; `settled`: once it is, or was refused, so that nobody need wait for it.
        refused: whether the cluster does not let it look now.
        trouble: why it does not see now, empty while it does.
    """

    def __init__(self, api: Api, kind: Kind, namespace: str | None, picture: Picture, rng: Random, pace: Pace) -> None:
        self.kind = kind
        self.namespace = namespace
        self.synced = asyncio.Event()
        self.settled = asyncio.Event()
        self.refused = False
        self.trouble = f"its {kind.plural} were not listed yet"
        self._api = api
        self._picture = picture
        self._rng = rng
        self._pace = pace
        self._broken_since: float | None = None
        self._listed = False
        self._failures = 0
        self._version = ""
        self._heard: set[tuple[str, str]] | None = None
        # One list at a time: an older one that comes later would bring back what has gone.
        self._listing = asyncio.Lock()

    def sees(self, now: float) -> bool:
        """
        Tell whether what it shows can be believed.
        """
        if self._broken_since is None:
            return self._listed
        return self._listed and now < self._broken_since + self._pace.fresh

    async def run(self) -> None:
        """
        Look until cancelled.
        """
        while True:
            try:
                await self._look()
            except GoneError:
                self._version = ""
                await asyncio.sleep(self._spread(self._pace.soonest))
            except ClusterError as error:
                await self._break(error)

    async def read(self, namespace: str) -> None:
        """
        List one namespace once more, for those of whom nobody knew when it was listed; what is heard meanwhile stands.

        Raises:
            ClusterError: it cannot be listed.
        """
        async with self._listing:
            self._heard = heard = set[tuple[str, str]]()
            try:
                after = None
                while after != "":
                    page = await self._api.page(self.kind, namespace, after or "")
                    for item in page.items:
                        if (namespace, item.metadata.name) not in heard:
                            self._picture.put(self.kind, item)
                    after = page.metadata.continue_
            finally:
                self._heard = None

    async def _look(self) -> None:
        """
        List if need be, then watch once.
        """
        try:
            if not self._version:
                async with self._listing:
                    await self._list()
            await self._watch()
        except ClusterError:
            raise
        except Exception as error:
            _log.exception("internal error watching %s", self._what)
            raise ClusterError("internal error; see the log") from error

    async def _list(self) -> None:
        there: set[tuple[str, str]] = set()
        page: Page[Any] = await self._api.page(self.kind, self.namespace)
        self._take(page, there)
        while page.metadata.continue_:
            page = await self._api.page(self.kind, self.namespace, page.metadata.continue_)
            self._take(page, there)
        self._picture.retain(self.kind, self.namespace, there)
        self._version = page.metadata.resourceVersion
        self._listed = True
        self.synced.set()
        self.settled.set()
        self._mend()

    def _take(self, page: Page[Any], there: set[tuple[str, str]]) -> None:
        for item in page.items:
            there.add((item.metadata.namespace, item.metadata.name))
            self._picture.put(self.kind, item)

    async def _watch(self) -> None:
        loop = asyncio.get_running_loop()
        began, seconds = loop.time(), round(self._spread(self._pace.watch))
        async with self._api.watch(self.kind, self.namespace, self._version, seconds, self._pace.silence) as events:
            self._mend()
            async for event, item in events:
                self._version = item.metadata.resourceVersion or self._version
                if event == "BOOKMARK":
                    continue
                if self._heard is not None:
                    self._heard.add((item.metadata.namespace, item.metadata.name))
                if event == "DELETED":
                    self._picture.remove(self.kind, item)
                else:
                    self._picture.put(self.kind, item)
        await asyncio.sleep(max(0.0, began + self._pace.soonest - loop.time()))

    def _mend(self) -> None:
        if self._broken_since is not None:
            lasted = asyncio.get_running_loop().time() - self._broken_since
            _log.info("%s are seen again after %s", self._what, duration(lasted))
        self._broken_since, self._failures, self.refused, self.trouble = None, 0, False, ""

    async def _break(self, error: ClusterError) -> None:
        """
        Take note that it does not see, and wait before it looks again.
        """
        if self._broken_since is None or (isinstance(error, RefusedError) and not self.refused):
            _log.warning("%s are not seen: %s", self._what, error)
        self.trouble, self.refused = str(error), isinstance(error, RefusedError)
        if self._broken_since is None:
            # What died in silence has been dead for nobody knows how long: it is not believed any more.
            silent = self._pace.fresh if isinstance(error, SilenceError) else 0.0
            self._broken_since = asyncio.get_running_loop().time() - silent
        delay = min(self._pace.first * 2 ** min(self._failures, _DOUBLINGS), self._pace.longest)
        if isinstance(error, RefusedError):
            delay, self._version = self._pace.refused, ""
            self.settled.set()
        self._failures += 1
        await asyncio.sleep(self._spread(delay))

    def _spread(self, seconds: float) -> float:
        return seconds * (1 + _JITTER * self._rng.random())

    @property
    def _what(self) -> str:
        return self.kind.plural if self.namespace is None else f"{self.kind.plural} of namespace {self.namespace}"
