"""
The composition root: the only module that sees every room. It puts the service together, and takes it apart again.
"""

from __future__ import annotations

import asyncio
import ctypes
import gc
import logging
import random
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace

from prometheus_client import GC_COLLECTOR, PLATFORM_COLLECTOR, PROCESS_COLLECTOR, CollectorRegistry

from scaler.engine.engine import Engine
from scaler.engine.history import Archive
from scaler.engine.memory import Memory
from scaler.engine.observing import NOBODY, Nobody, Observer
from scaler.engine.showing import Showing
from scaler.engine.views import ConfigurationView
from scaler.engine.wakes import Wake
from scaler.server.grpc_server import GrpcServer
from scaler.server.http_server import HttpServer
from scaler.server.tls import CertificateFiles, ServerCertificates
from scaler.settings.document import WITHOUT_POLICY, Document
from scaler.settings.loading import ConfigurationError, DocumentFile
from scaler.settings.process import ProcessSettings, named
from scaler.sources.catalog import connect

_log = logging.getLogger("scaler")

LOOK_AT_CONFIGURATION_EVERY = 1.0
"""Seconds; a change is taken when it was seen twice the same."""

_STOP_WITHIN = 8.0
_SWITCH_INTERVAL = 0.0005
_LAST_TRACES = 1.0

_TIDY_EVERY = 15.0
_GARBAGE = (10_000, 5, 20)
"""
When Python looks for garbage in cycles, of which there is little here: after so many new objects among these, so many
times later among the younger, so many times later among all. By its own choice (700, 10, 10) it would look through all
of ten thousand workloads every few seconds, and nobody is answered for a third of a second each time.
"""


@dataclass(frozen=True, slots=True)
class Running:
    """
    A scaler at work: its ports.
    """

    grpc_port: int
    http_port: int


async def serve(settings: ProcessSettings, started: Callable[[Running], None] = lambda _: None) -> None:
    """
    Serve until told to stop (SIGTERM or SIGINT), and tell *started* the ports.

    Raises:
        ConfigurationError: the document cannot be used.
        ListenError, CertificateError: a server cannot be started as it was asked to.
    """
    # Threads that write out metrics must not make gRPC's wait for 5 ms, Python's own choice, at every turn.
    sys.setswitchinterval(_SWITCH_INTERVAL)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    try:
        async with running(settings) as ports:
            started(ports)
            await stop.wait()
            _log.info("stopping: streams end, calls that have come are answered")
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)


@asynccontextmanager
async def running(settings: ProcessSettings) -> AsyncIterator[Running]:
    """
    Run a scaler for as long as the context lasts.

    Raises:
        ConfigurationError, ListenError, CertificateError: as `serve`.
    """
    file = DocumentFile(settings.config)
    document = file.load()
    certificates = _certificates(settings)
    archive, memory = Archive(settings.history), await _memory(settings)
    async with (
        _traced(settings) as tell,
        _observer(settings) as observer,
        Engine(document, connect, None, archive, observer, memory) as engine,
    ):
        engine.wakes.tell = tell
        showing = Showing(engine, ConfigurationView(loaded_at=time.time(), generation=1))
        grpc_server = GrpcServer(
            engine,
            host=settings.grpc.host,
            port=settings.grpc.port,
            certificates=certificates,
            reflection=settings.reflection,
        )
        http_server = HttpServer(
            showing, grpc_server, _process_metrics(), host=settings.http.host, port=settings.http.port
        )
        chores = [asyncio.create_task(_reload(file, engine, showing)), asyncio.create_task(_tidy_memory())]
        try:
            ports = Running(await grpc_server.start(), await http_server.start())
            _settle_memory()
            _log.info("serving gRPC on port %d and HTTP on port %d", ports.grpc_port, ports.http_port)
            _note(document)
            yield ports
        finally:
            for chore in chores:
                chore.cancel()
            await grpc_server.stop(_STOP_WITHIN)
            await http_server.stop()


