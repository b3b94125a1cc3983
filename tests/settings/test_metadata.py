"""
Trigger metadata: what tenants may write, what is refused, and what an error never shows.
"""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scaler.settings.forms import Maybe
from scaler.settings.metadata import KEYS, MetadataError, read_metadata
from scaler.settings.policies import PolicySection
from scaler.settings.sections import Part, Section, outline
from scaler.settings.surroundings import Limits

LIMITS = Limits()


def test_each_key_sets_its_value() -> None:
    """Texts stay, numbers and durations are read."""
    trigger = read_metadata(
        {"policy": "batch", "workload": "agent", "queue": "jobs", "queueTarget": "2.5", "maxReplicas": "7",
         "idleWindow": "1m30s"},
        LIMITS,
    )  # fmt: skip
    assert (trigger.policy, trigger.workload) == ("batch", "agent")
    assert trigger.changes == {
        ("queue", "name"): "jobs",
        ("queue", "target"): 2.5,
        ("replicas", "max"): 7,
        ("idleWindow",): 90.0,
    }


def test_nothing_said_changes_nothing() -> None:
    """The policy's own values hold."""
    trigger = read_metadata({}, LIMITS)
    assert (trigger.policy, trigger.workload, trigger.changes) == (None, None, {})


@pytest.mark.parametrize(("key", "place"), [(key.name, key.sets) for key in KEYS.values() if key.sets is not None])
def test_every_key_sets_something_that_the_policy_has(key: str, place: tuple[str, ...]) -> None:
    """The table names places; a slip there would only show when a tenant uses the key."""
    section: type[Section] = PolicySection
    for part in place:
        assert part in outline(section), f"{key} sets {place}"
        form = outline(section)[part].form
        form = form.form if isinstance(form, Maybe) else form
        section = form.section if isinstance(form, Part) else section


def test_kedas_own_keys_are_left_alone() -> None:
    """They arrive with every call, certificates with line breaks among them."""
    own = {
        "scalerAddress": "scaler.keda.svc:6000",
        "enableTLS": "true",
        "unsafeSsl": "false",
        "caCert": "-----BEGIN\nCERTIFICATE-----",
        "tlsClientCert": "x",
        "tlsClientKey": "x",
        "tlsCertFile": "/x",
        "caCertFromEnv": "x\ny",
    }
    assert read_metadata(own, LIMITS).changes == {}


def test_a_value_from_the_environment_is_the_keys_value() -> None:
    """KEDA has put the variable's value there already."""
    trigger = read_metadata({"queueFromEnv": "jobs", "queueTargetFromEnv": "3"}, LIMITS)
    assert trigger.changes == {("queue", "name"): "jobs", ("queue", "target"): 3.0}


def test_a_key_given_twice_is_refused() -> None:
    """Which of both was meant cannot be known."""
    with pytest.raises(MetadataError, match="queueFromEnv: queue is given too; give one of them"):
        read_metadata({"queue": "a", "queueFromEnv": "b"}, LIMITS)


@pytest.mark.parametrize(
    ("metadata", "message"),
    [
        ({"queuTarget": "3"}, "unknown key 'queuTarget'; did you mean 'queueTarget'?"),
        ({"queeuFromEnv": "3"}, "unknown key 'queeuFromEnv'; did you mean 'queue'?"),
        ({"\nx\x1b": "3"}, "unknown key '\\nx\\x1b'"),
        ({"k" * 500: "3"}, f"unknown key '{'k' * 40}…'"),
        ({"queueTarget": "three"}, "queueTarget: must be a plain number such as 3 or 0.5, not 'three'"),
        ({"queueTarget": "nan"}, "queueTarget: must be a plain number"),
        ({"queueTarget": "inf"}, "queueTarget: must be a plain number"),
        ({"queueTarget": "1e400"}, "queueTarget: must be a plain number"),
        ({"queueTarget": "1_000"}, "queueTarget: must be a plain number"),
        ({"queueTarget": " 3"}, "queueTarget: must be a plain number"),
        ({"queueTarget": "٣"}, "queueTarget: must be a plain number"),
        ({"queueTarget": ""}, "queueTarget: must not be empty"),
        ({"maxReplicas": "2.5"}, "maxReplicas: must be a whole number such as 3, not '2.5'"),
        ({"idleWindow": "90"}, "idleWindow: must be a duration such as 90s or 1h30m, at most 720h, not '90'"),
        ({"idleWindow": "9000h"}, "idleWindow: must be a duration"),
        ({"queue": "a\nb"}, "queue: must be printable text without line breaks, not 'a\\nb'"),
        ({"queue": "a\u202eb"}, "queue: must be printable text"),
        ({"queue": "\x00"}, "queue: must be printable text"),
        ({"workload": "Agent_1"}, "workload: must be the name of a Kubernetes object, not 'Agent_1'"),
        ({"queueConnection": "redis.svc:6379"}, "queueConnection: must be a name, never an address"),
        ({"policy": "a b"}, "policy: must be a name"),
        ({"requestsQuery": "up"}, "requestsQuery: a query is not allowed here; the operator can allow it with"),
    ],
)  # fmt: skip
def test_what_cannot_be_meant_is_refused_with_its_key(metadata: dict[str, str], message: str) -> None:
    """The message names the key, the rule and the value, printable and shortened."""
    with pytest.raises(MetadataError) as caught:
        read_metadata(metadata, LIMITS)
    assert str(caught.value).startswith(message)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("key", [name for name in KEYS if name != "requestsQuery"])
