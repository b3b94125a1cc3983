"""
Process settings: what is fixed for as long as the process runs, from its environment and its flags.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from scaler.settings.durations import parse_duration
from scaler.settings.errors import ConfigurationError
from scaler.settings.wording import shown

LOG_LEVELS = ("debug", "info", "warning", "error")
LOG_FORMATS = ("text", "json")
_SWITCH = {"true": True, "1": True, "false": False, "0": False}
_ADDRESS = re.compile(r"(?:\[(?P<ip6>[0-9A-Fa-f:.]*)\]|(?P<host>[A-Za-z0-9._-]*)):(?P<port>[0-9]{1,5})")
_HIGHEST_PORT = 65535
_NAMESPACE = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_MOST_NAMESPACES = 20  # each of them is four watches, and each watch a connection


@dataclass(frozen=True, slots=True)
class Address:
    """
    Where to listen: a host (None: every address of the machine) and a port (0: any free one).
    """

    host: str | None
    port: int

    def __str__(self) -> str:
        """
        Write it as it is given: `:6000`, `127.0.0.1:6000`, `[::1]:6000`.
        """
        host = self.host or ""
        return f"[{host}]:{self.port}" if ":" in host else f"{host}:{self.port}"


def _address(text: str) -> Address:
    match = _ADDRESS.fullmatch(text)
    if match is None or int(match["port"]) > _HIGHEST_PORT:
        raise ValueError(f"must be a host and a port, such as :6000, 127.0.0.1:6000 or [::1]:6000, not {shown(text)}")
    return Address(match["ip6"] or match["host"] or None, int(match["port"]))


def _switch(text: str) -> bool:
    try:
        return _SWITCH[text.lower()]
    except KeyError:
        raise ValueError(f"must be true or false, not {shown(text)}") from None


def _one_of(words: tuple[str, ...]) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text.lower() not in words:
            raise ValueError(f"must be one of {', '.join(words)}, not {shown(text)}")
        return text.lower()

    return parse


def _namespaces(text: str) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))
    for name in names:
        if not _NAMESPACE.fullmatch(name):
            raise ValueError(f"must be names of namespaces with commas between them, not {shown(name)}")
    if len(names) > _MOST_NAMESPACES:
        raise ValueError(f"must be {_MOST_NAMESPACES} namespaces at most, not {len(names)}; none of them means all")
    return names


VARIABLES: Mapping[str, tuple[str, Callable[[str], Any]]] = {
    "config": ("SCALER_CONFIG", Path),
    "grpc": ("SCALER_GRPC_ADDRESS", _address),
    "http": ("SCALER_HTTP_ADDRESS", _address),
    "tls_cert": ("SCALER_TLS_CERT", Path),
    "tls_key": ("SCALER_TLS_KEY", Path),
    "tls_client_ca": ("SCALER_TLS_CLIENT_CA", Path),
    "log_level": ("SCALER_LOG_LEVEL", _one_of(LOG_LEVELS)),
    "log_format": ("SCALER_LOG_FORMAT", _one_of(LOG_FORMATS)),
    "history": ("SCALER_HISTORY", parse_duration),
    "reflection": ("SCALER_REFLECTION", _switch),
    "traces": ("SCALER_TRACES", _switch),
    "observe": ("SCALER_OBSERVE", _switch),
    "observe_namespaces": ("SCALER_OBSERVE_NAMESPACES", _namespaces),
    "kubeconfig": ("SCALER_KUBECONFIG", Path),
    "events": ("SCALER_EVENTS", _switch),
    "state": ("SCALER_STATE", Path),
    "pod_deletion_cost": ("SCALER_POD_DELETION_COST", _switch),
}
"""Each setting's variable in the environment, and how its text is read."""


def flag(name: str) -> str:
    """
    Return the flag of a setting.
    """
    return f"--{name.replace('_', '-')}"


def named(name: str) -> str:
    """
    Return how a setting is given: by its flag, or by its variable.
    """
    return f"{flag(name)} ({VARIABLES[name][0]})"


_FOR_OBSERVING = ("observe_namespaces", "kubeconfig", "events", "pod_deletion_cost")
_GRPC = Address(None, 6000)
_HTTP = Address(None, 8080)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessSettings:
    """
    The settings of the process. Certificates and the document are read again when their files change; these are not.

    Attributes:
        config: the document's file.
        grpc: where KEDA calls.
        http: where metrics, health and the page are.
        tls_cert, tls_key: the gRPC server's certificate and key; both or none.
        tls_client_ca: the authorities whose clients are let in (mutual TLS).
        history: seconds for which decisions and readings are kept; 0 keeps none. With the default a workload that
            changes all the time costs 48 KB, one that never does nothing, and all of them together 64 MiB at most.
        reflection: whether the gRPC server describes itself.
        traces: whether each wake is traced (OpenTelemetry); where to, its own variables say.
        observe: whether workloads are looked at in their cluster: that of `kubeconfig`, by default the process's own.
        observe_namespaces: where; none: everywhere.
        events: whether an observer writes events on ScaledObjects; `pod_deletion_cost`: deletion costs on pods.
        state: the file in which what was learned outlasts the process; None: it does not.
    """

    config: Path = Path("/etc/scaler/config.yaml")
    grpc: Address = _GRPC
    http: Address = _HTTP
    tls_cert: Path | None = None
    tls_key: Path | None = None
    tls_client_ca: Path | None = None
    log_level: str = "info"
    log_format: str = "text"
    history: float = 6 * 3600.0
    reflection: bool = False
    traces: bool = False
    observe: bool = False
    observe_namespaces: tuple[str, ...] = ()
    kubeconfig: Path | None = None
    events: bool = False
    pod_deletion_cost: bool = False
    state: Path | None = None

    @classmethod
    def from_env(cls, environ: Mapping[str, str], **overrides: str | None) -> Self:
        """
        Return the settings of an environment; *overrides* (flags, by field name) come first, those of None don't count.

        A variable that is empty is not set.

        Raises:
            ConfigurationError: with everything that is wrong.
        """
        values: dict[str, Any] = {}
        errors: list[str] = []
        for name, (variable, parse) in VARIABLES.items():
            override = overrides.get(name)
            text = environ.get(variable) if override is None else override
            if not text:
                continue
            try:
                values[name] = parse(text)
            except ValueError as error:
                errors.append(f"{variable if override is None else flag(name)}: {error}")
        if ("tls_cert" in values) != ("tls_key" in values):
            errors.append(f"{named('tls_cert')}: is given together with {named('tls_key')}, or neither is")
        if "tls_client_ca" in values and "tls_cert" not in values:
            errors.append(f"{named('tls_client_ca')}: needs {named('tls_cert')} and {named('tls_key')}")
        observers = [name for name in _FOR_OBSERVING if values.get(name) and not values.get("observe")]
        errors.extend(f"{named(name)}: needs {named('observe')}" for name in observers)
        if errors:
            raise ConfigurationError(errors)
        return cls(**values)
