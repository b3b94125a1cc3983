"""
What the agent is told of its neighbours: the worker's queue, Qdrant, LiteLLM; and the Redis to try with.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.chart.charts import given
from tests.chart.helm import Chart
from tests.chart.rendered import Object, containers, kind, objects, pods, selects

LITELLM = "litellm: {enabled: true, virtualKeySecret: {name: agent-key, key: key}"


def variables(chart: Chart, values: str = "{}") -> dict[str, Any]:
    """
    Return the agent's variables: a text, the field of the pod, or the Secret and key that it is read from.
    """
    text = chart.template(*given(values))
    pod = next(
        pod for pod in pods(text) if pod["metadata"].get("labels", {}).get("app.kubernetes.io/component") == "agent"
    )
    found = {}
    for each in containers(pod)[-1]["env"]:
        match each.get("valueFrom"):
            case {"secretKeyRef": reference}:
                found[each["name"]] = (reference["name"], reference["key"])
            case {"fieldRef": reference}:
                found[each["name"]] = reference["fieldPath"]
            case _:
                found[each["name"]] = each["value"]
    return found


def named(text: str, name: str) -> dict[str, Object]:
    """
    Return the objects of a name, by their kinds.
    """
    return {each["kind"]: each for each in objects(text) if each["metadata"]["name"] == name}


def test_the_worker_reads_the_queue_that_the_scaler_watches(newest: Chart) -> None:
    """
    With nothing set: the Redis to try with, and the name that the trigger has.
    """
    found = variables(newest)
    assert found["LOADGEN_BROKER"] == "redis://ai-agent-try-redis.ai.svc:6379/0"
    trigger = kind(newest.template(), "ScaledObject")["spec"]["triggers"][0]
    assert found["LOADGEN_QUEUE"] == trigger["metadata"]["queue"]
    assert found["LOADGEN_QUEUE_TYPE"] == "list"
    assert found["LOADGEN_HTTP"] == ":8080"
    assert found["LOADGEN_MODEL_LOAD"] == "10s"
    assert found["LOADGEN_CONCURRENCY"] == "1"
    assert found["LOADGEN_GPU"] == "none"
    assert (found["POD_NAME"], found["POD_NAMESPACE"]) == ("metadata.name", "metadata.namespace")
    assert variables(newest, "queue: {type: stream, group: workers}")["LOADGEN_GROUP"] == "workers"


def test_the_worker_drains_within_what_the_pod_has(newest: Chart) -> None:
    """
    One number, and the grace above it.
    """
    values = "drain: {jobSeconds: 300, preStopSeconds: 5}"
    assert variables(newest, values)["LOADGEN_DRAIN_WITHIN"] == "300s"
    for pod in pods(newest.template(*given(values))):
        if pod["metadata"].get("labels", {}).get("app.kubernetes.io/component") == "agent":
            assert pod["spec"]["terminationGracePeriodSeconds"] > 305


@pytest.mark.parametrize(
    ("values", "broker"),
    [
        ("queue: {address: 'redis.q.svc:6379', database: 2}", "redis://redis.q.svc:6379/2"),
        ("queue: {address: 'r:6380', username: agent, tls: {enabled: true}}", "rediss://agent@r:6380/0"),
        (
            "{queue: {address: 'r:1', passwordSecret: {name: s}}, scaler.secrets: [{name: s, directory: queue}]}",
            "redis://:$(QUEUE_PASSWORD)@r:1/0",
        ),
        (
            (
                "{queue: {type: rabbitmq, address: 'mq:5672', vhost: /ai, username: u, passwordSecret: {name: s}}, "
                "scaler.secrets: [{name: s, directory: queue}]}"
            ),
            "amqp://u:$(QUEUE_PASSWORD)@mq:5672/%2Fai",
        ),
        ("queue: {type: rabbitmq, address: 'mq:5671', tls: {enabled: true}}", "amqps://mq:5671/%2F"),
    ],
)
def test_the_broker_is_the_queues_address(newest: Chart, values: str, broker: str) -> None:
    """
    With user, database or virtual host; a password is put in by the kubelet, out of the variable before it.
    """
    found = variables(newest, values)
    assert found["LOADGEN_BROKER"] == broker
    if "$(QUEUE_PASSWORD)" in broker:
        assert found["QUEUE_PASSWORD"] == ("s", "password")
        names = list(found)
        assert names.index("QUEUE_PASSWORD") < names.index("LOADGEN_BROKER")


def test_an_agent_of_ones_own_is_told_nothing_of_the_lab(newest: Chart) -> None:
    """
    Its variables are its own.
    """
    found = variables(newest, "{worker.enabled: false, env: [{name: MINE, value: x}]}")
    assert not [name for name in found if name.startswith("LOADGEN")]
    assert found["MINE"] == "x"
    assert "loadgen" not in newest.template(*given("worker.enabled: false"))
    assert "loadgen" in newest.template()


def test_qdrant_is_the_clusters(newest: Chart) -> None:
    """
    A URL, and a key from a Secret; nothing of it is installed, and off it is not mentioned.
    """
    assert not [name for name in variables(newest) if "QDRANT" in name]
    found = variables(newest, "qdrant: {enabled: true, apiKeySecret: {name: qdrant}}")
    assert found["QDRANT_URL"] == "http://qdrant.ai.svc.cluster.local:6333"
    assert found["QDRANT_API_KEY"] == ("qdrant", "api-key")
    assert "QDRANT_API_KEY" not in variables(newest, "qdrant.enabled: true")
    text = newest.template(*given("qdrant.enabled: true"))
    assert not [each for each in objects(text) if each["kind"] == "StatefulSet" or "qdrant" in each["metadata"]["name"]]


def test_qdrant_may_have_a_short_name(newest: Chart) -> None:
    """
    An alias in this namespace, only when asked for.
    """
    service = named(newest.template(*given("qdrant.alias: {enabled: true, name: vectors}")), "vectors")["Service"]
    assert service["spec"] == {"type": "ExternalName", "externalName": "qdrant.ai.svc.cluster.local"}


def test_litellm_is_asked_with_a_virtual_key(newest: Chart) -> None:
    """
    The gateway's address and the agent's own key; under OpenAI's names too where that is wanted.
    """
    assert not [name for name in variables(newest) if "LITELLM" in name]
    found = variables(newest, f"{LITELLM}}}")
    assert found["LITELLM_BASE_URL"] == "http://litellm.ai.svc.cluster.local:4000"
    assert found["LITELLM_API_KEY"] == ("agent-key", "key")
    assert "OPENAI_API_KEY" not in found
    found = variables(newest, f"{LITELLM}, openaiNames: true}}")
    assert found["OPENAI_API_KEY"] == ("agent-key", "key")
    assert found["OPENAI_BASE_URL"] == found["LITELLM_BASE_URL"]


def test_the_gateways_own_keys_stay_beside_it(newest: Chart) -> None:
    """
    The ExternalSecret is made only when asked for, in the gateway's namespace, and the agent reads nothing of it.
    """
    assert not [each for each in objects(newest.template()) if each["kind"] == "ExternalSecret"]
    values = """litellm.externalSecret: {enabled: true, namespace: gateways, store: {name: vault, kind: SecretStore},
        data: [{secretKey: MASTER_KEY, remoteRef: {key: litellm, property: master}}]}"""
    text = newest.template(*given(values))
    found = kind(text, "ExternalSecret")
    assert found["apiVersion"] == "external-secrets.io/v1"
    assert found["metadata"]["namespace"] == "gateways"
    assert found["spec"]["secretStoreRef"] == {"name": "vault", "kind": "SecretStore"}
    assert found["spec"]["data"] == [{"secretKey": "MASTER_KEY", "remoteRef": {"key": "litellm", "property": "master"}}]
    assert "litellm-keys" not in str(list(pods(text)))


def test_the_redis_to_try_with_says_what_it_is(newest: Chart) -> None:
    """
    In its name, its labels and the notes; pinned, without a disk, and picked by its Service alone.
    """
    text = newest.template()
    found = named(text, "ai-agent-try-redis")
    assert {"Deployment", "Service", "NetworkPolicy"} == found.keys()
    for each in found.values():
        assert each["metadata"]["labels"]["purpose"] == "for-trying-only"
    template = found["Deployment"]["spec"]["template"]
    assert template["metadata"]["labels"]["purpose"] == "for-trying-only"
    assert found["Deployment"]["spec"]["strategy"] == {"type": "Recreate"}
    (container,) = containers(template)
    assert container["image"] == "redis:7.2.11"
    assert container["command"] == ["redis-server"]
    assert template["spec"]["volumes"] == [{"name": "data", "emptyDir": {"sizeLimit": "64Mi"}}]
    assert selects(found["Service"]["spec"]["selector"], template)
    assert selects(found["Deployment"]["spec"]["selector"]["matchLabels"], template)
    others = [pod for pod in pods(text) if pod != template]
    assert not [pod for pod in others if selects(found["Service"]["spec"]["selector"], pod)]
    (port,) = found["Service"]["spec"]["ports"]
    assert port["port"] == container["ports"][0]["containerPort"] == 6379
    assert "FOR TRYING ONLY" in newest.notes()


def test_its_image_can_be_another(newest: Chart) -> None:
    """
    Of another name, registry, tag or digest.
    """
    values = "redis.image: {registry: registry.example.com, repository: scaler-test/redis, tag: '7.0'}"
    text = newest.template(*given(values))
    (container,) = containers(named(text, "ai-agent-try-redis")["Deployment"]["spec"]["template"])
    assert container["image"] == "registry.example.com/scaler-test/redis:7.0"


@pytest.mark.parametrize(
    "values",
    [
        "queue.address: 'redis.ai.svc:6379'",
        "{queue.type: rabbitmq, queue.address: 'rabbitmq.ai.svc:5672'}",
        "{worker.enabled: false, queue.enabled: false, scaler.enabled: false, keda.enabled: false}",
    ],
)
def test_where_there_is_a_queue_none_is_made(newest: Chart, values: str) -> None:
    """
    No Redis to try with beside one of your own, and no word of it in the notes.
    """
    assert "try-redis" not in newest.template(*given(values))
    assert "FOR TRYING ONLY" not in newest.notes(*given(values))
