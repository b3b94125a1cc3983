"""
Traces: the path of each wake from the reading to the push, for OpenTelemetry (extra `otel`).

Where they are sent to, and how, its own variables say (`OTEL_EXPORTER_OTLP_ENDPOINT` and the like).
"""

from __future__ import annotations

import asyncio
import threading
import time

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import set_span_in_context
from opentelemetry.util.types import AttributeValue

from scaler import __version__
from scaler.engine.wakes import Wake

_NANO = 1e9


class Traces:
    """
    Sends a trace of each wake to a collector, from a thread of its own; what the collector does not take is dropped.
    """

    def __init__(self) -> None:
        resource = Resource.create({"service.name": "gpu-agent-scaler", "service.version": __version__})
        self._provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        self._provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        self._tracer = self._provider.get_tracer("scaler")

    def tell(self, wake: Wake) -> None:
        """
        Trace a wake that has just ended, within the event loop.
        """
        lag = time.time() - asyncio.get_running_loop().time()
        read, decided, pushed = (round((at + lag) * _NANO) for at in (wake.read_at, wake.decided_at, wake.pushed_at))
        attributes: dict[str, AttributeValue] = {
            "k8s.namespace.name": wake.namespace,
            "scaler.scaledobject": wake.scaledobject,
            "scaler.replicas": wake.replicas,
            "scaler.signals": [signal.value for signal in wake.signals],
        }
        whole = self._tracer.start_span("wake", start_time=read, attributes=attributes)
        inside = set_span_in_context(whole)
        self._tracer.start_span("read and decide", inside, start_time=read).end(decided)
        self._tracer.start_span("push", inside, start_time=decided).end(pushed)
        whole.end(pushed)

    async def aclose(self, within: float) -> None:
        """
        Send what was not sent yet, and end; after *within* seconds the rest is given up.
        """
        # A collector that is gone is tried again for longer than the process may take to end.
        ending = threading.Thread(target=self._provider.shutdown, daemon=True)
        ending.start()
        await asyncio.to_thread(ending.join, within)
