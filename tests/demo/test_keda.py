"""
The stand-in for KEDA, over real gRPC: who scales when, and what an error does.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from scaler.demo.hpa import Behaviour, Hpa
from scaler.demo.keda import Activation, Answered, By, Cadence, Event, Failed, Keda, Scaled
from scaler.demo.trigger import ScaledObject, read_target, read_value
from scaler.server.wire.externalscaler_pb2 import MetricSpec, MetricValue
from tests.demo.staged import Replicas, StagedScaler, eventually, trigger_of

OBJECT = ScaledObject("ai", "agent", {"scalerAddress": "scaler:9090"}, maximum=6)
NEVER = 3600.0
ONLY_POLLS = Cadence(poll=0.05, cooldown=0.0, hpa_sync=NEVER, reopen=0.05)
ONLY_PUSHES = replace(ONLY_POLLS, poll=NEVER)
EVERYTHING = replace(ONLY_POLLS, hpa_sync=0.05)


@asynccontextmanager
async def keda(
    scaler: StagedScaler, scale: Replicas, cadence: Cadence, events: list[Event] | None = None
) -> AsyncIterator[None]:
    """
    Let KEDA care for the replicas while the context lasts.
    """
    async with trigger_of(scaler, OBJECT) as trigger:
        activation, hpa = Activation(OBJECT.minimum, cadence.cooldown), Hpa(OBJECT.minimum, OBJECT.maximum, Behaviour())
        tell = (events if events is not None else []).append
        running = asyncio.create_task(Keda(trigger, scale, cadence, activation, hpa, tell).run())
        try:
            yield
        finally:
            running.cancel()
            with pytest.raises(asyncio.CancelledError):
                await running


async def test_a_round_is_three_calls_in_order() -> None:
    """
    GetMetricSpec, GetMetrics, IsActive; the push stream is opened at the first poll, and the spec is never streamed.
    """
    scaler = StagedScaler()
    async with keda(scaler, Replicas(), ONLY_PUSHES):
        await eventually(lambda: len(scaler.calls) == 4)
    assert [call for call in scaler.calls if call != "StreamIsActive"] == ["GetMetricSpec", "GetMetrics", "IsActive"]


async def test_the_poll_wakes_and_the_hpa_grows() -> None:
    """
    Five are wanted: the poll makes it one, the HPA five.
    """
    scaler, scale, events = StagedScaler(), Replicas(), list[Event]()
    scaler.replicas = 5
    async with keda(scaler, scale, EVERYTHING, events):
        await eventually(lambda: scale.replicas == 5)
    assert scale.history == [0, 1, 5]
    assert [event for event in events if isinstance(event, Scaled)] == [Scaled(By.POLL, 0, 1), Scaled(By.HPA, 1, 5)]


async def test_the_hpa_stops_at_the_maximum() -> None:
    """
    Fifty are wanted, six are allowed.
    """
    scaler, scale = StagedScaler(), Replicas(4)
    scaler.replicas = 50
    async with keda(scaler, scale, EVERYTHING):
        await eventually(lambda: scale.replicas == 6)


async def test_a_push_wakes_without_waiting_for_a_poll() -> None:
    """
    The first poll finds nothing to do, the next is an hour away: the push makes it one, and a pushed false nothing.
    """
    scaler, scale, events = StagedScaler(), Replicas(), list[Event]()
    async with keda(scaler, scale, ONLY_PUSHES, events):
        await eventually(lambda: scaler.listening == 1 and Answered(By.POLL, active=False, value=0.0) in events)
        scaler.push(True)
        await eventually(lambda: scale.replicas == 1)
        scaler.push(False)
        await eventually(lambda: Answered(By.PUSH, active=False) in events)
    assert scale.history == [0, 1]


async def test_a_push_is_dropped_while_no_poll_has_succeeded() -> None:
    """
    KEDA's status does not list the metric yet, so there is nobody to wake.
    """
    scaler, scale, events = StagedScaler(), Replicas(), list[Event]()
    scaler.failing = True
    async with keda(scaler, scale, replace(ONLY_POLLS, poll=0.2), events):
        await eventually(lambda: any(isinstance(event, Failed) for event in events))
        scaler.failing = False
        scaler.push(True)
        await eventually(lambda: Answered(By.POLL, active=False, value=0.0) in events)
    assert scale.history == [0]


async def test_an_inactive_answer_stops_all_at_once() -> None:
    """
    Six replicas, nothing wanted, no cooldown to wait for: zero in one step.
    """
    scaler, scale = StagedScaler(), Replicas(6)
    async with keda(scaler, scale, ONLY_POLLS):
        await eventually(lambda: scale.replicas == 0)
    assert scale.history == [6, 0]


async def test_an_error_changes_nothing_and_costs_the_push_stream() -> None:
    """
    Three replicas stay while calls fail, each round asks twice, and the stream is back with the next poll after it.
    """
    scaler, scale, events = StagedScaler(), Replicas(3), list[Event]()
    scaler.replicas = 3
    async with keda(scaler, scale, ONLY_POLLS, events):
        await eventually(lambda: scaler.listening == 1)
        scaler.failing = True
        await eventually(lambda: any(isinstance(event, Failed) for event in events) and scaler.listening == 0)
        scaler.calls.clear()
        asked = len(events)
        await eventually(lambda: len(events) >= asked + 6)
        # The first of the six may have asked already; asking once a round would be seven at most.
        assert scaler.calls.count("GetMetricSpec") >= 2 * 5
        scaler.failing = False
        await eventually(lambda: scaler.listening == 1)
    assert scale.history == [3]
    failed = next(event for event in events if isinstance(event, Failed))
    assert str(failed.error) == "UNAVAILABLE: the queue is unknown"


async def test_a_stream_that_ends_cleanly_is_opened_again() -> None:
    """
    The scaler ends its streams; a moment later it has a new one, without any poll between.
    """
    scaler = StagedScaler()
    async with keda(scaler, Replicas(), ONLY_PUSHES):
        await eventually(lambda: scaler.listening == 1)
        scaler.push(None)
        await eventually(lambda: scaler.streams == 2 and scaler.listening == 1)


async def test_the_hpa_asks_nothing_at_zero() -> None:
    """
    It is off without replicas: three polls pass, and none of its rounds, however often they would be due.
    """
    events = list[Event]()
    async with keda(StagedScaler(), Replicas(), replace(ONLY_POLLS, hpa_sync=0.01), events):
        await eventually(lambda: [event.by for event in events].count(By.POLL) >= 3)
    assert {event.by for event in events} == {By.POLL}


def test_cooldown_counts_from_the_last_active_answer() -> None:
    """
    Active at 100: four minutes and 59 seconds later nothing goes, one second later everything does.
    """
    activation = Activation(minimum=0, cooldown=300.0)
    assert activation.active(0, now=100.0) == 1
    assert activation.active(4, now=100.0) == 4
    assert activation.inactive(4, now=399.0) == 4
    assert activation.inactive(4, now=400.0) == 0


def test_what_was_never_active_goes_at_once() -> None:
    """
    The first answer to a new ScaledObject is inactive: there is no initial cooldown.
    """
    assert Activation(minimum=0, cooldown=300.0).inactive(3, now=0.0) == 0


def test_a_minimum_is_kept() -> None:
    """
    With minReplicaCount 2, active means two at least, and inactive leaves them to the HPA.
    """
    activation = Activation(minimum=2, cooldown=0.0)
    assert activation.active(0, now=0.0) == 2
    assert activation.inactive(5, now=1.0) == 5


@pytest.mark.parametrize(
    ("value", "read"),
    [
        pytest.param(MetricValue(metricValue=2, metricValueFloat=2.5), 2.5, id="the float wins"),
        pytest.param(MetricValue(metricValue=2), 2.0, id="older scalers have the integer only"),
        pytest.param(MetricValue(metricValueFloat=1.23456), 1.234, id="cut to thousandths"),
        pytest.param(MetricValue(metricValue=-3), 0.0, id="never negative"),
        pytest.param(MetricValue(metricValueFloat=float("nan"), metricValue=4), 4.0, id="not a number is not above 0"),
        pytest.param(MetricValue(metricValueFloat=float("inf")), 0.0, id="nor is there infinity"),
    ],
)
def test_values_are_read_as_keda_reads_them(value: MetricValue, read: float) -> None:
    """
    What reaches the HPA of a value on the wire.
    """
    assert read_value(value) == read


def test_targets_are_read_as_keda_reads_them() -> None:
    """
    The float if it says anything.
    """
    assert read_target(MetricSpec(targetSize=1, targetSizeFloat=1.5)) == 1.5
    assert read_target(MetricSpec(targetSize=3)) == 3.0
