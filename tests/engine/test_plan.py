"""
Plans: which questions a trigger asks, and under which policy.
"""

from __future__ import annotations

from contextlib import suppress
from typing import get_args

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scaler.domain.policy import Missing, SignalRule
from scaler.domain.readings import Signal
from scaler.engine.plan import Plan, plan
from scaler.engine.workload import Caller, MetadataError
from scaler.settings.connections import QueueType
from scaler.settings.document import Document
from scaler.settings.loading import load
from scaler.settings.metadata import KEYS
from scaler.sources.questions import (
    Framework,
    FrameworkQueue,
    GpuFleet,
    PromRate,
    RabbitQueue,
    RedisQueue,
    RedisShape,
    ScrapedRate,
)

DOCUMENT = load(
    """
    connections:
      redis: {type: redis, addresses: ["r:6379"], freshness: 20s}
      rabbit: {type: rabbitmq, amqp: "q:5672"}
      prom: {type: prometheus, url: "http://p:9090", freshness: 1m}
      page: {type: scrape, urls: ["http://g/metrics"]}
      node: {type: nvml}
    policies:
      default:
        queue: {connection: redis, target: 3}
        requests:
          connection: prom
          query: sum by (service) (rate(requests_total{namespace="$namespace"}[1m]))
          match: {service: $workload}
          target: 5
          measuredAt: workload
        gpu: {connection: prom, missing: optional}
      queue: {queue: {connection: redis, name: "$namespace:$workload", processing: "$queue:taken", target: 1}}
      page: {requests: {connection: page, metric: hits_total, match: {b: x, a: $name}, target: 2, activation: 1}}
      open: {queue: {target: 1}}
    """
)


def planned(**metadata: str) -> Plan:
    """Plan for the ScaledObject shop/agent."""
    return plan(DOCUMENT, Caller("shop", "agent", metadata))


def test_a_trigger_that_names_its_queue_has_three_signals() -> None:
    """The words are the policy's; the trigger fills in its own."""
    made = planned(queue="jobs")
    assert {signal: ask.question for signal, ask in made.asks.items()} == {
        Signal.QUEUE: RedisQueue("redis", RedisShape.LIST, "jobs"),
        Signal.REQUESTS: PromRate(
            "prom", 'sum by (service) (rate(requests_total{namespace="shop"}[1m]))', (("service", "agent"),)
        ),
        Signal.GPU: GpuFleet("prom"),
    }
    assert {signal: ask.connection for signal, ask in made.asks.items()} == {
        Signal.QUEUE: "redis",
        Signal.REQUESTS: "prom",
        Signal.GPU: "prom",
    }
    assert made.workload == "agent"


def test_rules_carry_the_freshness_of_their_connections() -> None:
    """The connection's own, or the default; a GPU is at the workload, and so are requests that its pods count."""
    assert planned(queue="jobs").policy.rules == {
        Signal.QUEUE: SignalRule(3.0, freshness=20.0),
        Signal.REQUESTS: SignalRule(5.0, freshness=60.0, at_workload=True),
        Signal.GPU: SignalRule(80.0, 10.0, 10.0, Missing.OPTIONAL, 60.0, at_workload=True),
    }
    assert planned(queue="jobs", gpuConnection="node").policy.rules[Signal.GPU].freshness == 30.0


def test_another_scale_target_has_other_pods_and_labels() -> None:
    """`workload` is for ScaledObjects that are not called like what they scale."""
    made = planned(queue="jobs", workload="llama")
    question = made.asks[Signal.REQUESTS].question
    assert isinstance(question, PromRate)
    assert (made.workload, question.match) == ("llama", (("service", "llama"),))


def test_a_policy_may_name_the_queue_by_the_workload() -> None:
    """Then a trigger needs no metadata at all; a processing list is called after its queue."""
    assert planned(policy="queue").asks[Signal.QUEUE].question == RedisQueue(
        "redis", RedisShape.LIST, "shop:agent", "shop:agent:taken"
    )
    assert planned(policy="queue", queue="mine").asks[Signal.QUEUE].question == RedisQueue(
        "redis", RedisShape.LIST, "mine", "mine:taken"
    )


@pytest.mark.parametrize(
    ("metadata", "question", "text"),
    [
        ({}, RedisQueue("redis", RedisShape.LIST, "jobs"), "list jobs"),
        ({"queueProcessing": "p"}, RedisQueue("redis", RedisShape.LIST, "jobs", "p"),
         "list jobs and its processing list p"),
        ({"queueType": "stream"}, RedisQueue("redis", RedisShape.STREAM, "jobs"), "stream jobs"),
        ({"queueType": "stream", "queueGroup": "g"}, RedisQueue("redis", RedisShape.STREAM, "jobs", None, "g"),
         "stream jobs for group g"),
        ({"queueType": "sortedSet"}, RedisQueue("redis", RedisShape.SORTED_SET, "jobs"), "sorted set jobs"),
        ({"queueType": "bullmq"}, FrameworkQueue("redis", Framework.BULLMQ, "jobs"), "bullmq queue jobs"),
        ({"queueConnection": "rabbit"}, RabbitQueue("rabbit", "jobs"), "RabbitMQ queue jobs"),
        ({"queueConnection": "rabbit", "queueType": "rabbitmq", "queueVhost": "/ai"},
         RabbitQueue("rabbit", "jobs", "/ai"), "RabbitMQ queue jobs in /ai"),
    ],
)  # fmt: skip
def test_each_type_of_queue_is_its_question(metadata: dict[str, str], question: object, text: str) -> None:
    """And is said in words for people."""
    ask = planned(policy="open", queue="jobs", **{"queueConnection": "redis", **metadata}).asks[Signal.QUEUE]
    assert (ask.question, ask.text) == (question, text)


