"""
The document of the scaler that comes along: loaded by the scaler itself, with the agent's own trigger planned under it.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from scaler.domain.economic.params import EconomicParams
from scaler.domain.readings import Signal
from scaler.engine.plan import Plan, plan
from scaler.engine.workload import Caller
from scaler.settings.connections import QUEUES
from scaler.settings.document import Document
from scaler.settings.loading import load
from scaler.settings.schema import SHIPPED
from tests.chart.agent import agents
from tests.chart.charts import given
from tests.chart.helm import Chart
from tests.chart.rendered import Object, kind, objects

RABBIT = (
    "{queue: {type: rabbitmq, address: 'rabbitmq.mq.svc:5672', management: 'http://rabbitmq.mq.svc:15672', vhost: /ai}}"
)
MOUNTED = "scaler.secrets: [{name: redis, directory: queue}]"
PASSWORD = f"{{queue: {{address: 'redis:6379', username: agent, passwordSecret: {{name: redis}}}}, {MOUNTED}}}"
CA = "/etc/scaler/secrets/queue/ca.crt"
TLS = f"{{queue: {{address: 'redis:6380', tls: {{enabled: true, ca: {CA}}}}}, {MOUNTED}}}"
GPUS = """
policy:
  name: gpus
  connections: {metrics: {type: prometheus, url: "http://prometheus.monitoring.svc:9090"}}
  rules:
    idleWindow: 5m
    hold: {gpu: 1h}
    gpu: {connection: metrics, target: 70}
    requests: {connection: metrics, query: 'sum(rate(http_requests_total{namespace="$namespace"}[1m]))', target: 5}
"""
WAYS = {
    "nothing": "{}",
    "stream": "queue: {type: stream, group: workers, target: 4}",
    "rabbitmq": RABBIT,
    "password": PASSWORD,
    "tls": TLS,
    "gpus": GPUS,
    "celery": "{queue.type: celery, queue.name: jobs, worker.enabled: false}",
    "many": "keda.maxReplicaCount: 5000",
    "slow": "{keda.loadSeconds: 1800, probes.startup.failureThreshold: 200}",
    "database": "queue.database: 3",
    "by price": "{queue.target: null, policy.rules: {waitingPrice: 3, kedaCooldown: 45s}}",
    "no processing list": "{queue.processing: '', worker.enabled: false}",
}


def mounted(text: str) -> str:
    """
    Return the document that the scaler's pod mounts.
    """
    pod = next(
        each["spec"]["template"]["spec"]
        for each in objects(text)
        if each["kind"] == "Deployment" and each["metadata"]["labels"]["app.kubernetes.io/name"] == "agent-scaler"
    )
    name = next(volume["configMap"]["name"] for volume in pod["volumes"] if volume["name"] == "config")
    found: Object = next(
        each for each in objects(text) if each["kind"] == "ConfigMap" and each["metadata"]["name"] == name
    )
    document: str = found["data"]["config.yaml"]
    return document


def planned(chart: Chart, *arguments: str) -> tuple[Document, Plan]:
    """
    Return the document, and what the agent's trigger means under it.
    """
    text = chart.template(*arguments)
    document = load(mounted(text))
    found = kind(text, "ScaledObject")
    caller = Caller(found["metadata"]["namespace"], found["metadata"]["name"], found["spec"]["triggers"][0]["metadata"])
    return document, plan(document, caller)


@pytest.mark.parametrize("way", WAYS)
def test_the_scaler_understands_its_document(chart: Chart, way: str) -> None:
    """
    It is valid by the scaler's own schema, and the trigger has a meaning under it, with the bounds that KEDA has.
    """
    arguments = given(WAYS[way])
    document = yaml.safe_load(mounted(chart.template(*arguments)))
    Draft202012Validator(json.loads(SHIPPED.read_text())).validate(document)
    _, found = planned(chart, *arguments)
    spec = kind(chart.template(*arguments), "ScaledObject")["spec"]
    assert (found.policy.minimum, found.policy.maximum) == (spec["minReplicaCount"], spec["maxReplicaCount"])
    assert Signal.QUEUE in found.asks
    assert found.policy.holds.loading >= 600


@pytest.mark.parametrize(
    ("way", "asked"),
    [
        ("nothing", "list ai-agent-jobs and its processing list ai-agent-jobs:processing"),
        ("stream", "stream ai-agent-jobs for group workers"),
        ("rabbitmq", "RabbitMQ queue ai-agent-jobs"),
        ("celery", "celery queue jobs"),
        ("no processing list", "list ai-agent-jobs"),
    ],
)
def test_it_asks_for_the_agents_queue(newest: Chart, way: str, asked: str) -> None:
    """
    The same that the worker takes its jobs from.
    """
    _, found = planned(newest, *given(WAYS[way]))
    assert found.asks[Signal.QUEUE].text == asked


def test_its_address_is_there_before_the_scaler_is(newest: Chart) -> None:
    """
    KEDA asks at once, and its name server would remember for a while that a headless Service has no pod yet.
    """
    assert "clusterIP" not in agents.found(agents.rendered(newest), "Service", "ai-agent-agent-scaler")["spec"]


def test_each_kind_of_queue_can_be_read(newest: Chart) -> None:
    """
    Every kind that the scaler knows is one that the values accept.
    """
    for kept in (*QUEUES["redis"], *QUEUES["rabbitmq"]):
        values: dict[str, Any] = {"queue": {"type": kept, "address": "server:1234"}, "worker": {"enabled": False}}
        _, found = planned(newest, *given(yaml.safe_dump(values)))
        assert found.asks[Signal.QUEUE].connection == "queue"


def test_rules_reach_the_policy(newest: Chart) -> None:
    """
    GPUs, requests and windows, as the scaler reads them; the loading budget stays beside a hold of one's own.
    """
    document, found = planned(newest, *given(GPUS))
    assert document.defaults.policy == found.policy.name == "gpus"
    assert found.asks.keys() == {Signal.QUEUE, Signal.GPU, Signal.REQUESTS}
    assert found.policy.holds.gpu == 3600
    assert found.policy.holds.loading == 600
    assert found.policy.rules[Signal.GPU].target == 70


def test_without_a_target_the_price_of_waiting_decides(newest: Chart) -> None:
    """
    The queue tells the jobs in flight, so that nothing but the price has to be said.
    """
    _, found = planned(newest, *given(WAYS["by price"]))
    assert found.policy.params == EconomicParams(price=3.0, cooldown=45.0)
    assert found.policy.maximum == 4


def test_a_slow_model_has_the_time_it_needs(newest: Chart) -> None:
    """
    The scaler holds a workload that loads for as long as it takes.
    """
    _, found = planned(newest, *given(WAYS["slow"]))
    assert found.policy.holds.loading == 1800


def test_secrets_are_read_where_they_are_mounted(newest: Chart) -> None:
    """
    The password from a file of the scaler's own mounts; it is nowhere else.
    """
    text = newest.template(*given(PASSWORD))
    connection = yaml.safe_load(mounted(text))["connections"]["queue"]
    assert connection["username"] == "agent"
    assert connection["password"] == {"file": "/etc/scaler/secrets/queue/password"}
    assert "mountPath: /etc/scaler/secrets/queue" in text
    tls = yaml.safe_load(mounted(newest.template(*given(TLS))))["connections"]["queue"]["tls"]
    assert tls == {"ca": "/etc/scaler/secrets/queue/ca.crt"}


def test_a_document_of_ones_own_is_taken_as_it_is(newest: Chart) -> None:
    """
    Then the chart makes none, and the trigger carries the queue's particulars to the policy that is named.
    """
    values = """
