"""
Trigger metadata: every key a trigger may carry, declared once, and the reading of what tenants wrote.

Each key sets one value of the trigger's policy; that value's own rules are checked together with the policy's
(`overrides.py`), so that they stand in one place.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from scaler.settings.durations import parse_duration
from scaler.settings.surroundings import Limits
from scaler.settings.values import NAME
from scaler.settings.wording import did_you_mean, shown

FROM_ENV = "FromEnv"
_MOST_ERRORS = 5

_HIDDEN = "the value in the environment (not shown)"
_OPERATOR_NAMES = (
    "connections and policies are named by the operator in the scaler's configuration, and a trigger gives their name"
)

KEDAS_OWN = frozenset(
    {"scalerAddress", "enableTLS", "unsafeSsl", "caCert", "tlsClientCert", "tlsClientKey", "tlsCertFile"}
)
"""What KEDA itself reads of an external trigger's metadata (kedacore/keda, pkg/scalers/external_scaler.go)."""

KUBERNETES_NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_LONGEST_NAME = 253
_NUMBER = re.compile(r"[-+]?[0-9]{1,15}(\.[0-9]{1,15})?")
_WHOLE = re.compile(r"[-+]?[0-9]{1,15}")
_QUOTED = re.compile(r"'([^']*)'")


class MetadataError(ValueError):
    """
    A trigger's metadata is wrong; the message names the key, the rule and the value (shortened). The tenant must act.
    """


@dataclass(frozen=True, slots=True, eq=False)
class Key:
    """
    One key of the metadata.

    Attributes:
        parse: makes a value of its text; its ValueError says the rule, and is shown without the text.
        sets: the part of the policy that it sets, and the value in it; None for what the policy does not have.
        says: what it means, for people.
        lines: whether its text may have several lines.
    """

    name: str
    parse: Callable[[str], Any]
    sets: tuple[str, ...] | None
    says: str
    lines: bool = False


@dataclass(frozen=True, slots=True)
class Trigger:
    """
    What a trigger says.

    Attributes:
        policy: its policy's name, None for the default.
        workload: its scale target's name, None if that is called like the ScaledObject.
        changes: the values of the policy that it sets, by their place in the policy.
        environment: the texts that came from the workload's environment, by key: no error may show them.
    """

    policy: str | None
    workload: str | None
    changes: Mapping[tuple[str, ...], Any]
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)

    def complaint(self, key: str, message: str) -> str:
        """
        Return an error about a key, as its tenant wrote it.
        """
        if key not in self.environment:
            return f"{key}: {message}"
        return f"{key}{FROM_ENV}: {_hidden(message, self.environment[key])}"


def _text(text: str) -> str:
    return text


def _name(text: str) -> str:
    if not NAME.fullmatch(text):
        raise ValueError(f"must be a name, never an address: {_OPERATOR_NAMES}")
    return text


def kubernetes_name(text: str) -> str:
    """
    Return *text* if it can be the name of a Kubernetes object.

    Raises:
        ValueError: if it cannot.
    """
    if len(text) > _LONGEST_NAME or not KUBERNETES_NAME.fullmatch(text):
        raise ValueError("must be the name of a Kubernetes object")
    return text


def _number(text: str) -> float:
    if not _NUMBER.fullmatch(text):
        raise ValueError("must be a plain number such as 3 or 0.5")
    return float(text)


def _whole(text: str) -> int:
    if not _WHOLE.fullmatch(text):
        raise ValueError("must be a whole number such as 3")
    return int(text)


def _duration(text: str) -> float:
    try:
        return parse_duration(text)
    except ValueError as error:
        raise ValueError("must be a duration such as 90s or 1h30m, at most 720h") from error


KEYS: Mapping[str, Key] = {
    key.name: key
    for key in (
        Key("policy", _name, None, "the policy's name; default: defaults.policy"),
        Key(
            "workload",
            kubernetes_name,
            None,
            "the scale target's name, whose pods use the GPUs; default: the ScaledObject's",
        ),
        Key("queue", _text, ("queue", "name"), "the queue's name or key"),
        Key("queueConnection", _name, ("queue", "connection"), "the connection to read it on"),
        Key(
            "queueType", _text, ("queue", "type"), "how it is kept: list, stream, sortedSet, a task framework, rabbitmq"
        ),
        Key("queueGroup", _text, ("queue", "group"), "a stream's consumer group"),
        Key(
            "queueProcessing", _text, ("queue", "processing"), "a list beside a list, where workers keep what they took"
        ),
        Key("queueVhost", _text, ("queue", "vhost"), "the virtual host in RabbitMQ"),
        Key("queueTarget", _number, ("queue", "target"), "jobs that one replica carries"),
        Key("queueActivation", _number, ("queue", "activation"), "more jobs than this wake the workload"),
        Key("queueQuiet", _number, ("queue", "quiet"), "so many jobs or fewer are quiet once it is awake"),
        Key("requestsConnection", _name, ("requests", "connection"), "the connection that tells the request rate"),
        Key("requestsQuery", _text, ("requests", "query"), "PromQL, where limits.tenantQueries allows it", lines=True),
        Key("requestsTarget", _number, ("requests", "target"), "requests per second that one replica carries"),
        Key("requestsActivation", _number, ("requests", "activation"), "more per second than this wake the workload"),
        Key("requestsQuiet", _number, ("requests", "quiet"), "so many per second or fewer are quiet once it is awake"),
        Key("gpuConnection", _name, ("gpu", "connection"), "the connection that knows the GPUs"),
        Key("gpuTarget", _number, ("gpu", "target"), "the utilisation one replica should have, in per cent of a GPU"),
        Key("gpuBusy", _number, ("gpu", "busy"), "a pod is busy above this, in per cent"),
        Key("minReplicas", _whole, ("replicas", "min"), "the fewest replicas"),
        Key("maxReplicas", _whole, ("replicas", "max"), "the most replicas, at most limits.maxReplicas"),
        Key("idleWindow", _duration, ("idleWindow",), "for so long demand must be quiet before the workload goes idle"),
        Key("waitingPrice", _number, ("waitingPrice",), "what an hour of waiting is worth, in hours of a replica"),
        Key("kedaCooldown", _duration, ("kedaCooldown",), "the ScaledObject's cooldownPeriod, for the kind economic"),
        Key("stabilization", _duration, ("stabilization",), "scaling down follows the most wanted in this window"),
    )
}
"""All keys that a trigger may carry, each also as `…FromEnv`."""

