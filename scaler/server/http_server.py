"""
The HTTP port beside gRPC: is it alive, is it ready, its metrics, and where every workload stands.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Sequence
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Handler
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from scaler.engine.views import Views, WorkloadView
from scaler.server import views as shown
from scaler.server.grpc_server import GrpcServer
from scaler.server.incidents import report
from scaler.server.listening import ListenError, address
from scaler.server.metrics import Exposition, Snapshot

# At shutdown: time for answers being written to a slow reader, in seconds.
_PATIENCE = 1.0

# A path is told back no longer than this.
_LONGEST_PATH = 200


class HttpServer:
    """
    Serves `/healthz`, `/readyz`, `/metrics` and `/v1/workloads`; reads only.

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
        self._runner: web.AppRunner | None = None

    async def start(self) -> int:
        """
        Start, once, and return the port.

        Raises:
            ListenError: if the address cannot be had.
        """
        app = web.Application(middlewares=[_errors_as_json])
        app.add_routes(
            [
                web.get("/healthz", self._healthz),
                web.get("/readyz", self._readyz),
                web.get("/metrics", self._metrics),
                web.get("/v1/workloads", self._workloads),
                web.get("/v1/workloads/{namespace}/{name}", self._workload),
            ]
        )
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=_PATIENCE)
        await runner.setup()
        try:
            await web.TCPSite(runner, self._host, self._port).start()
        except OSError as error:
            await runner.cleanup()
            raise ListenError(address(self._host, self._port)) from error
        self._runner = runner
        port: int = runner.addresses[0][1]
        return port

    async def stop(self) -> None:
        """
        Stop listening, and let answers that are being written be finished.
        """
        runner, self._runner = self._runner, None
        if runner is not None:
            await runner.cleanup()

    async def _healthz(self, _: web.Request) -> web.Response:
        return web.Response(text="alive\n")

    async def _readyz(self, _: web.Request) -> web.Response:
        if not self._grpc_server.serving:
            return web.Response(status=503, text="not ready: starting or shutting down\n")
        return web.Response(text=f"{shown.readiness(self._views.configuration())}\n")

    async def _metrics(self, request: web.Request) -> web.Response:
        snapshot = Snapshot.take(self._views, self._grpc_server.traffic())
        encode, content_type = choose_encoder(request.headers.get("Accept", ""))
        # A thousand workloads take a while to write out, and KEDA is not to wait for it.
        body = await asyncio.to_thread(encode, Exposition(snapshot, self._registry))
        response = web.Response(body=body, headers={"Content-Type": content_type})
        response.enable_compression()
        return response

    async def _workloads(self, _: web.Request) -> web.Response:
        return await self._as_json(self._views.workloads())

    async def _workload(self, request: web.Request) -> web.Response:
        namespace, name = request.match_info["namespace"], request.match_info["name"]
        views = self._views.workload(namespace, name)
        if not views:
            raise web.HTTPNotFound(text=shown.unknown_workload(namespace, name, self._views.workloads()))
        return await self._as_json(views)

    async def _as_json(self, workloads: Sequence[WorkloadView]) -> web.Response:
        now, wall = self._views.now(), self._wall()

        def written() -> str:
            each = (json.dumps(shown.workload(view, now, wall)) for view in workloads)
            return f'{{"workloads": [{", ".join(each)}]}}'

        return web.json_response(text=await asyncio.to_thread(written))


@web.middleware
async def _errors_as_json(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except web.HTTPException as error:
        if error.status < web.HTTPBadRequest.status_code:
            raise
        return _error(error.status, error.text or error.reason)
    except Exception as error:  # noqa: BLE001 (whatever it is, the reader gets JSON, and the log everything)
        return _error(500, report(error, request.rel_url.path[:_LONGEST_PATH]))


def _error(status: int, sentence: str) -> web.Response:
    body: dict[str, Any] = {"error": sentence}
    return web.json_response(body, status=status)