def test_an_address_is_refused_under_every_key_and_its_password_never_repeated(key: str) -> None:
    """Connections are named by the operator."""
    with pytest.raises(
        MetadataError, match=f"^{key}: must not be an address: connections and policies are named"
    ) as caught:
        read_metadata({key: "redis://user:hunter2@elsewhere:6379"}, LIMITS)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("key", "value"),
    [("queueTarget", "hunter2"), ("queue", "hunter2\n"), ("queueConnection", "hunter2!"), ("hunter", "hunter2"),
     ("workload", "Hunter2"), ("idleWindow", "hunter2"), ("queue", "hunter2" * 500)],
)  # fmt: skip
def test_a_value_from_the_environment_is_never_shown(key: str, value: str) -> None:
    """It may be a secret that was named by mistake; errors reach logs and events."""
    with pytest.raises(MetadataError) as caught:
        read_metadata({f"{key}FromEnv": value}, LIMITS)
    assert "hunter2" not in str(caught.value).lower()
    assert f"{key}FromEnv" in str(caught.value)


def test_a_huge_value_is_refused_with_its_key_and_shortened() -> None:
    """1 MB of text makes a message of one line."""
    with pytest.raises(MetadataError, match=r"^queue: the value has 1000000 bytes, more than the 1024 .*…'$") as caught:
        read_metadata({"queue": "q" * 1_000_000}, LIMITS)
    assert len(str(caught.value)) < 200


def test_huge_metadata_is_refused() -> None:
    """Many values that are each small enough are still too much together."""
    metadata = {f"key{number}": "v" * 1000 for number in range(20)}
    with pytest.raises(MetadataError, match=r"more than the 8192 of limits\.metadataBytes"):
        read_metadata(metadata, LIMITS)


def test_sizes_count_bytes_and_follow_the_limits() -> None:
    """Two letters of four bytes each are eight."""
    assert read_metadata({"queue": "🦀🐙"}, Limits(valueBytes=8)).changes
    with pytest.raises(MetadataError, match="has 8 bytes"):
        read_metadata({"queue": "🦀🐙"}, Limits(valueBytes=7))


def test_all_mistakes_are_told_together_but_not_without_end() -> None:
    """Five, and how many more."""
    with pytest.raises(MetadataError) as caught:
        read_metadata({f"unknown{number}": "" for number in range(8)}, LIMITS)
    assert str(caught.value).count("unknown key") == 5
    assert str(caught.value).endswith("; and 3 more")


def test_a_query_of_the_tenants_own_may_have_lines_where_it_is_allowed() -> None:
    """PromQL is often written in several."""
    trigger = read_metadata({"requestsQuery": "sum(\n\tup\n)"}, Limits(tenantQueries=True))
    assert trigger.changes == {("requests", "query"): "sum(\n\tup\n)"}


@given(
    st.dictionaries(
        st.sampled_from([*KEYS, "queueFromEnv", "maxReplicasFromEnv", "FromEnv", "scalerAddress"])
        | st.text(max_size=20),
        st.text(max_size=50) | st.from_regex(r"-?[0-9]{1,30}(\.[0-9]+)?(s|m)?", fullmatch=True),
        max_size=8,
    )
)
def test_any_metadata_is_read_or_refused(metadata: dict[str, str]) -> None:
    """Nothing but a MetadataError is ever raised."""
    with suppress(MetadataError):
        read_metadata(metadata, LIMITS)
