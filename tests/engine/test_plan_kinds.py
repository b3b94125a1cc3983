"""
Plans: which kind of policy is in force for a trigger, and why.
"""

from __future__ import annotations

import pytest

from scaler.domain.economic.params import EconomicParams
from scaler.domain.target import TargetParams
from scaler.engine.plan import plan
from scaler.engine.workload import Caller, MetadataError
from scaler.settings.loading import load

DOCUMENT = load(
    """
    connections:
      redis: {type: redis, addresses: ["r:6379"]}
      amqp: {type: rabbitmq, amqp: "q:5672"}
      managed: {type: rabbitmq, management: "http://q:15672"}
    policies:
      default: {queue: {}}
      priced: {queue: {}, waitingPrice: 3, kedaCooldown: 15s}
      said: {kind: economic, queue: {connection: redis, type: stream, group: g, name: jobs}}
      target: {queue: {connection: redis, name: jobs, target: 2}}
    """
)


def planned(**metadata: str) -> tuple[object, str]:
    """Return the kind's parameters, and what is said of the kind."""
    made = plan(DOCUMENT, Caller("shop", "agent", metadata))
    return made.policy.params, made.kind_text


@pytest.mark.parametrize(
    "queue",
    [
        {"queueConnection": "redis", "queueType": "stream", "queueGroup": "workers"},
        {"queueConnection": "redis", "queueProcessing": "$queue:taken"},
        {"queueConnection": "redis", "queueType": "celery"},
        {"queueConnection": "redis", "queueType": "sidekiq"},
        {"queueConnection": "managed"},
    ],
)
def test_a_queue_that_tells_the_jobs_in_flight_is_weighed_by_price(queue: dict[str, str]) -> None:
    """Nothing else is named: the economic policy is in force, and says why."""
    params, said = planned(queue="jobs", **queue)
    assert params == EconomicParams()
    assert said == "economic, because it names no target and its queue tells the jobs in flight"


@pytest.mark.parametrize(
    ("queue", "what"),
    [
        ({"queueConnection": "redis"}, "a list without a processing list beside it"),
        ({"queueConnection": "redis", "queueType": "stream"}, "a stream without a consumer group"),
        ({"queueConnection": "redis", "queueType": "sortedSet"}, "a sorted set"),
        ({"queueConnection": "amqp"}, "a RabbitMQ without its management API"),
    ],
)
def test_another_queue_needs_a_target(queue: dict[str, str], what: str) -> None:
    """The message names the key that is missing and what kind of queue it is; with a target all is well."""
    with pytest.raises(MetadataError, match=rf"queueTarget: is required, because policy 'default' .* and {what} does"):
        planned(queue="jobs", **queue)
    params, said = planned(queue="jobs", queueTarget="2", **queue)
    assert params == TargetParams()
    assert said == "target, because it names what a replica carries"


def test_a_policy_says_its_kind_and_price() -> None:
    """What the operator wrote is in force, and a trigger may name another price and its own cooldown."""
    stream = {"queue": "jobs", "queueConnection": "redis", "queueType": "stream", "queueGroup": "g"}
    assert planned(policy="priced", **stream)[0] == EconomicParams(3.0, cooldown=15.0)
    changed, said = planned(policy="said", waitingPrice="0.3", kedaCooldown="45s")
    assert (changed, said) == (EconomicParams(0.3, cooldown=45.0), "economic, as the policy says")


@pytest.mark.parametrize(
    ("metadata", "message"),
    [
        ({"policy": "said", "queueTarget": "1"}, "queueTarget: is for the kind target: the kind economic learns it"),
        ({"policy": "said", "idleWindow": "1m"}, "idleWindow: is for the kind target, and this policy is of the kind"),
        ({"policy": "target", "waitingPrice": "1"}, "waitingPrice: is for the kind economic, and queue.target is for"),
        ({"policy": "said", "waitingPrice": "0"}, "waitingPrice: must be above 0, not 0"),
        ({"policy": "said", "kedaCooldown": "15"}, "kedaCooldown: must be a duration such as 90s or 1h30m"),
    ],
)
def test_what_is_for_the_other_kind_is_refused(metadata: dict[str, str], message: str) -> None:
    """The message names the key as the tenant wrote it."""
    with pytest.raises(MetadataError) as caught:
        planned(**metadata)
    assert message in str(caught.value)
