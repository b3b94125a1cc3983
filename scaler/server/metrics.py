"""
What Prometheus scrapes: gauges computed at scrape time from one snapshot, the same values that KEDA is told.

What is not known has no sample, rather than a zero. Labels have bounded values: names of objects, and closed lists.
METRICS.md beside this file lists all of them, and how many series there are.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from prometheus_client import Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, InfoMetricFamily
from prometheus_client.registry import Collector

from scaler import __version__
from scaler.domain.decision import Decision, Phase, Reason, Verdict, Want
from scaler.domain.readings import GpuUse, Known, QueueDepth, RequestRate, Unknown
from scaler.engine.durations import Durations
from scaler.engine.views import ConfigurationView, CountersView, Hold, SourceView, Views, WorkloadView
from scaler.server.grpc_server import Traffic

_PREFIX = "gpu_agent_scaler_"

# Not `namespace` and `name`: Prometheus gives every sample the namespace of the pod that it was scraped from.
_WORKLOAD = ("scaledobject_namespace", "scaledobject", "trigger")
_BY_REASON = (*_WORKLOAD, "reason")
_BY_HOLD = (*_WORKLOAD, "hold")


@dataclass(frozen=True, slots=True)
class Snapshot:
    """
    All that the metrics show, at one moment. Taken on the event loop, it may be written out in any thread.
    """

    now: float
    workloads: Sequence[WorkloadView]
    sources: Sequence[SourceView]
    configuration: ConfigurationView
    counters: CountersView
    traffic: Traffic

    @classmethod
    def take(cls, views: Views, traffic: Traffic, workloads: Sequence[WorkloadView]) -> Snapshot:
        """
        Return what the engine and the gRPC server show now, beside the workloads just seen.
        """
        return cls(
            now=views.now(),
            workloads=workloads,
            sources=views.sources(),
            configuration=views.configuration(),
            counters=views.counters(),
            traffic=traffic,
        )


class Exposition(Collector):
    """
    A snapshot's metrics, after those of a registry (of the process, of Python).
    """

    def __init__(self, snapshot: Snapshot, registry: Collector) -> None:
        self._snapshot = snapshot
        self._registry = registry

    def collect(self) -> Iterator[Metric]:
        """
        Yield every metric.
        """
        snapshot = self._snapshot
        yield from self._registry.collect()
        yield InfoMetricFamily(f"{_PREFIX}build", "The scaler's version.", {"version": __version__})
        yield from _workloads(snapshot.workloads)
        yield from _holds(snapshot.workloads, snapshot.now)
        yield from _signals(snapshot.workloads, snapshot.now)
        yield from _counters(snapshot.counters)
        yield from _sources(snapshot.sources)
        yield from _configuration(snapshot.configuration)
        yield from _traffic(snapshot.traffic)


def _gauge(name: str, help_: str, labels: Sequence[str] = ()) -> GaugeMetricFamily:
    return GaugeMetricFamily(_PREFIX + name, help_, labels=labels)


def _counter(name: str, help_: str, labels: Sequence[str] = ()) -> CounterMetricFamily:
    return CounterMetricFamily(_PREFIX + name, help_, labels=labels)


def _histogram(name: str, help_: str, labels: Sequence[str] = ()) -> HistogramMetricFamily:
    return HistogramMetricFamily(_PREFIX + name, help_, labels=labels)


def _add(family: HistogramMetricFamily, labels: Sequence[str], durations: Durations) -> None:
    family.add_metric(labels, buckets=durations.up_to(), sum_value=durations.total)


def _single(family: GaugeMetricFamily | CounterMetricFamily, value: float) -> Metric:
    family.add_metric((), value)
    return family


def _numbered(workloads: Iterable[WorkloadView]) -> Iterator[tuple[tuple[str, str, str], WorkloadView]]:
    # The triggers of one ScaledObject are told apart by their number: their metadata would be unbounded.
    seen: Counter[tuple[str, str]] = Counter()
    for view in workloads:
        key = (view.namespace, view.name)
        yield (*key, str(seen[key])), view
        seen[key] += 1


def _workloads(workloads: Sequence[WorkloadView]) -> Iterator[Metric]:
    yield _single(_gauge("workloads", "Triggers of ScaledObjects that are known."), len(workloads))
    replicas = _gauge("workload_desired_replicas", "Replicas that KEDA is told; none while unknown.", _WORKLOAD)
    active = _gauge("workload_active", "1 if KEDA is told that it is active, 0 if not; none while unknown.", _WORKLOAD)
    phase = _gauge("workload_phase", "1 for the phase that it is in; none while unknown.", (*_WORKLOAD, "phase"))
    reason = _gauge("workload_reason", "1 for the reason of the decision in force.", (*_WORKLOAD, "reason"))
    called = _gauge("workload_last_call_age_seconds", "Time since KEDA last called for it.", _WORKLOAD)
    for labels, view in _numbered(workloads):
        decision = view.decision
        if decision.verdict is not Verdict.UNKNOWN and view.acts:
            replicas.add_metric(labels, decision.replicas)
            active.add_metric(labels, decision.verdict is Verdict.ACTIVE)
        if decision.phase is not None:
            phase.add_metric((*labels, decision.phase.value), 1)
        reason.add_metric((*labels, decision.reason.value), 1)
        called.add_metric(labels, view.last_called_seconds_ago)
    yield from (replicas, active, phase, reason, called)


def _holds(workloads: Sequence[WorkloadView], now: float) -> Iterator[Metric]:
    held = _gauge("workload_hold_age_seconds", "Time for which it has been held; none while it is not.", _BY_REASON)
    expired = _gauge(
        "workload_hold_expired_age_seconds", "Time since its last hold reached its bound; none if none has.", _BY_HOLD
    )
    for labels, view in _numbered(workloads):
        if _is_held(view.decision):
            held.add_metric((*labels, view.decision.reason.value), now - view.decision.since)
        if view.expired is not None:
            hold, at = view.expired
            expired.add_metric((*labels, hold.value), now - at)
    yield from (held, expired)


def _is_held(decision: Decision) -> bool:
    return decision.verdict is Verdict.ACTIVE and decision.phase is Phase.HOLDING


def _signals(workloads: Sequence[WorkloadView], now: float) -> Iterator[Metric]:
    by_signal = (*_WORKLOAD, "signal")
    unknown = _gauge("signal_unknown", "1 while nothing is known of the signal.", by_signal)
    age = _gauge("signal_age_seconds", "Age of the reading; none while unknown.", by_signal)
    wants = _gauge("signal_wanted_replicas", "Replicas that the signal wants by itself; none while unknown.", by_signal)
    values = _Values()
    for labels, view in _numbered(workloads):
        for want in view.decision.wants:
            named = (*labels, want.signal.value)
            unknown.add_metric(named, isinstance(want.reading, Unknown))
            if not isinstance(want.reading, Unknown):
                age.add_metric(named, now - want.reading.at)
            if want.replicas is not None:
                wants.add_metric(named, want.replicas)
            values.add(labels, want)
    yield from (unknown, age, wants, values.jobs, values.rate, values.gpu)


class _Values:
    """
    The signals' values, each kind in its unit.
    """

    def __init__(self) -> None:
        self.jobs = _gauge("queue_jobs", "Jobs on the queue.", (*_WORKLOAD, "state"))
        self.rate = _gauge("requests_per_second", "Requests per second.", _WORKLOAD)
        self.gpu = _gauge("gpu_utilization_ratio", "GPU utilisation, summed: 1 is one GPU at work.", _WORKLOAD)

    def add(self, labels: Sequence[str], want: Want) -> None:
        """
        Add what is known of one signal.
        """
        match want.reading:
            case Known(value=QueueDepth() as depth):
                self.jobs.add_metric((*labels, "waiting"), depth.waiting)
                if depth.in_flight is not None:
                    self.jobs.add_metric((*labels, "in_flight"), depth.in_flight)
            case Known(value=RequestRate() as rate):
                self.rate.add_metric(labels, rate.per_second)
            case Known(value=GpuUse() as use):
                self.gpu.add_metric(labels, use.total / 100)


def _counters(counters: CountersView) -> Iterator[Metric]:
    decisions = _counter("decisions", "Decisions, by reason.", ("reason",))
    for reason in Reason:
        decisions.add_metric((reason.value,), counters.decisions_total.get(reason, 0))
    holds = _counter("holds_expired", "Holds that reached their bound, so that the workload was let go.", ("hold",))
    for hold in Hold:
        holds.add_metric((hold.value,), counters.holds_expired_total.get(hold, 0))
    wakes = _histogram(
        "wake_latency_seconds", "Time from the reading that woke a workload to the first push that told KEDA."
    )
    _add(wakes, (), counters.wakes)
    yield from (decisions, holds, wakes)


def _sources(sources: Sequence[SourceView]) -> Iterator[Metric]:
    labels = ("connection", "type")
    up = _gauge("source_up", "1 if the last read was answered.", labels)
    mode = _gauge(
        "source_watch", "1 for how changes are noticed: told by the server, or polled for.", (*labels, "mode")
    )
    good = _gauge("source_last_good_read_age_seconds", "Time since the last read that was answered.", labels)
    reads = _counter("source_reads", "Reads.", labels)
    errors = _counter("source_read_errors", "Reads that were not answered.", labels)
    skipped = _counter(
        "source_reads_skipped", "Reads left out, because the one before took longer than the interval.", labels
    )
    latency = _histogram("source_read_latency_seconds", "Duration of reads.", labels)
    lateness = _histogram("source_read_lateness_seconds", "Delay of reads' beginning after their due time.", labels)
    for source in sources:
        named = (source.connection, source.type)
        up.add_metric(named, source.up)
        mode.add_metric((*named, source.mode.value), 1)
        reads.add_metric(named, source.reads_total)
        errors.add_metric(named, source.errors_total)
        skipped.add_metric(named, source.skipped_total)
        if source.last_good_seconds_ago is not None:
            good.add_metric(named, source.last_good_seconds_ago)
        _add(latency, named, source.latencies)
        _add(lateness, named, source.latenesses)
    yield from (up, mode, good, reads, errors, skipped, latency, lateness)


def _configuration(configuration: ConfigurationView) -> Iterator[Metric]:
    loaded = _gauge("configuration_loaded_timestamp_seconds", "When the configuration in force was loaded.")
    yield _single(loaded, configuration.loaded_at)
    generation = _gauge("configuration_generation", "Configurations that have taken effect since the start.")
    yield _single(generation, configuration.generation)
    errors = _gauge("configuration_errors", "Errors of a newer configuration that was refused; 0 if none was.")
    yield _single(errors, len(configuration.errors))
    reloads = _counter("configuration_reloads", "Changed configurations, by what became of them.", ("outcome",))
    reloads.add_metric(("taken",), configuration.generation - 1)
    reloads.add_metric(("refused",), configuration.refused_total)
    yield reloads


def _traffic(traffic: Traffic) -> Iterator[Metric]:
    calls = _counter("rpcs", "Calls that have ended, by method and status; streams count too.", ("method", "code"))
    for labels, count in sorted(traffic.calls_ended_total.items()):
        calls.add_metric(labels, count)
    yield calls
    latency = _histogram(
        "rpc_latency_seconds", "Duration of calls from their handlers' begin to their end.", ("method",)
    )
    for method, took in sorted(traffic.calls_took.items()):
        _add(latency, (method,), took)
    yield latency
    yield _single(
        _gauge("rpcs_in_flight", "Calls that are being answered, open streams included."), traffic.calls_in_flight
    )
    streams = _gauge("streams_open", "Streams that are open, by method.", ("method",))
    for method, count in sorted(traffic.streams_open.items()):
        streams.add_metric((method,), count)
    yield streams
    yield _single(_counter("pushes_sent", "Messages sent on StreamIsActive."), traffic.pushes_sent_total)
    failures = _counter("certificate_reload_failures", "Changed certificates that were refused; the old one stayed.")
    yield _single(failures, traffic.certificate_reload_failures_total)
