"""
What is scraped, for what the engine shows.
"""

from __future__ import annotations

import dataclasses

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from scaler.domain.decision import Phase, Reason, Verdict
from scaler.engine.durations import Durations
from scaler.engine.views import ConfigurationView, CountersView, Hold
from scaler.server.grpc_server import Traffic
from scaler.server.metrics import Exposition, Snapshot
from tests.server.showing import GPU, NO_GPU, NOW, QUEUE, REQUESTS, WALL, StagedViews, shown, unknown

TRAFFIC = Traffic(
    calls_ended_total={("IsActive", "OK"): 5, ("GetMetrics", "UNAVAILABLE"): 1},
    calls_took={"GetMetrics": Durations((0.001, 0.01), (5, 1, 1), 0.125)},
    calls_in_flight=4,
    streams_open={"StreamIsActive": 2, "StreamMetricSpec": 1},
    pushes_sent_total=2,
    certificate_reload_failures_total=1,
)


class Scraped:
    """
    The samples of one scrape; a sample is found by its name and the labels that matter.
    """

    def __init__(self, views: StagedViews) -> None:
        text = generate_latest(
            Exposition(Snapshot.take(views, TRAFFIC, views.workloads()), CollectorRegistry())
        ).decode()
        self.families = list(text_string_to_metric_families(text))

    def __call__(self, name: str, **labels: str) -> list[float]:
        """
        Return the values of the samples of that name that have these labels among theirs.
        """
        return [
            sample.value
            for family in self.families
            for sample in family.samples
            if sample.name == f"gpu_agent_scaler_{name}" and labels.items() <= sample.labels.items()
        ]


def test_an_active_workload() -> None:
    """
    What KEDA is told, where it stands, and what every signal says, each in its unit.
    """
    scraped = Scraped(StagedViews(known=[shown()]))
    agent = {"scaledobject_namespace": "ai", "scaledobject": "agent", "trigger": "0"}
    assert scraped("workloads") == [1]
    assert scraped("workload_desired_replicas", **agent) == [3]
    assert scraped("workload_active", **agent) == [1]
    assert scraped("workload_phase", **agent) == scraped("workload_phase", phase="active") == [1]
    assert scraped("workload_reason", **agent) == scraped("workload_reason", reason="demand") == [1]
    assert scraped("workload_last_call_age_seconds", **agent) == [4]
    assert scraped("queue_jobs", state="waiting", **agent) == [7]
    assert scraped("queue_jobs", state="in_flight", **agent) == [2]
    assert scraped("requests_per_second", **agent) == [12]
    assert scraped("gpu_utilization_ratio", **agent) == [1.8]
    assert [scraped("signal_wanted_replicas", signal=signal) for signal in ("queue", "requests", "gpu")] == [
        [3],
        [3],
        [2.25],
    ]
    assert scraped("signal_age_seconds", signal="queue") == [1.5]
    assert scraped("signal_unknown", **agent) == [0, 0, 0]


def test_unknown_has_no_number() -> None:
    """
    A workload of which nothing is known: no replicas, not inactive, no value, no age; but an alarm.
    """
    wants = (unknown(QUEUE), unknown(REQUESTS), unknown(GPU))
    view = shown(wants=wants, replicas=0, verdict=Verdict.UNKNOWN, phase=None, reason=Reason.UNKNOWN)
    scraped = Scraped(StagedViews(known=[view]))
    for name in (
        "workload_desired_replicas",
        "workload_active",
        "workload_phase",
        "queue_jobs",
        "requests_per_second",
        "gpu_utilization_ratio",
        "signal_age_seconds",
        "signal_wanted_replicas",
    ):
        assert scraped(name) == [], name
    assert scraped("signal_unknown") == [1, 1, 1]
    assert scraped("workload_reason", reason="unknown") == [1]


def test_a_policy_that_is_only_watched_tells_keda_nothing() -> None:
    """
    In shadow mode KEDA is not told what is decided; where it stands and why is shown all the same.
    """
    scraped = Scraped(StagedViews(known=[dataclasses.replace(shown(), acts=False)]))
    assert scraped("workload_desired_replicas") == scraped("workload_active") == []
    assert scraped("workload_phase", phase="active") == [1]


def test_an_absent_gpu_is_no_alarm() -> None:
    """
    At zero replicas a GPU has no series: an age, no value, and not unknown.
    """
    view = shown(wants=(NO_GPU,), replicas=0, verdict=Verdict.INACTIVE, phase=Phase.IDLE, reason=Reason.QUIET)
    scraped = Scraped(StagedViews(known=[view]))
    assert scraped("workload_active") == [0]
    assert scraped("signal_unknown", signal="gpu") == [0]
    assert scraped("signal_age_seconds", signal="gpu") == [5]
    assert scraped("gpu_utilization_ratio") == []


def test_triggers_of_one_scaled_object_are_told_apart() -> None:
    """
    No two samples have the same labels, which Prometheus would refuse.
    """
    views = StagedViews(known=[shown(replicas=1), shown(replicas=2), shown("prod", replicas=5)])
    scraped = Scraped(views)
    replicas = {
        (sample.labels["scaledobject_namespace"], sample.labels["trigger"]): sample.value
        for family in scraped.families
        for sample in family.samples
        if sample.name == "gpu_agent_scaler_workload_desired_replicas"
    }
    assert replicas == {("ai", "0"): 1, ("ai", "1"): 2, ("prod", "0"): 5}
    samples = [
        (sample.name, *sorted(sample.labels.items())) for family in scraped.families for sample in family.samples
    ]
    assert len(samples) == len(set(samples))


