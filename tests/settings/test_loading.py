"""
Loading the document: every mistake is told, with its path, in people's words, and all of them at once.
"""

from __future__ import annotations

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from scaler.settings.connections import CONNECTION_TYPES
from scaler.settings.document import Document
from scaler.settings.loading import ConfigurationError, load

REDIS = "redis: {type: redis, addresses: ['r:6379']}"
PROMETHEUS = "prom: {type: prometheus, url: 'http://p:9090'}"
RABBIT = "rabbit: {type: rabbitmq, amqp: 'q:5672'}"
SCRAPE = "page: {type: scrape, urls: ['http://g/metrics']}"
CONNECTIONS = f"connections:\n  {REDIS}\n  {PROMETHEUS}\n  {RABBIT}\n  {SCRAPE}\n"


def errors_of(text: str) -> tuple[str, ...]:
    """Load a document that is wrong."""
    with pytest.raises(ConfigurationError) as caught:
        load(text)
    return caught.value.errors


def outcome_of(text: str) -> Document | ConfigurationError:
    """Load a document that may be wrong."""
    try:
        return load(text)
    except ConfigurationError as error:
        return error


def policy(rules: str) -> str:
    """A document with one policy."""
    return f"{CONNECTIONS}policies:\n  p: {rules}\n"


def test_a_document_with_nothing_set_is_valid() -> None:
    """It has the defaults and no policies; a heading without anything below it is nothing set."""
    assert load("") == load("connections:\npolicies:\ndefaults:\nlimits:\n") == Document()


def test_three_mistakes_are_three_errors_with_their_paths_and_lines() -> None:
    """All are reported at once, in the order of their lines."""
    text = (
        f"connections:\n  {REDIS}\n"
        "policies:\n"
        "  default:\n"
        "    queue:\n"
        "      connection: redsi\n"
        "      target: -3\n"
        "      tagret: 3\n"
    )
    assert errors_of(text) == (
        "policies.default.queue.connection: there is no connection 'redsi'; did you mean 'redis'? (line 6)",
        "policies.default.queue.target: must be above 0, not -3 (line 7)",
        "policies.default.queue.tagret: unknown key; did you mean 'target'? (line 8)",
    )


def test_mistakes_in_connections_policies_defaults_and_limits_are_told_together() -> None:
    """One invalid part does not hide what is wrong in another, nor what one says of the other."""
    text = (
        "connections:\n  r: {type: redis, addresses: [nowhere]}\n"
        "policies:\n  p: {queue: {connection: q, target: 1}, replicas: {max: 5000}}\n"
        "defaults: {policy: dflt}\nlimits: {workloads: 0}\nlimts: {}\nlimts: {}\n"
    )
    assert [error.split(":")[0] for error in errors_of(text)] == [
        "connections.r.addresses[0]",
        "policies.p.queue.connection",
        "defaults.policy",
        "limits.workloads",
        "limts",
        "limts",
    ]