@asynccontextmanager
async def _traced(settings: ProcessSettings) -> AsyncIterator[Callable[[Wake], None] | None]:
    """
    Give what traces a wake for as long as the context lasts, if that is wanted.

    Raises:
        ConfigurationError: what traces need is not installed.
    """
    if not settings.traces:
        yield None
        return
    try:
        from scaler.traces import Traces  # noqa: PLC0415 - off as a rule, and megabytes
    except ImportError as error:
        raise ConfigurationError(
            [f"{named('traces')}: needs the extra `otel` (in a clone, pip install '.[otel]')"]
        ) from error
    traces = Traces()
    try:
        yield traces.tell
    finally:
        await traces.aclose(_LAST_TRACES)


@asynccontextmanager
async def _observer(settings: ProcessSettings) -> AsyncIterator[Observer]:
    """
    Observe the cluster for as long as the context lasts, if that is wanted and there is one.
    """
    if not settings.observe:
        yield NOBODY
        return
    # It costs megabytes, which only those pay who want it.
    from scaler.observer.api import Api, ClusterError  # noqa: PLC0415
    from scaler.observer.observer import Watching, observing  # noqa: PLC0415

    try:
        api = Api.opened(settings.kubeconfig)
    except ClusterError as error:
        _log.warning("the cluster is not watched: %s", error)
        yield Nobody(str(error))
        return
    watching = Watching(settings.observe_namespaces, settings.events, settings.pod_deletion_cost)
    async with observing(api, watching, random.SystemRandom()) as observer:
        yield observer


def _note(document: Document) -> None:
    """
    Warn of a document in force that cannot be meant.
    """
    if not document.policies:
        _log.warning(WITHOUT_POLICY)


async def _memory(settings: ProcessSettings) -> Memory:
    """
    Return what was learned before, if that is kept.
    """
    if settings.state is None:
        return Memory()
    from scaler.engine.store import Store  # noqa: PLC0415 - SQLite is loaded only where there is a file

    return await Memory.of(Store(settings.state))


def _settle_memory() -> None:
    """
    Give back what only starting needed, and never look through the rest for garbage again.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_GARBAGE)
    _give_back_memory()


async def _tidy_memory() -> None:
    """
    Give back what a burst of calls has needed, soon after it: tens of megabytes, in a few milliseconds.
    """
    while True:
        await asyncio.sleep(_TIDY_EVERY)
        _give_back_memory()


def _give_back_memory() -> None:
    with suppress(OSError, AttributeError):  # only glibc has it
        ctypes.CDLL(None).malloc_trim(0)


def _certificates(settings: ProcessSettings) -> ServerCertificates | None:
    if settings.tls_cert is None or settings.tls_key is None:
        return None
    return ServerCertificates(CertificateFiles(settings.tls_cert, settings.tls_key, settings.tls_client_ca))


def _process_metrics() -> CollectorRegistry:
    registry = CollectorRegistry()
    for collector in (PROCESS_COLLECTOR, PLATFORM_COLLECTOR, GC_COLLECTOR):
        registry.register(collector)
    return registry


async def _reload(file: DocumentFile, engine: Engine, showing: Showing) -> None:
    """
    Take every new document that is valid; of one that is not, keep what is wrong for everybody to see.
    """
    while True:
        await asyncio.sleep(LOOK_AT_CONFIGURATION_EVERY)
        match await asyncio.to_thread(file.poll):
            case Document() as document:
                engine.reconfigure(document)
                generation = showing.in_force.generation + 1
                refused = showing.in_force.refused_total
                showing.in_force = ConfigurationView(time.time(), generation, refused_total=refused)
                _log.info("configuration reloaded: number %d is in force", generation, extra={"generation": generation})
                _note(document)
            case ConfigurationError() as error:
                refused = showing.in_force.refused_total + 1
                showing.in_force = replace(showing.in_force, errors=error.errors, refused_total=refused)
                _log.error(
                    "configuration refused, the old one stays in force: %s", error, extra={"errors": list(error.errors)}
                )
