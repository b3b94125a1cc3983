"""
What is told after an install of the agent: true, and fit to be copied.
"""

from __future__ import annotations

import re

import pytest

from tests.chart.charts import given
from tests.chart.helm import Chart
from tests.chart.rendered import containers, objects, pods

THERE = "scaler.enabled: false, keda.trigger: {address: 'agent-scaler.keda.svc:6000', policy: p}"
GPU = "gpu: {enabled: true, type: nvidia.com/mig-1g.10gb, nodeSelector: {gpu-node: 'true'}}"
JOBS = "keda.kind: ScaledJob, worker.enabled: false"
MODELS = "models: {enabled: true, accessMode: ReadWriteMany}"


def notes(chart: Chart, values: str = "") -> str:
    """
    Return the notes.
    """
    return chart.notes(*given(f"{{{values}}}"))


def test_the_commands_name_objects_that_there_are(newest: Chart) -> None:
    """
    Each object of this release in a command of the notes is one that is installed.
    """
    text = newest.template()
    there = {(each["kind"].lower(), each["metadata"]["name"]) for each in objects(text)}
    said = notes(newest)
    found = set(re.findall(r"(deployment|scaledobject)[/ ]([a-z0-9-]+)", said))
    assert found == {
        ("deployment", "ai-agent"),
        ("deployment", "ai-agent-agent-scaler"),
        ("scaledobject", "ai-agent"),
    }
    assert found <= there
    assert "helm test ai-agent --namespace ai\n" in said
    assert "get hpa keda-hpa-ai-agent\n" in said
    assert "-- scaler explain ai/ai-agent\n" in said


def test_work_can_be_sent_by_copying(newest: Chart) -> None:
    """
    To the queue that the worker reads, by a program of the scaler's image.
    """
    said = notes(newest)
    command = re.search(r"loadgen publish --broker (\S+) --queue (\S+) --count 10 --service 5s\n", said)
    assert command is not None
    (agent,) = (
        pod
        for pod in pods(newest.template())
        if pod["metadata"].get("labels", {}).get("app.kubernetes.io/component") == "agent"
    )
    worker = {each["name"]: each.get("value") for each in containers(agent)[-1]["env"]}
    assert command.groups() == (worker["LOADGEN_BROKER"], worker["LOADGEN_QUEUE"])
    assert "loadgen" not in notes(newest, "worker.enabled: false")
    assert "--queue-type stream" in notes(newest, "queue.type: stream")


@pytest.mark.parametrize(
    ("values", "told"),
    [
        (GPU, r"GPUS:.status.allocatable.nvidia\.com/mig-1g\.10gb'"),
        (MODELS, "--label-columns backup.velero.io/backup-tier"),
        (THERE, "--namespace keda exec deployment/agent-scaler -- scaler explain ai/ai-agent"),
        (JOBS, "get jobs --selector scaledjob.keda.sh/name=ai-agent --watch"),
        ("keda.enabled: false, scaler.enabled: false", "runs with 1 replica; KEDA does not scale it."),
        ("queue: {type: rabbitmq, address: 'mq:5672'}", "Without queue.management the scaler cannot see jobs"),
        ("keda.loadSeconds: 300", "it may take 360 s until it can be stopped"),
    ],
)
def test_they_tell_of_what_there_is(newest: Chart, values: str, told: str) -> None:
    """
    And of nothing else.
    """
    assert told in notes(newest, values)
    assert told not in notes(newest)


def test_the_conditions_of_what_keda_scales_are_asked_for(newest: Chart) -> None:
    """
    Of either kind.
    """
    assert "get scaledobject ai-agent -o jsonpath='{range .status.conditions[*]}" in notes(newest)
    assert "get scaledjob ai-agent -o jsonpath='{range .status.conditions[*]}" in notes(newest, JOBS)


def test_they_fit_a_terminal(newest: Chart) -> None:
    """
    No blank lines in a row, and sections apart.
    """
    said = notes(newest, f"{GPU}, {MODELS}")
    assert "\n\n\n" not in said
    assert said.count("\n\n") >= 8
