"""
A cluster without a cluster: as much of Kubernetes' API as an observer speaks, on a real socket.

What is in it, what it forbids and when it fails is set by whoever holds it.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from ssl import SSLContext
from typing import Any

from aiohttp import web

from scaler.observer.objects import DEPLOYMENTS, PODS, SCALED_OBJECTS, STATEFUL_SETS

Json = dict[str, Any]

TOKEN = "token-of-the-fake-cluster"  # noqa: S105 - it opens nothing else

_PLURALS = {kind.plural: kind for kind in (SCALED_OBJECTS, DEPLOYMENTS, STATEFUL_SETS, PODS)}


@dataclass(frozen=True, slots=True)
class Happening:
    """
    One change, in the order in which they came.
    """

    version: int
    plural: str
    type: str
    item: Json


class FakeCluster:
    """
    An API server.

    Args:
        tls: speak TLS; `ca` is the authority that a kubeconfig names then.

    Attributes:
        requests: every request so far: method, path and query.
        events: the events that were written, by name; `writes`: how many requests wrote one.
        page: the most objects in one page of a list.
        port: where it listens once it was started; it comes back there.
    """

    def __init__(self, tls: SSLContext | None = None, ca: Path | None = None) -> None:
        self._tls = tls
        self._ca = ca
        self.requests: list[str] = []
        self.events: dict[str, Json] = {}
        self.writes = 0
        self.page = 2
        self.port = 0
        self._objects: dict[str, dict[tuple[str, str], Json]] = {plural: {} for plural in _PLURALS}
        self._rests: dict[str, tuple[int, list[Json]]] = {}
        self._happenings: list[Happening] = []
        self._version = 100
        self._known_from = 0
        self._forbidden: set[str] = set()
        self._news = asyncio.Condition()
        self._speaking = asyncio.Event()
        self._speaking.set()
        self._watches: set[asyncio.Task[Any]] = set()
        self._runner: web.AppRunner | None = None

    async def start(self) -> None:
        """
        Listen on the loopback address.
        """
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._answer)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self.port, ssl_context=self._tls)
        await site.start()
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        """
        Break all connections and refuse new ones.
        """
        self.resume()
        self.drop()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    def hang(self) -> None:
        """
        Take requests and say nothing; open watches are silent, too.
        """
        self._speaking.clear()

    def resume(self) -> None:
        """
        End what `hang` began.
        """
        self._speaking.set()

    def drop(self) -> None:
        """
        Break all watches.
        """
        for watch in self._watches:
            watch.cancel()

    def forbid(self, *plurals: str) -> None:
        """
        Refuse requests about these kinds, `events` among them, and no others.
        """
        self._forbidden = set(plurals)

    def forget(self) -> None:
        """
        Know no more what has happened until now: a watch from before is told that it is gone.
        """
        self._known_from = self._version

    def kubeconfig(self, path: Path, token: str = TOKEN) -> Path:
        """
        Write a kubeconfig for it.
        """
        server = {"server": f"http{'s' if self._tls else ''}://127.0.0.1:{self.port}"}
        authority = {"certificate-authority": str(self._ca)} if self._ca else {}
        cluster = {"name": "fake", "cluster": {**server, **authority}}
        user = {"name": "fake", "user": {"token": token}}
        context = {"name": "fake", "context": {"cluster": "fake", "user": "fake"}}
        written = {"current-context": "fake", "clusters": [cluster], "users": [user], "contexts": [context]}
        path.write_text(json.dumps(written), encoding="utf-8")
        return path

    async def put(self, plural: str, item: Mapping[str, Any]) -> None:
        """
        Create an object, or replace it.
        """
        new = deepcopy(dict(item))
        key = new["metadata"]["namespace"], new["metadata"]["name"]
        event = "MODIFIED" if key in self._objects[plural] else "ADDED"
        self._objects[plural][key] = new
        await self._happen(plural, event, new)

    async def delete(self, plural: str, namespace: str, name: str) -> None:
        """
        Remove an object.
        """
        await self._happen(plural, "DELETED", self._objects[plural].pop((namespace, name)))

    def find(self, plural: str, namespace: str, name: str) -> Json:
        """
        Return an object.
        """
        return self._objects[plural][namespace, name]

    async def _happen(self, plural: str, event: str, item: Json) -> None:
        self._version += 1
        item["metadata"]["resourceVersion"] = str(self._version)
        async with self._news:
            self._happenings.append(Happening(self._version, plural, event, deepcopy(item)))
            self._news.notify_all()

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        self.requests.append(f"{request.method} {request.path_qs}")
        await self._speaking.wait()
        parts = request.path.strip("/").split("/")
        namespace = parts[parts.index("namespaces") + 1] if "namespaces" in parts else None
        plural = next((part for part in parts if part in _PLURALS or part == "events"), "")
        if request.headers.get("Authorization") != f"Bearer {TOKEN}":
            return _status(401, "Unauthorized")
        if plural in self._forbidden:
            return _status(403, f'{plural} is forbidden: User "system:serviceaccount:keda:scaler" cannot do that')
        if plural not in self._objects:
            return await self._take_event(request, parts[-1])
        if request.method == "PATCH" and namespace is not None:
            return await self._patch(request, plural, namespace, parts[-1])
        if request.query.get("watch") == "true":
            return await self._watch(request, plural, namespace)
        return self._list(request, plural, namespace)

    def _list(self, request: web.Request, plural: str, namespace: str | None) -> web.Response:
        after = request.query.get("continue")
        if after is None:
            version = self._version
            items = [item for key, item in sorted(self._objects[plural].items()) if namespace in (None, key[0])]
        else:  # all pages show what was there at the first one's version
            version, items = self._rests.pop(after)
        end = min(int(request.query.get("limit", self.page)), self.page)
        metadata = {"resourceVersion": str(version)}
        if items[end:]:
            metadata["continue"] = f"rest-{len(self.requests)}"
            self._rests[metadata["continue"]] = version, items[end:]
        return web.json_response({"kind": "List", "metadata": metadata, "items": items[:end]})

    async def _watch(self, request: web.Request, plural: str, namespace: str | None) -> web.StreamResponse:
        version = int(request.query["resourceVersion"])
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        await response.prepare(request)
        if version < self._known_from:
            status = {"kind": "Status", "code": 410, "reason": "Expired", "message": "too old resource version"}
            await _send(response, "ERROR", status)
            return response
        async with self._watching():
            try:
                async with asyncio.timeout(int(request.query["timeoutSeconds"])):
                    await self._tell(response, plural, namespace, version)
            except TimeoutError:
                await _send(response, "BOOKMARK", {"metadata": {"resourceVersion": str(self._version)}})
        return response

    async def _tell(self, response: web.StreamResponse, plural: str, namespace: str | None, version: int) -> None:
        told = next((at for at, each in enumerate(self._happenings) if each.version > version), len(self._happenings))
        while True:
            for each in self._happenings[told:]:
                told += 1
                if each.plural == plural and namespace in (None, each.item["metadata"]["namespace"]):
                    await self._speaking.wait()
                    await _send(response, each.type, each.item)
            async with self._news:
                if told == len(self._happenings):
                    await self._news.wait()

    @asynccontextmanager
    async def _watching(self) -> AsyncIterator[None]:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - a request is always answered in a task
        self._watches.add(task)
        try:
            yield
        finally:
            self._watches.discard(task)

    async def _patch(self, request: web.Request, plural: str, namespace: str, name: str) -> web.Response:
        item = self._objects[plural].get((namespace, name))
        if item is None:
            return _status(404, f'{plural} "{name}" not found')
        changed = deepcopy(item)
        for key, text in (await request.json())["metadata"]["annotations"].items():
            changed["metadata"].setdefault("annotations", {})[key] = text
        await self.put(plural, changed)
        return web.json_response(changed)

    async def _take_event(self, request: web.Request, name: str) -> web.Response:
        self.writes += 1
        event = await request.json()
        if request.method == "POST":
            if event["metadata"]["name"] in self.events:
                return _status(409, f'events "{event["metadata"]["name"]}" already exists')
            self.events[event["metadata"]["name"]] = event
            return web.json_response(event, status=201)
        if name not in self.events:
            return _status(404, f'events "{name}" not found')
        self.events[name].update(event)
        return web.json_response(self.events[name])


async def _send(response: web.StreamResponse, event: str, item: Mapping[str, Any]) -> None:
    await response.write(json.dumps({"type": event, "object": item}).encode() + b"\n")


def _status(code: int, message: str) -> web.Response:
    return web.json_response({"kind": "Status", "code": code, "message": message}, status=code)
