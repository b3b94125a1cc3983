"""
Memory: what was learned of workloads outlasts a restart, and a workload that is forgotten for a while.

Whatever touches the file runs in a thread of its own, at the start, every minute and at the end: no answer waits for
it.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Collection, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from math import inf
from typing import Self

from scaler.domain.kinds import KINDS, Kind
from scaler.engine.learned import Keeping, Key, Learned, StoreError
from scaler.engine.plan import Plan
from scaler.engine.roster import Workload
from scaler.engine.workload import Caller, MetadataError
from scaler.settings.metadata import KEDAS_OWN
from scaler.settings.surroundings import Limits

_log = logging.getLogger(__name__)

EVERY = 60.0
"""Seconds between two checkpoints."""

_PRUNED_EVERY = 3600.0


class Memory:
    """
    Keeps what the kinds of policies have learned.

    Args:
        store: where it lasts; None: nowhere.
        learned: what was there at the start; each is held until its workload calls.
        kinds: the kinds of policies.

    Attributes:
        capacity: of how many workloads anything is kept, those on the roster included: no more than may be watched, so
            that names that change all the time cost no more than as many that stay. Who was away for longest goes.
    """

    def __init__(
        self,
        store: Keeping | None = None,
        learned: Mapping[Key, Learned] | None = None,
        kinds: Mapping[type, Kind] = KINDS,
    ) -> None:
        self.capacity = Limits().workloads
        self._store = store
        self._kinds = kinds
        self._waiting = dict(learned or {})
        self._kept: dict[Key, object] = {}
        self._forgotten: dict[Key, Learned] = {}
        self._thread = None if store is None else ThreadPoolExecutor(1, thread_name_prefix="state")
        self._trouble = ""
        self._pruned_at = -inf

    @classmethod
    async def of(cls, store: Keeping) -> Self:
        """
        Return what a store has; where it cannot be used that is said, and nothing lasts.
        """
        try:
            return cls(store, await asyncio.to_thread(store.read))
        except StoreError as error:
            _log.warning("what is learned will not outlast a restart: %s", error)
            return cls()

    def recall(self, caller: Caller, plan: Plan) -> object:
        """
        Return the state that a kind of policy can begin with for a caller, None if nothing was learned.

        A policy that acts begins with what was learned while it was only watched, and the other way round, if there is
        nothing else: it is the same work.
        """
        kind, key = self._kinds[type(plan.policy.params)], key_of(caller, acts=plan.acts)
        state = self._restored(caller, key, kind)
        if state is None:
            return self._restored(caller, key_of(caller, acts=not plan.acts), kind)
        del self._waiting[key]
        self._kept[key] = state
        return state

    def forget(self, workload: Workload) -> None:
        """
        Put by what was learned of a workload that is forgotten: it may call again.
        """
        if self._store is None:
            return
        key, learned = key_of(workload.caller, acts=workload.acts), self._learned(_present(workload))
        self._kept.pop(key, None)
        if learned is not None:
            self._waiting.pop(key, None)  # who is forgotten last is to be the last
            self._waiting[key] = self._forgotten[key] = learned

    async def run(self, roster: Iterable[Workload]) -> None:
        """
        Make a checkpoint every minute until cancelled.
        """
        while True:
            await asyncio.sleep(EVERY)
            await self.checkpoint(roster)

    async def checkpoint(self, roster: Iterable[Workload]) -> None:
        """
        Write what has changed since the last one, and let go of who was away for too long.
        """
        if self._store is None or self._thread is None:
            return
        everybody = list(roster)
        present = {
            key_of(each.caller, acts=each.acts): _present(each)
            for workload in everybody
            for each in (workload, workload.shadow)
            if each is not None and each.state.kind is not None
        }
        room = max(0, self.capacity - len(everybody))
        for key in list(self._waiting)[: max(0, len(self._waiting) - room)]:
            del self._waiting[key]
            self._forgotten.pop(key, None)
        changed = {key: each for key, each in present.items() if self._kept.get(key) is not each[1]}
        forgotten, self._forgotten = self._forgotten, {}
        try:
            loop = asyncio.get_running_loop()
            written = await loop.run_in_executor(self._thread, self._write, self._store, changed, forgotten)
        except StoreError as error:
            self._forgotten = {**forgotten, **self._forgotten}
            if self._trouble != str(error):
                self._trouble = str(error)
                _log.warning("what is learned is not kept: %s", error)
            return
        self._trouble = ""
        self._kept.update({key: changed[key][1] for key in written})
        if loop.time() >= self._pruned_at + _PRUNED_EVERY:
            self._pruned_at = loop.time()
            await self._prune(self._store, present.keys(), room)

    async def _prune(self, store: Keeping, present: Collection[Key], room: int) -> None:
        """
        Let go of who is old, in the file as well; where that cannot be, it stays for now.
        """
        try:
            gone = await asyncio.get_running_loop().run_in_executor(self._thread, store.prune, present, room)
        except StoreError as error:
            _log.warning("what was learned of workloads that are no more stays: %s", error)
            return
        for key in gone:
            self._kept.pop(key, None)  # it may have called in this moment
            if key not in self._forgotten:
                self._waiting.pop(key, None)

    def close(self) -> None:
        """
        Let the thread end.
        """
        if self._thread is not None:
            self._thread.shutdown()

    def _restored(self, caller: Caller, key: Key, kind: Kind) -> object:
        learned = self._waiting.get(key)
        if learned is None or learned.kind != kind.name:
            return None
        try:
            return kind.restore(json.loads(learned.data))
        except (ValueError, TypeError, LookupError, AttributeError) as error:
            del self._waiting[key]
            _log.warning("%s: what was learned of it cannot be read, learning begins anew: %s", caller, error)
            return None

    def _learned(self, present: tuple[type | None, object]) -> Learned | None:
        params, state = present
        if params is None or state is None:
            return None
        kind = self._kinds[params]
        data = kind.save(state)
        return Learned(kind.name, json.dumps(data, separators=(",", ":"))) if data else None

    def _write(
        self,
        store: Keeping,
        changed: Mapping[Key, tuple[type | None, object]],
        forgotten: Mapping[Key, Learned],
    ) -> Collection[Key]:
        """
        Write what was learned; return of which of those that have changed there was anything.
        """
        saved = {key: learned for key, each in changed.items() if (learned := self._learned(each)) is not None}
        if saved or forgotten:
            store.write({**forgotten, **saved})
        return saved.keys()


def key_of(caller: Caller, *, acts: bool = True) -> Key:
    """
    Return what a trigger is known by: all of its metadata that is ours, so that an edited one learns for itself.

    What a policy learns that is only watched is known apart: another one may act beside it.
    """
    own = sorted((name, text) for name, text in caller.metadata.items() if name not in KEDAS_OWN)
    trigger = sha256(json.dumps(own).encode()).hexdigest()[:16]
    return Key(caller.namespace, caller.name, trigger if acts else f"{trigger}-watched")


def _present(workload: Workload) -> tuple[type | None, object]:
    plan = workload.plan
    return (None if isinstance(plan, MetadataError) else type(plan.policy.params)), workload.state.kind