scaler.config:
  connections: {jobs: {type: redis, addresses: ["redis.ai.svc:6379"]}}
  policies: {fast: {queue: {connection: jobs, target: 9}}, slow: {queue: {connection: jobs, target: 1}}}
keda.trigger.policy: fast
queue: {address: "redis.ai.svc:6379", target: 2}
"""
    document, found = planned(newest, *given(values))
    assert document.policies.keys() == {"fast", "slow"}
    assert found.policy.name == "fast"
    assert found.policy.rules[Signal.QUEUE].target == 2
    assert found.policy.maximum == 4
    names = {each["metadata"]["name"] for each in objects(newest.template(*given(values)))}
    assert "ai-agent-scaler" not in names


def test_a_trigger_for_a_scaler_that_is_there_has_a_meaning(newest: Chart) -> None:
    """
    Under a general document, with a policy that names neither queue nor bounds.
    """
    document = load(
        'connections: {jobs: {type: redis, addresses: ["redis.ai.svc:6379"]}}\n'
        "policies: {batch: {queue: {connection: jobs, target: 1}}}\n"
    )
    for kept in ("list", "stream", "celery"):
        values: dict[str, Any] = {
            "scaler": {"enabled": False},
            "keda": {"trigger": {"address": "agent-scaler.keda.svc:6000", "policy": "batch"}},
            "queue": {"type": kept, "target": 3},
            "worker": {"enabled": kept != "celery"},
        }
        found = kind(newest.template(*given(yaml.safe_dump(values))), "ScaledObject")
        metadata = found["spec"]["triggers"][0]["metadata"]
        meant = plan(document, Caller("ai", "ai-agent", metadata))
        assert meant.policy.rules[Signal.QUEUE].target == 3
        assert meant.policy.maximum == 4


def test_a_changed_rule_restarts_nothing(newest: Chart) -> None:
    """
    Only the document differs.
    """

    def by_name(text: str) -> dict[tuple[str, str], Object]:
        return {(each["kind"], each["metadata"]["name"]): each for each in objects(text)}

    before, after = by_name(newest.template()), by_name(newest.template(*given("policy.rules: {idleWindow: 9m}")))
    assert {key for key in before if before[key] != after[key]} == {("ConfigMap", "ai-agent-scaler")}
