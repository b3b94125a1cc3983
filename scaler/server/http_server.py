"""
The HTTP port beside gRPC: is it alive, is it ready, its metrics, and where every workload stands.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from http import HTTPStatus
from urllib.parse import unquote

from prometheus_client.exposition import choose_encoder, gzip_accepted
from prometheus_client.registry import Collector

from scaler.engine.views import Views, WorkloadView
from scaler.server import views as shown
from scaler.server.grpc_server import GrpcServer
from scaler.server.incidents import report
from scaler.server.listening import ListenError, address
from scaler.server.metrics import Exposition, Snapshot
from scaler.server.page.pages import Pages
from scaler.server.web import Answer, Request, Response, Web
from scaler.settings.durations import parse_duration

# At shutdown: time for answers being written to a slow reader, in seconds.
_PATIENCE = 1.0

# A path is told back no longer than this.
_LONGEST_PATH = 200

_JSON = "application/json; charset=utf-8"
_METHODS = ("GET", "HEAD")
_COMPRESSION = 6


class HttpServer:
    """
    Serves the page, `/healthz`, `/readyz`, `/metrics` and `/v1/workloads`; reads only.

    Args:
        views: the engine.
        grpc_server: ready is what this is; its traffic is in the metrics.
        registry: what else is in the metrics.
        host: the address to listen on; None means every address of this machine.
        port: the port, 0 for any that is free.
        wall: the clock that people read, in seconds since 1970.
    """

    def __init__(
        self,
        views: Views,
        grpc_server: GrpcServer,
        registry: Collector,
        *,
        host: str | None = None,
        port: int = 8080,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._views = views
        self._grpc_server = grpc_server
        self._registry = registry
        self._host = host
        self._port = port
        self._wall = wall
        self._pages = Pages(views, wall)
        self._web = Web(self._answer, _refusal)

    async def start(self) -> int:
        """
        Start, once, and return the port.

        Raises:
            ListenError: if the address cannot be had.
        """
        try:
            return await self._web.start(self._host, self._port)
        except OSError as error:
            raise ListenError(address(self._host, self._port)) from error

    async def stop(self) -> None:
        """
        Stop listening, and let answers that are being written be finished.
        """
        await self._web.stop(_PATIENCE)

    async def _answer(self, request: Request) -> Response:
        try:
            return await self._routed(request)
        except Exception as error:  # noqa: BLE001 (whatever it is, the reader gets JSON, and the log everything)
            return _error(HTTPStatus.INTERNAL_SERVER_ERROR, report(error, unquote(request.path)[:_LONGEST_PATH]))

    async def _routed(self, request: Request) -> Response:
        route = self._route([unquote(part) for part in request.path.split("/")[1:]])
        if route is None:
            return _refusal(HTTPStatus.NOT_FOUND)
        if request.method not in _METHODS:
            return _refusal(HTTPStatus.METHOD_NOT_ALLOWED, {"Allow": ",".join(_METHODS)})
        return await route(request)

    def _route(self, path: Sequence[str]) -> Answer | None:
        match path:
            case [("healthz" | "readyz" | "metrics") as word]:
                return {"healthz": self._healthz, "readyz": self._readyz, "metrics": self._metrics}[word]
            case ["v1", "workloads"]:
                return self._workloads
            case ["v1", "workloads", namespace, name] if namespace and name:
                return partial(self._workload, namespace, name)
            case ["v1", "workloads", namespace, name, "history"] if namespace and name:
                return partial(self._history, namespace, name)
        return self._pages.route(path)

    async def _healthz(self, _: Request) -> Response:
        return _text("alive")

    async def _readyz(self, _: Request) -> Response:
        if not self._grpc_server.serving:
            return _text("not ready: starting or shutting down", HTTPStatus.SERVICE_UNAVAILABLE)
        return _text(shown.readiness(self._views.configuration()))

    async def _metrics(self, request: Request) -> Response:
        snapshot = Snapshot.take(self._views, self._grpc_server.traffic())
        encode, content_type = choose_encoder(request.headers.get("accept", ""))
        exposition = Exposition(snapshot, self._registry)
        # A thousand workloads take a while to write out, and KEDA is not to wait for it.
        if not gzip_accepted(request.headers.get("accept-encoding", "")):
            return Response(await asyncio.to_thread(encode, exposition), content_type)
        packed = await asyncio.to_thread(lambda: gzip.compress(encode(exposition), _COMPRESSION))
        return Response(packed, content_type, headers={"Content-Encoding": "gzip"})

    async def _workloads(self, _: Request) -> Response:
        return await self._as_json(self._views.workloads())

    async def _workload(self, namespace: str, name: str, _: Request) -> Response:
        views = self._views.workload(namespace, name)
        if not views:
            return _error(HTTPStatus.NOT_FOUND, shown.unknown_workload(namespace, name, self._views.glances()))
        return await self._as_json(views)

    async def _history(self, namespace: str, name: str, request: Request) -> Response:
        try:
            since = parse_duration(request.arguments.get("since", "720h"))
        except ValueError as error:
            return _error(HTTPStatus.BAD_REQUEST, f"since: {error}")
        views = self._views.workload(namespace, name)
        if not views:
            return _error(HTTPStatus.NOT_FOUND, shown.unknown_workload(namespace, name, self._views.glances()))
        pasts, now, wall = self._views.histories(namespace, name), self._views.now(), self._wall()

        def written() -> bytes:
            pairs = zip(views, pasts, strict=True)
            return json.dumps({"histories": [shown.history(*pair, now - since, now, wall) for pair in pairs]}).encode()

        return Response(await asyncio.to_thread(written), _JSON)

    async def _as_json(self, workloads: Sequence[WorkloadView]) -> Response:
        now, wall = self._views.now(), self._wall()

        def written() -> bytes:
            each = (json.dumps(shown.workload(view, now, wall)) for view in workloads)
            return f'{{"workloads": [{", ".join(each)}]}}'.encode()

        return Response(await asyncio.to_thread(written), _JSON)


def _text(line: str, status: int = HTTPStatus.OK) -> Response:
    return Response(f"{line}\n".encode(), status=status)


def _refusal(status: int, headers: Mapping[str, str] | None = None) -> Response:
    return _error(status, f"{status}: {HTTPStatus(status).phrase}", headers)


def _error(status: int, sentence: str, headers: Mapping[str, str] | None = None) -> Response:
    return Response(json.dumps({"error": sentence}).encode(), _JSON, status, headers or {})
