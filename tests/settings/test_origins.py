"""
Where each rule that holds for a trigger came from, and what a whole document says.
"""

from __future__ import annotations

import pytest

from scaler.settings.loading import load
from scaler.settings.metadata import MetadataError
from scaler.settings.origins import Origin, Setting, origins, whole

DOCUMENT = load(
    """
    connections:
      jobs: {type: redis, addresses: ['redis.ai:6379'], password: {file: /secrets/redis}, freshness: 1m}
      metrics:
        type: prometheus
        url: http://prometheus:9090
        headers: {X-Scope-OrgID: agents, Authorization: {env: TOKEN}}
    policies:
      default:
        idleWindow: 90s
        queue: {connection: jobs, target: 3}
        gpu: {connection: metrics}
    defaults: {interval: 2s}
    """
)


def settings(**metadata: str) -> dict[str, Setting]:
    """
    Return the rules for a trigger by their paths.
    """
    return {setting.path: setting for setting in origins(DOCUMENT, metadata, "default")}


def test_each_rule_says_where_its_value_came_from() -> None:
    """The trigger, the policy, a connection, or nobody."""
    rules = settings(queue="jobs", queueTarget="5")
    assert rules["queue.target"] == Setting("queue.target", "5", Origin.TRIGGER, "queueTarget")
    assert rules["queue.name"] == Setting("queue.name", "jobs", Origin.TRIGGER, "queue")
    assert rules["idleWindow"] == Setting("idleWindow", "1m30s", Origin.POLICY)
    assert rules["stabilization"] == Setting("stabilization", "5m", Origin.BUILT_IN)
    assert rules["hold.gpu"] == Setting("hold.gpu", "30m", Origin.BUILT_IN)
    assert rules["activation"] == Setting("activation", "any", Origin.BUILT_IN)
    assert rules["freshness of jobs"] == Setting("freshness of jobs", "1m", Origin.CONNECTION)
    assert rules["freshness of metrics"] == Setting("freshness of metrics", "30s", Origin.BUILT_IN)


def test_a_freshness_of_the_defaults_is_theirs() -> None:
    """Where the connection has none of its own."""
    document = load(
        "connections: {q: {type: redis, addresses: ['r:1']}}\n"
        "policies: {default: {queue: {connection: q, target: 1}}}\n"
        "defaults: {freshness: 45s}\n"
    )
    rules = {setting.path: setting for setting in origins(document, {"queue": "jobs"}, "default")}
    assert rules["freshness of q"] == Setting("freshness of q", "45s", Origin.DEFAULTS)


def test_what_is_written_like_a_default_was_written_all_the_same() -> None:
    """The value alone does not tell."""
    document = load(
        "connections: {q: {type: redis, addresses: ['r:1']}}\n"
        "policies: {default: {stabilization: 5m, queue: {connection: q, target: 1}}}\n"
    )
    rules = {setting.path: setting.origin for setting in origins(document, {"queue": "jobs"}, "default")}
    assert (rules["stabilization"], rules["idleWindow"]) == (Origin.POLICY, Origin.BUILT_IN)


def test_a_value_from_the_environment_is_not_shown() -> None:
    """It may be a secret, as far as anybody here knows."""
    rules = settings(queueFromEnv="hunter2")
    assert rules["queue.name"].value == "(from the workload's environment, not shown)"
    assert not any("hunter2" in rule.value for rule in rules.values())


def test_metadata_that_is_refused_has_no_rules() -> None:
    """As for every call."""
    with pytest.raises(MetadataError, match="queueTraget"):
        settings(queueTraget="5")


def test_a_whole_document_is_told_without_its_secrets() -> None:
    """Where they are read from is told; what headers say is not, secret or not."""
    said = {setting.path: (setting.value, setting.origin) for setting in whole(DOCUMENT)}
    assert said["connections.jobs.addresses"] == ("redis.ai:6379", Origin.CONFIGURATION)
    assert said["connections.jobs.password"] == ("from the file /secrets/redis", Origin.CONFIGURATION)
    assert said["connections.metrics.headers.X-Scope-OrgID"] == ("(not shown)", Origin.CONFIGURATION)
    assert said["connections.metrics.headers.Authorization"] == ("from the variable TOKEN", Origin.CONFIGURATION)
    assert said["connections.jobs.tracking"] == ("true", Origin.BUILT_IN)
    assert said["policies.default.queue.target"] == ("3", Origin.CONFIGURATION)
    assert said["defaults.interval"] == ("2s", Origin.CONFIGURATION)
    assert said["limits.workloads"] == ("20000", Origin.BUILT_IN)
