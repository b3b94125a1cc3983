"""
The five RPCs, across a real socket.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable

import grpc
import pytest

from scaler.domain.decision import Verdict
from scaler.engine.workload import MetadataError, OverloadedError, UndecidedError
from scaler.server.grpc_server import GrpcServer
from scaler.server.wire import externalscaler_pb2 as pb
from scaler.server.wire.externalscaler_pb2_grpc import ExternalScalerStub
from tests.server.answering import CALLER, StagedAnswers, decided

REF = pb.ScaledObjectRef(name=CALLER.name, namespace=CALLER.namespace, scalerMetadata=CALLER.metadata)
METRICS = pb.GetMetricsRequest(scaledObjectRef=REF, metricName="desired-replicas")


async def refused(call: Awaitable[object]) -> tuple[grpc.StatusCode, str]:
    """
    Return how a call failed.
    """
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    return caught.value.code(), caught.value.details() or ""


@pytest.mark.parametrize("replicas", [0, 1, 5])
async def test_both_answers_come_from_one_decision(
    answers: StagedAnswers, keda: ExternalScalerStub, replicas: int
) -> None:
    """
    The metric is the desired replicas, in both fields, and active is what the verdict says.
    """
    answers.answer = decided(replicas)
    assert (await keda.IsActive(REF)).result is (replicas > 0)
    (value,) = (await keda.GetMetrics(METRICS)).metricValues
    assert (value.metricName, value.metricValue, value.metricValueFloat) == ("desired-replicas", replicas, replicas)
    assert answers.callers == [CALLER, CALLER]


async def test_the_specification_asks_for_no_decision(answers: StagedAnswers, keda: ExternalScalerStub) -> None:
    """
    GetMetricSpec answers while nothing is known: KEDA's fallback depends on it. One metric, target 1 in both fields.
    """
    answers.answer = UndecidedError("everything is down")
    (spec,) = (await keda.GetMetricSpec(REF)).metricSpecs
    assert (spec.metricName, spec.targetSize, spec.targetSizeFloat) == ("desired-replicas", 1, 1.0)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (MetadataError("queueLenght is unknown; did you mean queueLength?"), grpc.StatusCode.INVALID_ARGUMENT),
        (UndecidedError("queue: redis-main refuses the connection"), grpc.StatusCode.UNAVAILABLE),
        (OverloadedError("limits.workloads is reached; raise it"), grpc.StatusCode.RESOURCE_EXHAUSTED),
    ],
    ids=lambda value: type(value).__name__,
)
async def test_each_error_has_its_status_and_keeps_its_sentence(
    answers: StagedAnswers, keda: ExternalScalerStub, error: Exception, code: grpc.StatusCode
) -> None:
    """
    Who must act is told what to do, in the words of the error, on unary calls and streams alike.
    """
    answers.refusal = error
    for call in (keda.IsActive(REF), keda.GetMetricSpec(REF), keda.GetMetrics(METRICS)):
        assert await refused(call) == (code, str(error))
    for stream in (keda.StreamIsActive(REF), keda.StreamMetricSpec(REF)):
        assert (await stream.code(), await stream.details()) == (code, str(error))


async def test_an_unknown_verdict_is_never_false(answers: StagedAnswers, keda: ExternalScalerStub) -> None:
    """
    Were the engine ever to hand out an unknown decision, KEDA gets an error and not `false`.
    """
    answers.answer = decided(0, verdict=Verdict.UNKNOWN, sentence="nothing is known")
    for call in (keda.IsActive(REF), keda.GetMetrics(METRICS)):
        assert await refused(call) == (grpc.StatusCode.UNAVAILABLE, "nothing is known")


async def test_the_unexpected_is_told_to_the_log_alone(
    answers: StagedAnswers, server: GrpcServer, keda: ExternalScalerStub, caplog: pytest.LogCaptureFixture
) -> None:
    """
    The caller gets a fixed sentence and a number; the log has the traceback under that number; others are served.
    """
    answers.answer = RuntimeError("redis://user:hunter2@host")
    code, message = await refused(keda.IsActive(REF))
    assert code is grpc.StatusCode.INTERNAL
    assert "hunter2" not in message
    assert "Traceback" not in message
    (record,) = [record for record in caplog.records if record.levelno == logging.ERROR]
    incident = message.split("incident ")[1].split()[0]
    assert incident in record.getMessage()
    assert record.exc_info is not None
    assert record.exc_info[1] is answers.answer
    assert (await keda.GetMetricSpec(REF)).metricSpecs
    assert server.traffic().calls_ended_total == {("IsActive", "INTERNAL"): 1, ("GetMetricSpec", "OK"): 1}


async def test_an_answer_that_is_given_up_is_an_error(answers: StagedAnswers, keda: ExternalScalerStub) -> None:
    """
    The engine cancels what it was doing: the caller is told, and does not wait for ever.
    """
    answers.answer = asyncio.CancelledError()
    code, message = await asyncio.wait_for(refused(keda.IsActive(REF)), 5)
    assert code is grpc.StatusCode.UNAVAILABLE
    assert message.endswith("ask again")


async def test_a_long_message_is_cut_and_not_lost(answers: StagedAnswers, keda: ExternalScalerStub) -> None:
    """
    A status too long for a header would reach the client as another status.
    """
    answers.answer = UndecidedError("x" * 50_000)
    assert await refused(keda.IsActive(REF)) == (grpc.StatusCode.UNAVAILABLE, "x" * 1000)


async def test_another_metric_is_refused_by_name(answers: StagedAnswers, keda: ExternalScalerStub) -> None:
    """
    The message names both the metric that was asked for and the one there is.
    """
    code, message = await refused(keda.GetMetrics(pb.GetMetricsRequest(scaledObjectRef=REF, metricName="s0-length")))
    assert code is grpc.StatusCode.INVALID_ARGUMENT
    assert "s0-length" in message
    assert "desired-replicas" in message
    assert answers.callers == []


@pytest.mark.parametrize(
    "ref",
    [
        pb.ScaledObjectRef(namespace="ai"),
        pb.ScaledObjectRef(name="agent"),
        pb.ScaledObjectRef(namespace="ai", name="a" * 254),
    ],
    ids=["no name", "no namespace", "a name longer than any"],
)
async def test_a_call_must_name_a_scaled_object(
    answers: StagedAnswers, keda: ExternalScalerStub, ref: pb.ScaledObjectRef
) -> None:
    """
    What cannot be a ScaledObject never reaches the engine.
    """
    code, message = await refused(keda.IsActive(ref))
    assert code is grpc.StatusCode.INVALID_ARGUMENT
    assert "ScaledObject's name" in message
    assert answers.callers == []


async def test_a_megabyte_of_metadata_reaches_the_engine(answers: StagedAnswers, keda: ExternalScalerStub) -> None:
    """
    So that the engine can refuse it by the name of its key.
    """
    answers.refusal = MetadataError("queue is too long")
    ref = pb.ScaledObjectRef(name="agent", namespace="ai", scalerMetadata={"queue": "x" * 1_000_000})
    assert await refused(keda.IsActive(ref)) == (grpc.StatusCode.INVALID_ARGUMENT, "queue is too long")
    assert len(answers.callers[0].metadata["queue"]) == 1_000_000