KEY_OF: Mapping[tuple[str, ...], Key] = {key.sets: key for key in KEYS.values() if key.sets is not None}
"""The key that sets a value of the policy."""


def read_metadata(metadata: Mapping[str, str], limits: Limits) -> Trigger:
    """
    Return what a trigger's metadata says.

    Raises:
        MetadataError: with everything that is wrong with it.
    """
    _check_sizes(metadata, limits)
    values: dict[Key, Any] = {}
    environment: dict[str, str] = {}
    errors = []
    for written, text in metadata.items():
        name = written.removesuffix(FROM_ENV)
        if name in KEDAS_OWN:
            continue
        if name != written:
            environment[name] = text
        try:
            key = _key(written)
            values[key] = _value(key, text, limits, taken=name != written and name in metadata)
        except ValueError as error:
            message = str(error) if name not in KEYS else f"{written}: {error}"
            errors.append(message if name == written else _hidden(message, text))
    refuse(errors)
    changes = {key.sets: value for key, value in values.items() if key.sets}
    return Trigger(values.get(KEYS["policy"]), values.get(KEYS["workload"]), changes, environment)


def refuse(errors: Sequence[str]) -> None:
    """
    Raise a MetadataError if there are errors: with the first few of them, because tenants can make many.
    """
    if errors:
        rest = len(errors) - _MOST_ERRORS
        raise MetadataError("; ".join(errors[:_MOST_ERRORS]) + (f"; and {rest} more" if rest > 0 else ""))


def _hidden(message: str, secret: str) -> str:
    """
    Return a message without what it quotes of a text, whole or in part.
    """
    message = message.replace(shown(secret), _HIDDEN)
    return _QUOTED.sub(lambda quoted: _HIDDEN if quoted[1].strip("$…") in secret else quoted[0], message)


def _key(written: str) -> Key:
    key = KEYS.get(written.removesuffix(FROM_ENV))
    if key is None:
        raise ValueError(f"unknown key {shown(written)}{did_you_mean(written.removesuffix(FROM_ENV), KEYS)}")
    return key


def _value(key: Key, text: str, limits: Limits, *, taken: bool) -> Any:
    if taken:
        raise ValueError(f"{key.name} is given too; give one of them")
    if key.name == "requestsQuery" and not limits.tenantQueries:
        raise ValueError("a query is not allowed here; the operator can allow it with limits.tenantQueries")
    if not text:
        raise ValueError("must not be empty")
    line = text.replace("\n", " ").replace("\t", " ") if key.lines else text
    if not line.isprintable():
        raise ValueError(f"must be printable text without line breaks, not {shown(text)}")
    if "://" in text and not key.lines:
        raise ValueError(f"must not be an address: {_OPERATOR_NAMES}")
    try:
        return key.parse(text)
    except ValueError as error:
        raise ValueError(f"{error}, not {shown(text)}") from error


def _check_sizes(metadata: Mapping[str, str], limits: Limits) -> None:
    total = 0
    for key, text in metadata.items():
        size = len(text.encode("utf-8", "replace"))
        total += size + len(key.encode("utf-8", "replace"))
        if size > limits.valueBytes:
            raise MetadataError(
                f"{_short(key)}: the value has {size} bytes, more than the {limits.valueBytes} of limits.valueBytes"
                + ("" if key.endswith(FROM_ENV) else f": {shown(text)}")
            )
    if total > limits.metadataBytes:
        raise MetadataError(
            f"the metadata has {total} bytes, more than the {limits.metadataBytes} of limits.metadataBytes; "
            f"its longest key is {shown(max(metadata, key=lambda key: len(key) + len(metadata[key])))}"
        )


def _short(key: str) -> str:
    return key if key in KEYS else shown(key)
