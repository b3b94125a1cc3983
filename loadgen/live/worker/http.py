"""
A worker's HTTP port: its probes, and its metrics.
"""

from __future__ import annotations

from aiohttp import web
from prometheus_client.exposition import choose_encoder

from loadgen.errors import CommandError
from loadgen.live import dcgm
from loadgen.live.gpus.base import PARTS, Gpu
from loadgen.live.gpus.simulated import SimulatedGpu
from loadgen.live.values import Address
from loadgen.live.worker.metrics import WorkerMetrics
from loadgen.live.worker.standing import Standing

_UNAVAILABLE, _BAD_REQUEST = 503, 400


class WorkerHttp:
    """
    The port, from `start` to `stop`.

    `/health/startup` is well once the model is loaded, `/health/live` as long as anything is answered, `/health/ready`
    while jobs can be taken. `/health/gpu` looks at the GPU when asked, and only then; `?part=` (as often as wanted)
    names the parts to be looked at. A simulated GPU is shown on the metrics page as dcgm-exporter would show it.
    """

    def __init__(self, standing: Standing, metrics: WorkerMetrics, gpu: Gpu) -> None:
        self._standing = standing
        self._metrics = metrics
        self._gpu = gpu
        self._runner: web.AppRunner | None = None

    async def start(self, address: Address) -> int:
        """
        Listen, and return the port.

        Raises:
            CommandError: the address is taken, or not ours.
        """
        app = web.Application()
        app.router.add_get("/health/startup", self._startup)
        app.router.add_get("/health/live", self._live)
        app.router.add_get("/health/ready", self._ready)
        app.router.add_get("/health/gpu", self._health_gpu)
        app.router.add_get("/metrics", self._show_metrics)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        try:
            await web.TCPSite(runner, address.host, address.port).start()
        except OSError as error:
            await runner.cleanup()
            where = f"{address.host or ''}:{address.port}"
            raise CommandError(f"{where} cannot be listened at: {error.strerror}; give another --http") from error
        self._runner = runner
        port: int = runner.addresses[0][1]
        return port

    async def stop(self) -> None:
        """
        Listen no more.
        """
        if self._runner is not None:
            await self._runner.cleanup()

    async def _startup(self, _: web.Request) -> web.Response:
        return _told(ok=self._standing.loaded, found="started" if self._standing.loaded else self._standing.sentence)

    async def _live(self, _: web.Request) -> web.Response:
        return _told(ok=True, found="alive")

    async def _ready(self, _: web.Request) -> web.Response:
        return _told(ok=self._standing.ready, found=self._standing.sentence)

    async def _health_gpu(self, request: web.Request) -> web.Response:
        wanted = request.query.getall("part", list(PARTS))
        if unknown := [part for part in wanted if part not in PARTS]:
            sentence = f"part: must be one of {', '.join(PARTS)}, not {unknown[0][:40]!r}"
            return web.json_response({"error": sentence}, status=_BAD_REQUEST)
        found = await self._gpu.examine()
        parts = {part: {"ok": found[part].ok, "found": found[part].found} for part in PARTS if part in wanted}
        ok = all(found[part].ok for part in parts)
        return web.json_response({"ok": ok, "parts": parts}, status=200 if ok else _UNAVAILABLE)

    async def _show_metrics(self, request: web.Request) -> web.Response:
        self._metrics.ready.set(self._standing.ready)
        encode, content_type = choose_encoder(request.headers.get("Accept", ""))
        body = encode(self._metrics.registry)
        if isinstance(self._gpu, SimulatedGpu):
            shown = dcgm.page([self._gpu.reading]).encode()
            # OpenMetrics ends with a line that says so.
            end = b"# EOF\n"
            body = body.removesuffix(end) + shown + (end if body.endswith(end) else b"")
        return web.Response(body=body, headers={"Content-Type": content_type})


def _told(*, ok: bool, found: str) -> web.Response:
    return web.json_response({"ok": ok, "found": found}, status=200 if ok else _UNAVAILABLE)
