"""
The gRPC server: how it is set up, started, and stopped so that nobody is answered with an error for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from scaler.engine.answers import Answers
from scaler.engine.durations import Durations
from scaler.server.calls import Calls
from scaler.server.listening import ListenError, address
from scaler.server.servicer import ExternalScaler
from scaler.server.streams import Streams
from scaler.server.tls import ServerCertificates
from scaler.server.wire.externalscaler_pb2 import DESCRIPTOR
from scaler.server.wire.externalscaler_pb2_grpc import add_ExternalScalerServicer_to_server

SERVICE = DESCRIPTOR.services_by_name["ExternalScaler"].full_name

# At shutdown: seconds without a new call after which none can be waiting in gRPC's queue, where nobody sees it; and
# how long to wait for such a calm, which may never come.
_CALM = 0.05
_CALM_WITHIN = 4.0
# At shutdown: time for the last answers to leave after their handlers have returned, in seconds.
_FLUSH = 0.5


@dataclass(frozen=True, slots=True)
class Ages:
    """
    How old things may become, in seconds.

    Attributes:
        connection: after it a client is asked to open another connection (within a tenth, by gRPC's own jitter), so
            that it finds other addresses behind the same name.
        stream: after it a stream ends with OK, and KEDA opens another.
        margin: what streams have beyond their own age before their connection is cut.
        silence: after so long without a word a connection's other end is asked for a sign of life.
        patience: how long it may take to give one.
    """

    connection: float = 1800.0
    stream: float = 1800.0
    margin: float = 10.0
    silence: float = 60.0
    patience: float = 20.0


DEFAULT_AGES = Ages()


@dataclass(frozen=True, slots=True)
class Traffic:
    """
    What the server has counted.

    Attributes:
        calls_ended_total: by method and name of the status code; streams count when they end.
        calls_took: how long the answering of calls took, by method; not of streams.
        streams_open: by method.
    """

    calls_ended_total: Mapping[tuple[str, str], int]
    calls_took: Mapping[str, Durations]
    calls_in_flight: int
    streams_open: Mapping[str, int]
    pushes_sent_total: int
    certificate_reload_failures_total: int


def _options(ages: Ages) -> list[tuple[str, int]]:
    """
    Return gRPC's channel arguments.
    """
    return [
        # Beyond these (1000 and 3000 by default) gRPC cancels calls without a word, and KEDA's ScaledObjects all call
        # at once when it restarts. Limiting concurrent streams instead would count the push streams too.
        ("grpc.server.max_pending_requests", 100_000),
        ("grpc.server.max_pending_requests_hard_limit", 100_000),
        # Calls that have waited for longer (30 s by default) would be cancelled, too. Who has no deadline, as KEDA's
        # poll, gets its answer however late.
        ("grpc.server_max_unrequested_time_in_server", 3600),
        # A connection whose other end is gone is found out; KEDA sends nothing by itself. The keepalive timeout alone
        # does not close it (grpcio 1.85), the ping timeout does. Proxies may ping us, every 10 s at most.
        ("grpc.keepalive_time_ms", _milliseconds(ages.silence)),
        ("grpc.keepalive_timeout_ms", _milliseconds(ages.patience)),
        ("grpc.http2.ping_timeout_ms", _milliseconds(ages.patience)),
        ("grpc.keepalive_permit_without_calls", 1),
        ("grpc.http2.min_ping_interval_without_data_ms", 10_000),
        # A stream may begin on a connection's last moment, and must then live out its age.
        ("grpc.max_connection_age_ms", _milliseconds(ages.connection)),
        ("grpc.max_connection_age_grace_ms", _milliseconds(ages.stream + ages.margin)),
        # Enough for metadata far beyond what is allowed, so that it is refused by the name of its key.
        ("grpc.max_receive_message_length", 4 * 1024 * 1024),
        # Two processes on one port would each get some of the calls.
        ("grpc.so_reuseport", 0),
    ]


def _milliseconds(seconds: float) -> int:
    return round(seconds * 1000)


class GrpcServer:
    """
    KEDA's external scaler interface and gRPC's health service, on one port.

    Args:
        answers: the engine.
        host: the address to listen on; None means every address of this machine.
        port: the port, 0 for any that is free.
        certificates: for TLS; None serves plain text.
        ages: how old connections and streams may become.
        reflection: whether clients may ask for the interface's description.
    """

    def __init__(
        self,
        answers: Answers,
        *,
        host: str | None = None,
        port: int = 6000,
        certificates: ServerCertificates | None = None,
        ages: Ages = DEFAULT_AGES,
        reflection: bool = False,
    ) -> None:
        self._address = address(host, port)
        self._certificates = certificates
        self._ages = ages
        self._reflection = reflection
        self._calls = Calls()
        self._streams = Streams(ages.stream)
        self._servicer = ExternalScaler(answers, self._calls, self._streams)
        self._health = health.aio.HealthServicer()
        self._server: grpc.aio.Server | None = None

    @property
    def serving(self) -> bool:
        """
        Whether it has started and nobody has told it to stop.
        """
        return self._server is not None

    async def start(self) -> int:
        """
        Start, once, and return the port.

        Raises:
            ListenError: if the address cannot be had.
        """
        server = grpc.aio.server(options=_options(self._ages))
        add_ExternalScalerServicer_to_server(self._servicer, server)
        health_pb2_grpc.add_HealthServicer_to_server(self._health, server)
        if self._reflection:
            from grpc_reflection.v1alpha import reflection  # noqa: PLC0415 - off as a rule, and a megabyte

            reflection.enable_server_reflection((SERVICE, health.SERVICE_NAME, reflection.SERVICE_NAME), server)
        try:
            if self._certificates is None:
                port = server.add_insecure_port(self._address)
            else:
                port = server.add_secure_port(self._address, self._certificates.credentials())
        except RuntimeError as error:
            raise ListenError(self._address) from error
        for service in (health.OVERALL_HEALTH, SERVICE):
            await self._health.set(service, health_pb2.HealthCheckResponse.SERVING)
        await server.start()
        self._server = server
        return port

    async def stop(self, within: float = 8.0) -> None:
        """
        Say that it is going, end the streams cleanly, answer every call that has come, and stop *within* seconds.

        gRPC cancels what waits in its own queue when a server stops, and waits out its whole grace for a stream that
        stays open (somebody watching the health): so the calls are waited for here, and gRPC's grace cut short.
        """
        server, self._server = self._server, None
        if server is None:
            return
        loop = asyncio.get_running_loop()
        until = loop.time() + within
        await self._health.enter_graceful_shutdown()
        self._streams.end()
        await self._calls.quiet(_CALM, within=min(_CALM_WITHIN, within))
        stopping = asyncio.create_task(server.stop(max(0.0, until - loop.time())))
        await self._calls.quiet(_CALM, within=until - loop.time())
        await server.stop(_FLUSH)
        await stopping

    def traffic(self) -> Traffic:
        """
        Return what has been counted, as a copy.
        """
        return Traffic(
            calls_ended_total=dict(self._calls.ended),
            calls_took={method: took.durations() for method, took in self._calls.took.items()},
            calls_in_flight=self._calls.in_flight,
            streams_open=dict(self._streams.open),
            pushes_sent_total=self._servicer.pushed,
            certificate_reload_failures_total=self._certificates.reload_failures if self._certificates else 0,
        )