def test_counters_are_there_from_the_start() -> None:
    """
    Every reason and hold has its zero, so that a rate is right from the first event on.
    """
    wakes = Durations((0.01, 0.1), (3, 0, 1), 1.5)
    scraped = Scraped(StagedViews(counted=CountersView({Reason.DEMAND: 4}, {Hold.GPU: 2}, wakes)))
    assert scraped("decisions_total", reason="demand") == [4]
    assert len(scraped("decisions_total")) == len(Reason)
    assert {hold: scraped("holds_expired_total", hold=hold.value) for hold in Hold} == {
        Hold.UNKNOWN: [0],
        Hold.GPU: [2],
        Hold.LOADING: [0],
    }
    assert scraped("wake_latency_seconds_bucket", le="0.1") == [3]
    assert scraped("wake_latency_seconds_count") == [4]
    assert scraped("wake_latency_seconds_sum") == [1.5]


def test_a_hold_has_an_age_and_a_reason() -> None:
    """
    While it lasts; the hold that reached its bound stays to be seen, in the name of its workload.
    """
    held = shown(phase=Phase.HOLDING, reason=Reason.GPU_BUSY)
    idle = dataclasses.replace(
        shown("prod", verdict=Verdict.INACTIVE, replicas=0, phase=Phase.IDLE, reason=Reason.GPU_HOLD_EXPIRED),
        expired=(Hold.GPU, NOW - 60),
    )
    scraped = Scraped(StagedViews(known=[held, idle]))
    assert scraped("workload_hold_age_seconds") == [90]
    assert scraped("workload_hold_age_seconds", scaledobject_namespace="ai", reason="gpu-busy") == [90]
    assert scraped("workload_hold_expired_age_seconds") == [60]
    assert scraped("workload_hold_expired_age_seconds", scaledobject_namespace="prod", hold="gpu") == [60]


def test_sources() -> None:
    """
    One that answers and one that never has: what never was has no sample.
    """
    scraped = Scraped(StagedViews())
    redis, rabbit = {"connection": "redis-main", "type": "redis"}, {"connection": "rabbit", "type": "rabbitmq"}
    assert (scraped("source_up", **redis), scraped("source_up", **rabbit)) == ([1], [0])
    assert scraped("source_watch", mode="tracking", **redis) == scraped("source_watch", mode="polling", **rabbit) == [1]
    assert scraped("source_reads_total", **redis) == [10]
    assert scraped("source_read_errors_total", **redis) == [1]
    assert scraped("source_reads_skipped_total", **redis) == [2]
    assert scraped("source_read_latency_seconds_count", **redis) == [10]
    assert scraped("source_read_latency_seconds_bucket", le="0.0025", **redis) == [9]
    assert scraped("source_read_lateness_seconds_sum", **redis) == [0.25]
    assert scraped("source_read_latency_seconds_count", **rabbit) == [0]
    assert scraped("source_last_good_read_age_seconds") == [0.5]


@pytest.mark.parametrize("errors", [(), ("a: wrong", "b: wrong", "c: wrong")])
def test_configuration(errors: tuple[str, ...]) -> None:
    """
    When the one in force was loaded, and how many errors a refused one has.
    """
    scraped = Scraped(StagedViews(loaded=ConfigurationView(WALL, 2, errors, refused_total=4)))
    assert scraped("configuration_loaded_timestamp_seconds") == [WALL]
    assert scraped("configuration_generation") == [2]
    assert scraped("configuration_errors") == [len(errors)]
    assert scraped("configuration_reloads_total", outcome="taken") == [1]
    assert scraped("configuration_reloads_total", outcome="refused") == [4]


def test_traffic() -> None:
    """
    What the gRPC server has counted.
    """
    scraped = Scraped(StagedViews())
    assert scraped("rpcs_total", method="GetMetrics", code="UNAVAILABLE") == [1]
    assert scraped("rpcs_total", method="IsActive", code="OK") == [5]
    assert scraped("rpcs_in_flight") == [4]
    assert scraped("streams_open", method="StreamIsActive") == [2]
    assert scraped("streams_open", method="StreamMetricSpec") == [1]
    assert [scraped("rpc_latency_seconds_bucket", method="GetMetrics", le=le) for le in ("0.001", "0.01", "+Inf")] == [
        [5],
        [6],
        [7],
    ]
    assert scraped("rpc_latency_seconds_sum") == [0.125]
    assert scraped("rpc_latency_seconds_count") == [7]
    assert scraped("pushes_sent_total") == [2]
    assert scraped("certificate_reload_failures_total") == [1]


def test_a_snapshot_is_of_one_moment() -> None:
    """
    What changes afterwards does not show in it: it is written out in another thread.
    """
    views = StagedViews(known=[shown()])
    snapshot = Snapshot.take(views, TRAFFIC, views.workloads())
    views.known.clear()
    assert len(snapshot.workloads) == 1
    assert snapshot.now == NOW
    assert dataclasses.is_dataclass(snapshot)