@pytest.mark.parametrize(
    ("connection", "path", "message"),
    [
        ("{}", ".type", "must be one of redis, rabbitmq, prometheus, scrape, nvml"),
        ("{type: kafka}", ".type", "must be one of redis, rabbitmq, prometheus, scrape, nvml"),
        ("redis", "", "must be a mapping of keys"),
        ("{type: redis}", ".addresses", "is required"),
        ("{type: redis, addresses: []}", ".addresses", "must not be empty"),
        ("{type: redis, addresses: 'r:1'}", ".addresses", "must be a list"),
        ("{type: redis, addresses: ['redis://r:1']}", ".addresses[0]", "must be a host and a port, such as"),
        ("{type: redis, addresses: ['r:70000']}", ".addresses[0]", "must be a host and a port, such as"),
        ("{type: redis, addresses: ['a:1', 'b:1']}", ".mode", "standalone has one address"),
        ("{type: redis, addresses: ['a:1'], mode: sentinel}", ".sentinelMaster", "is required with mode: sentinel"),
        ("{type: redis, addresses: ['a:1'], sentinelMaster: m}", ".sentinelMaster", "is for mode: sentinel only"),
        ("{type: redis, addresses: ['a:1'], mode: cluster, database: 1}", ".database", "a Cluster has database 0 only"),
        ("{type: redis, addresses: ['a:1'], database: '1'}", ".database", "must be a whole number, not '1'"),
        ("{type: redis, addresses: ['a:1'], tracking: yes}", ".tracking", "must be true or false, not 'yes'"),
        ("{type: redis, addresses: ['a:1'], username: 5}", ".username", "must be text; put a number in quotes"),
        ("{type: redis, addresses: ['a:1'], password: {}}", ".password", "give exactly one of `file` and `env`"),
        ("{type: redis, addresses: ['a:1'], tls: {cert: /a}}", ".tls.key", "cert and key are given together"),
        ("{type: redis, addresses: ['a:1'], timeout: 5}", ".timeout", "must be a duration such as 250ms, 90s or 1h30m"),
        ("{type: redis, addresses: ['a:1'], timeout: 0s}", ".timeout", "must be longer than zero"),
        ("{type: redis, addresses: ['a:1'], interval: 1ms}", ".interval", "must be at least 10ms, not 1ms"),
        ("{type: redis, addresses: ['a:1'], interval: 20s}", ".freshness", "30s must be at least twice interval (20s)"),
        ("{type: nvml, freshness: 9s}", ".freshness", "9s must be at least twice defaults.interval (5s)"),
        ("{type: redis, addresses: ['a:1'], freshness: 15s}", ".tracking", "at least twice defaults.safetyNet (10s)"),
        ("{type: rabbitmq}", ".management", "give amqp, management, or both"),
        ("{type: prometheus, url: 'p:9090'}", ".url", "must be an http:// or https:// address"),
        ("{type: prometheus, url: 'http://p', username: u}", ".password", "given together or not at all"),
        ("{type: prometheus, url: 'http://p', username: u, password: {env: P}, bearerToken: {env: T}}", ".password",
         "give a bearerToken or a username with its password, not both"),
        ("{type: scrape, urls: ['http://p'], headers: {X: 5}}", ".headers.X", "must be text, or a mapping with `file`"),
        ("{type: scrape, urls: ['http://p'], headers: {authorization: x}}", ".headers", "is a credential: read it"),
        ("{type: nvml, devices: [-1]}", ".devices[0]", "must be at least 0, not -1"),
        ("{type: nvml, devices: [0], adresses: []}", ".adresses", "unknown key"),
    ],
)  # fmt: skip
def test_a_connection_that_cannot_be_meant_is_refused(connection: str, path: str, message: str) -> None:
    """Each mistake alone is one error, at its path."""
    (error,) = errors_of(f"connections:\n  c: {connection}\n")
    assert error.startswith(f"connections.c{path}: ")
    assert message in error
    assert error.endswith("(line 2)")


