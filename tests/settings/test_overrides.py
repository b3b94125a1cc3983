"""
A trigger's changes to its policy: what it inherits, and that the operator's rules hold for it too.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from scaler.settings.document import Document
from scaler.settings.loading import load
from scaler.settings.metadata import MetadataError, read_metadata
from scaler.settings.overrides import effective
from scaler.settings.policies import PolicySection, QueueSection, RequestsSection

DOCUMENT = load(
    """
    connections:
      redis: {type: redis, addresses: ["r:6379"]}
      other: {type: redis, addresses: ["o:6379"]}
      rabbit: {type: rabbitmq, amqp: "q:5672"}
      prom: {type: prometheus, url: "http://p:9090"}
      page: {type: scrape, urls: ["http://g/metrics"]}
    policies:
      default:
        queue: {connection: redis, type: stream, group: workers, target: 3, activation: 5, quiet: 2}
        requests: {connection: prom, query: "rate(a[1m])", match: {service: $workload}, target: 5}
        gpu: {connection: prom}
      rabbit: {queue: {connection: rabbit, vhost: /ai, target: 1}}
      open: {queue: {target: 1}}
    limits: {maxReplicas: 50, tenantQueries: true}
    """
)


def changed(**metadata: str) -> PolicySection:
    """Return the policy that a trigger with this metadata has."""
    return effective(DOCUMENT, read_metadata(metadata, DOCUMENT.limits))[1]


def queue(**metadata: str) -> QueueSection:
    """Return its queue."""
    section = changed(**metadata).queue
    assert section is not None
    return section


def test_a_trigger_that_says_nothing_has_the_policy_itself() -> None:
    """Nothing is copied."""
    name, policy = effective(DOCUMENT, read_metadata({}, DOCUMENT.limits))
    assert name == "default"
    assert policy is DOCUMENT.policies["default"]


def test_changes_leave_the_rest_as_it_is() -> None:
    """Only what the trigger names is new, and the document is untouched."""
    policy = changed(queueTarget="4", maxReplicas="20", idleWindow="30s", gpuBusy="25")
    default = DOCUMENT.policies["default"]
    assert default.queue is not None
    assert default.gpu is not None
    assert policy == replace(
        default,
        queue=replace(default.queue, target=4.0),
        replicas=replace(default.replicas, max=20),
        gpu=replace(default.gpu, busy=25.0),
        idleWindow=30.0,
    )
    assert default.replicas.max == 10


def test_another_connection_of_the_same_type_keeps_the_queues_shape() -> None:
    """A stream with its group is read elsewhere."""
    section = queue(queueConnection="other")
    assert (section.connection, section.type, section.group) == ("other", "stream", "workers")


def test_another_type_of_queue_has_no_use_for_the_policys_group() -> None:
    """What belongs to the stream goes with it; naming the same type again changes nothing."""
    assert (queue(queueType="list").type, queue(queueType="list").group) == ("list", None)
    assert queue(queueType="stream").group == "workers"
    assert queue(policy="rabbit", queueType="rabbitmq").vhost == "/ai"


def test_another_type_of_connection_starts_anew() -> None:
    """A RabbitMQ queue is no stream; a Redis list has no virtual host."""
    section = queue(queueConnection="rabbit", queueVhost="/x")
    assert (section.type, section.group, section.vhost) == (None, None, "/x")
    assert queue(policy="rabbit", queueConnection="redis").vhost is None


def test_a_query_of_the_triggers_own_has_its_own_labels() -> None:
    """The policy's match belongs to the policy's query."""
    section = changed(requestsQuery='rate(b{pod="$workload"}[1m])').requests
    assert isinstance(section, RequestsSection)
    assert (section.query, section.match) == ('rate(b{pod="$workload"}[1m])', {})


def test_an_open_policy_takes_everything_from_the_trigger() -> None:
    """Connection, type and name."""
    section = queue(policy="open", queue="jobs", queueConnection="redis", queueType="sortedSet")
    assert (section.name, section.connection, section.type) == ("jobs", "redis", "sortedSet")


@pytest.mark.parametrize(
    ("metadata", "message"),
    [
        ({"policy": "rabit"}, "policy: there is no policy 'rabit'; did you mean 'rabbit'?"),
        ({"policy": "rabbit", "gpuTarget": "50"}, "gpuTarget: policy 'rabbit' uses no gpu"),
        ({"queueTarget": "-1"}, "queueTarget: must be above 0, not -1"),
        ({"queueTarget": "0"}, "queueTarget: must be above 0, not 0"),
        ({"queueTarget": "9999999999"}, "queueTarget: must be at most 1000000000, not 9999999999"),
        ({"queueActivation": "-1"}, "queueActivation: must be at least 0, not -1"),
        ({"queueQuiet": "6"}, "queueQuiet: must be at most activation (5), not 6"),
        ({"queueActivation": "1"}, "queueQuiet: must be at most activation (1), not 2 (from policy 'default')"),
        ({"gpuTarget": "20000"}, "gpuTarget: must be at most 10000, not 20000"),
        ({"maxReplicas": "51"}, "maxReplicas: must be at most limits.maxReplicas (50), not 51"),
        ({"maxReplicas": "0"}, "maxReplicas: must be at least 1, not 0"),
        ({"minReplicas": "-1"}, "minReplicas: must be at least 0, not -1"),
        ({"minReplicas": "11"}, "maxReplicas: must be at least min (11), not 10 (from policy 'default')"),
        ({"idleWindow": "0s"}, "idleWindow: must be longer than zero"),
        ({"queueConnection": "rdis"}, "queueConnection: there is no connection 'rdis'; did you mean 'redis'?"),
        (
            {"queueConnection": "prom"},
            "queueConnection: connection 'prom' is of type prometheus; a queue needs redis or",
        ),
        ({"requestsConnection": "page"}, "requestsQuery: a connection of type scrape takes a metric"),
        ({"gpuConnection": "redis"}, "gpuConnection: connection 'redis' is of type redis; GPU utilisation needs"),
        ({"queueType": "kafka"}, "queueType: must be one of list, stream, sortedSet, celery"),
        ({"queueType": "rabbitmq"}, "queueType: a connection of type redis cannot read 'rabbitmq', only list, "),
        ({"queueVhost": "/x"}, "queueVhost: is for queues of type rabbitmq, not stream"),
        ({"queueType": "celery", "queueGroup": "g"}, "queueGroup: is for queues of type stream, not celery"),
        ({"queue": "$nme"}, "queue: '$nme' stands for nothing; known are"),
        ({"requestsQuery": "rate($workload[1m])"}, "requestsQuery: a $word must stand inside a string"),
    ],
)
def test_what_the_policys_rules_refuse_is_refused_with_its_key(metadata: dict[str, str], message: str) -> None:
    """The message names the metadata's key, not the document's path."""
    with pytest.raises(MetadataError) as caught:
        changed(**metadata)
    assert str(caught.value).startswith(message)


def test_all_broken_rules_are_told_together() -> None:
    """A tenant corrects them in one go."""
    with pytest.raises(MetadataError) as caught:
        changed(queueTarget="-1", maxReplicas="51", idleWindow="0s")
    assert [part.split(":")[0] for part in str(caught.value).split("; ")] == [
        "maxReplicas",
        "queueTarget",
        "idleWindow",
    ]


@pytest.mark.parametrize(
    ("key", "value"),
    [("policy", "hunter2"), ("queueType", "hunter2"), ("queueConnection", "hunter2"), ("queue", "my$hunter2")],
)
def test_a_value_from_the_environment_is_not_shown_here_either(key: str, value: str) -> None:
    """It looks like a name, and may be a password; not even a part of it is quoted."""
    with pytest.raises(MetadataError) as caught:
        changed(**{f"{key}FromEnv": value})
    assert str(caught.value).startswith(f"{key}FromEnv: ")
    assert "hunter2" not in str(caught.value)


def test_a_configuration_without_policies_says_so() -> None:
    """The operator has something to do then, not the tenant."""
    with pytest.raises(MetadataError, match="policy: there is no policy 'default': the configuration has none yet"):
        effective(Document(), read_metadata({"queue": "jobs"}, DOCUMENT.limits))