def test_requests_and_gpus_are_said_in_words_too() -> None:
    """The query as it is asked, and the labels that pick the workload's own series."""
    asks = planned(queue="jobs").asks
    assert asks[Signal.REQUESTS].text == (
        'query sum by (service) (rate(requests_total{namespace="shop"}[1m])) where service=agent'
    )
    assert asks[Signal.GPU].text == "GPU use of the pods of agent"


def test_a_scraped_counter_is_a_question_of_its_own() -> None:
    """Labels come in one order, so that the same question is the same."""
    made = planned(policy="page")
    assert made.asks[Signal.REQUESTS].question == ScrapedRate("page", "hits_total", (("a", "agent"), ("b", "x")))
    assert made.asks[Signal.REQUESTS].text == "rate of hits_total where a=agent, b=x"
    assert made.policy.rules[Signal.REQUESTS] == SignalRule(2.0, on=1.0)


def test_two_workloads_that_mean_the_same_ask_the_same_question() -> None:
    """One poller serves both."""
    first = plan(DOCUMENT, Caller("shop", "a", {"policy": "open", "queue": "jobs", "queueConnection": "redis"}))
    second = plan(DOCUMENT, Caller("bank", "b", {"policy": "open", "queue": "jobs", "queueConnection": "redis"}))
    assert first.asks[Signal.QUEUE].question == second.asks[Signal.QUEUE].question


def test_equal_policies_are_one() -> None:
    """
    Triggers that differ in their queue share the policy, so that thousands of them cost little; others do not.
    """
    first, second = planned(queue="mine"), planned(queue="yours")
    assert first.policy is second.policy
    assert planned(queue="mine", queueTarget="7").policy.rules[Signal.QUEUE].target == 7


@pytest.mark.parametrize(
    ("metadata", "message"),
    [
        ({}, "queue: is required, because policy 'default' reads a queue and does not name it"),
        ({"policy": "open"}, "queueConnection: is required, because policy 'open' names no connection for the queue"),
        ({"policy": "opn"}, "policy: there is no policy 'opn'; did you mean 'open'?"),
        ({"queue": "jobs", "queueTarget": "-3"}, "queueTarget: must be above 0, not -3"),
        ({"queue": "jobs", "colour": "red"}, "unknown key 'colour'"),
    ],
)
def test_what_means_nothing_is_refused(metadata: dict[str, str], message: str) -> None:
    """The message names the key and what to do."""
    with pytest.raises(MetadataError) as caught:
        planned(**metadata)
    assert str(caught.value) == message


@pytest.mark.parametrize("name", ["", "Agent", "a b", "a/b", 'a"}', "-a", "a..b", "a" * 254, "a\n"])
def test_a_caller_that_kubernetes_could_not_have_is_refused(name: str) -> None:
    """Names are put into queries and logs; nobody but KEDA should call, but anybody may try."""
    for caller in (Caller(name, "agent", {"policy": "page"}), Caller("shop", name, {"policy": "page"})):
        with pytest.raises(MetadataError, match=r"^the ScaledObject's name(space)? must be the name"):
            plan(DOCUMENT, caller)


def test_every_type_of_queue_has_a_question() -> None:
    """The words of the configuration and of the questions are the same."""
    words = {shape.value for shape in RedisShape} | {framework.value for framework in Framework} | {"rabbitmq"}
    assert set(get_args(QueueType)) == words


@settings(deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.dictionaries(
        st.sampled_from([*KEYS, "queueFromEnv", "queueTypeFromEnv", "scalerAddress", "other"]),
        st.text(max_size=12)
        | st.sampled_from(
            [*get_args(QueueType), *DOCUMENT.connections, *DOCUMENT.policies, "1", "2.5", "90s", "$workload"]
        ),
        max_size=6,
    ),
    st.sampled_from(["default", "open", "page"]),
)
def test_any_metadata_is_planned_or_refused(metadata: dict[str, str], policy: str) -> None:
    """Nothing but a MetadataError is ever raised, and a plan asks for exactly the policy's signals."""
    with suppress(MetadataError):
        made = plan(DOCUMENT, Caller("shop", "agent", {"policy": policy, **metadata}))
        assert made.asks.keys() == made.policy.rules.keys()


def test_an_empty_configuration_refuses_everybody_in_words() -> None:
    """It is a valid one."""
    with pytest.raises(MetadataError, match="the configuration has none yet"):
        plan(Document(), Caller("shop", "agent", {}))