@pytest.mark.parametrize(
    ("rules", "path", "message"),
    [
        ("{}", ".requests", "a policy needs a queue or requests: a GPU never wakes anything"),
        ("{gpu: {connection: prom}}", ".requests", "a policy needs a queue or requests"),
        ("{queue: {}, kind: target}", ".queue.target", "is required by a policy of the kind target"),
        ("{queue: {}, idleWindow: 1m}", ".queue.target", "is required by a policy of the kind target"),
        ("{queue: {target: 1}, kind: economic}", ".queue.target", "is for the kind target: the kind economic learns"),
        ("{queue: {}, kind: economic, idleWindow: 1m}", ".idleWindow", "is for the kind target, and this policy is of"),
        ("{queue: {}, kind: target, waitingPrice: 1}", ".waitingPrice", "is for the kind economic, and this policy is"),
        ("{queue: {target: 1}, waitingPrice: 1}", ".waitingPrice", "the kind economic, and queue.target is for the"),
        ("{queue: {}, combine: max, keepFloor: 0}", ".keepFloor", "for the kind economic, and combine is for the kind"),
        ("{queue: {}, waitingPrice: 0}", ".waitingPrice", "must be above 0, not 0"),
        ("{queue: {}, waitingPrice: 1001}", ".waitingPrice", "must be at most 1000, not 1001"),
        ("{queue: {}, keepFloor: 2}", ".keepFloor", "must be at most 1, not 2"),
        ("{queue: {}, kedaCooldown: 15}", ".kedaCooldown", "duration"),
        (
            "{kind: economic, queue: {}, requests: {target: 1, connection: prom, query: up}}",
            ".requests",
            "is for the kind target: the kind economic goes by a queue alone",
        ),
        ("{queue: {target: 1}, kind: magic}", ".kind", "must be one of target, economic, not 'magic'"),
        ("{queue: {target: 0}}", ".queue.target", "must be above 0, not 0"),
        ("{queue: {target: '1'}}", ".queue.target", "must be a number, not '1'"),
        ("{queue: {target: 1, missing: never}}", ".queue.missing", "must be one of required, optional, not 'never'"),
        ("{queue: {target: 1, activation: 2, quiet: 3}}", ".queue.quiet", "must be at most activation (2), not 3"),
        ("{queue: {target: 1, connection: prom}}", ".queue.connection", "a queue needs redis or rabbitmq"),
        ("{queue: {target: 1, connection: redis, type: rabbitmq}}", ".queue.type", "type redis cannot read 'rabbitmq'"),
        ("{queue: {target: 1, connection: rabbit, type: list}}", ".queue.type", "type rabbitmq cannot read 'list'"),
        ("{queue: {target: 1, type: strem}}", ".queue.type", "must be one of list, stream, "),
        ("{queue: {target: 1, type: list, group: g}}", ".queue.group", "is for queues of type stream, not list"),
        ("{queue: {target: 1, connection: redis, group: g}}", ".queue.group", "of type stream, not list"),
        ("{queue: {target: 1, type: stream, processing: p}}", ".queue.processing", "of type list, not stream"),
        ("{queue: {target: 1, connection: redis, vhost: v}}", ".queue.vhost", "of type rabbitmq, not list"),
        ("{queue: {target: 1, name: $nam}}", ".queue.name", "'$nam' stands for nothing"),
        ("{queue: {target: 1, name: ''}}", ".queue.name", "must not be empty"),
        ("{queue: {target: 1, processing: $quue}}", ".queue.processing", "did you mean 'queue'?"),
        ("{requests: {target: 1, query: up}}", ".requests.connection", "is required"),
        ("{requests: {target: 1, connection: prom}}", ".requests.query", "is required on a connection of type prom"),
        ("{requests: {target: 1, connection: page}}", ".requests.metric", "is required on a connection of type scrape"),
        ("{requests: {target: 1, connection: prom, query: a, metric: b}}", ".requests.metric", "takes a query"),
        ("{requests: {target: 1, connection: redis, query: a}}", ".requests.connection", "needs prometheus or scrape"),
        ("{requests: {target: 1, connection: page, metric: 9a}}", ".requests.metric", "must be made of letters"),
        ("{requests: {target: 1, connection: prom, query: $name}}", ".requests.query", "inside a string"),
        ("{requests: {target: 1, connection: prom, query: a, match: {a: $b}}}", ".requests.match.a", "'$b' stands for"),
        ("{requests: {target: 1, connection: prom, query: a, match: {a-b: c}}}", ".requests.match.a-b", "must be made"),
        ("{queue: {target: 1}, gpu: {connection: redis}}", ".gpu.connection", "GPU utilisation needs prometheus"),
        ("{queue: {target: 1}, gpu: {connection: prom, target: 0}}", ".gpu.target", "must be above 0"),
        ("{queue: {target: 1}, replicas: {min: 3, max: 2}}", ".replicas.max", "must be at least min (3), not 2"),
        ("{queue: {target: 1}, replicas: {max: 0}}", ".replicas.max", "must be at least 1, not 0"),
        ("{queue: {target: 1}, replicas: {min: 20}}", ".replicas.max", "must be at least min (20), not 10"),
        ("{queue: {target: 1}, replicas: {max: 1001}}", ".replicas.max", "must be at most limits.maxReplicas (1000)"),
        ("{queue: {target: 1}, idleWindow: 0s}", ".idleWindow", "must be longer than zero"),
        ("{queue: {target: 1}, hold: {gpu: 1000h}}", ".hold.gpu", "must be at most 720h"),
        ("{queue: {target: 1}, hold: {gpus: 1h}}", ".hold.gpus", "did you mean 'gpu'?"),
    ],
)  # fmt: skip
def test_a_policy_that_cannot_be_meant_is_refused(rules: str, path: str, message: str) -> None:
    """Each mistake alone is one error, at its path."""
    (error,) = errors_of(policy(rules))
    assert error.startswith(f"policies.p{path}: ")
    assert message in error


@pytest.mark.parametrize(
    ("text", "path", "message"),
    [
        ("defaults: {freshness: 9s, safetyNet: 1s}", "defaults.freshness", "at least twice defaults.interval (5s)"),
        ("defaults: {freshness: 15s}", "defaults.freshness", "at least twice defaults.safetyNet (10s)"),
        ("defaults: {watchInterval: 6s}", "defaults.watchInterval", "must be at most defaults.interval (5s)"),
        ("defaults: {policy: x}", "defaults.policy", "there is no policy 'x': the configuration has none yet"),
        ("limits: {tenantQueries: 1}", "limits.tenantQueries", "must be true or false, not 1"),
        ("limits: {maxReplicas: 0.5}", "limits.maxReplicas", "must be a whole number, not 0.5"),
        ("limits: [a]", "limits", "must be a mapping of keys"),
        ("connections: {bad name: {type: nvml}}", "connections.bad name", "must be a name of letters"),
        ("policies: {p: {queue: {target: 1}}, p: {queue: {target: 2}}}", "policies.p", "given more than once (line 1"),
    ],
)
def test_defaults_limits_and_names_are_checked(text: str, path: str, message: str) -> None:
    """Each mistake alone is one error, at its path."""
    (error,) = errors_of(text)
    assert error.startswith(f"{path}: ")
    assert message in error


@pytest.mark.parametrize("text", ["3", "- a", "just text"])
def test_what_is_no_mapping_is_refused(text: str) -> None:
    """It says which keys there are."""
    assert errors_of(text) == ("the configuration must be a mapping of keys: connections, policies, defaults, limits",)


def test_a_text_that_is_no_yaml_is_one_error_with_its_line() -> None:
    """The rest cannot be known then."""
    assert errors_of("limits: {\n") == ("line 2: did not find expected node content",)


def test_a_text_that_is_too_large_is_not_even_parsed() -> None:
    """A ConfigMap holds 1 MiB."""
    (error,) = errors_of("#" * (1024 * 1024 + 1))
    assert "more than 1048576" in error


def test_many_mistakes_are_told_up_to_a_hundred() -> None:
    """The log stays readable."""
    errors = errors_of("".join(f"key{number}: 1\n" for number in range(300)))
    assert len(errors) == 101
    assert errors[-1] == "and 200 more errors"


@pytest.mark.parametrize(
    "connection",
    [
        "{type: redis, addresses: ['r:1'], password: hunter2}",
        "{type: redis, addresses: ['user:hunter2@r:1']}",
        "{type: prometheus, url: 'http://user:hunter2@p'}",
        "{type: prometheus, url: 'http://p', bearerToken: hunter2}",
        "{type: prometheus, url: 'http://p', headers: {Authorization: hunter2}}",
        "{type: scrape, urls: ['http://p'], headers: {Cookie: hunter2}}",
        "{type: rabbitmq, management: 'https://user:hunter2@q'}",
        "{type: rabbitmq, amqp: 'amqp://user:hunter2@q/'}",
    ],
)
def test_a_secret_in_the_document_is_refused_and_not_repeated(connection: str) -> None:
    """Secrets are mounted; the one that was written here does not spread into the log."""
    with pytest.raises(ConfigurationError) as caught:
        load(f"connections:\n  c: {connection}\n")
    assert "hunter2" not in str(caught.value)
    assert "hunter2" not in str(caught.value.__cause__)


_KEYS = st.sampled_from(
    ["connections", "policies", "defaults", "limits", "a", "type", "queue", "requests", "connection", "target", "max"]
)
_LEAVES = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.sampled_from(CONNECTION_TYPES)
)
_DATA = st.recursive(
    _LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_KEYS, inner, max_size=4), max_leaves=20
)


@settings(max_examples=200)
@given(st.dictionaries(_KEYS, _DATA, max_size=4))
def test_any_document_is_loaded_or_refused(data: dict[str, object]) -> None:
    """Nothing but a ConfigurationError is ever raised, and it always says something of some path."""
    outcome = outcome_of(yaml.safe_dump(data))
    if isinstance(outcome, ConfigurationError):
        assert outcome.errors
        assert all(": " in message for message in outcome.errors)
