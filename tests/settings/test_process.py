"""
Process settings: from the environment and from flags.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from scaler.settings.errors import ConfigurationError
from scaler.settings.process import VARIABLES, Address, ProcessSettings


def test_an_empty_environment_gives_the_defaults() -> None:
    """KEDA on 6000, everything else on 8080, the document where the chart mounts it."""
    settings = ProcessSettings.from_env({})
    assert settings == ProcessSettings()
    assert (str(settings.grpc), str(settings.http)) == (":6000", ":8080")
    assert settings.config == Path("/etc/scaler/config.yaml")


def test_every_setting_is_read_from_its_variable() -> None:
    """A variable of Kubernetes' own (SCALER_PORT, for a Service called scaler) is not one of ours."""
    settings = ProcessSettings.from_env(
        {
            "SCALER_PORT": "tcp://10.0.0.1:6000",
            "SCALER_CONFIG": "/c.yaml",
            "SCALER_GRPC_ADDRESS": "127.0.0.1:0",
            "SCALER_HTTP_ADDRESS": "[::1]:9000",
            "SCALER_TLS_CERT": "/tls.crt",
            "SCALER_TLS_KEY": "/tls.key",
            "SCALER_TLS_CLIENT_CA": "/ca.crt",
            "SCALER_LOG_LEVEL": "DEBUG",
            "SCALER_LOG_FORMAT": "json",
            "SCALER_HISTORY": "90m",
            "SCALER_REFLECTION": "true",
            "SCALER_OBSERVE": "true",
            "SCALER_OBSERVE_NAMESPACES": "ai, lab,ai",
            "SCALER_KUBECONFIG": "/kubeconfig",
            "SCALER_EVENTS": "true",
            "SCALER_POD_DELETION_COST": "1",
            "SCALER_STATE": "/state.sqlite",
        }
    )
    assert settings == ProcessSettings(
        config=Path("/c.yaml"),
        grpc=Address("127.0.0.1", 0),
        http=Address("::1", 9000),
        tls_cert=Path("/tls.crt"),
        tls_key=Path("/tls.key"),
        tls_client_ca=Path("/ca.crt"),
        log_level="debug",
        log_format="json",
        history=5400.0,
        reflection=True,
        observe=True,
        observe_namespaces=("ai", "lab"),
        kubeconfig=Path("/kubeconfig"),
        events=True,
        pod_deletion_cost=True,
        state=Path("/state.sqlite"),
    )


def test_a_flag_comes_before_the_environment() -> None:
    """A flag that was not given is None; an empty variable is not set."""
    environ = {"SCALER_CONFIG": "/a", "SCALER_GRPC_ADDRESS": ":1", "SCALER_LOG_LEVEL": ""}
    settings = ProcessSettings.from_env(environ, config="/b", grpc=None)
    assert settings == ProcessSettings(config=Path("/b"), grpc=Address(None, 1))


@pytest.mark.parametrize("text", ["127.0.0.1:6000", ":0", "[::1]:80", "scaler.keda.svc:65535"])
def test_an_address_is_written_as_it_is_given(text: str) -> None:
    """Round trip."""
    assert str(ProcessSettings.from_env({}, grpc=text).grpc) == text


def test_all_mistakes_are_told_together() -> None:
    """Each with the variable or the flag that it came from."""
    environ = {
        "SCALER_GRPC_ADDRESS": "6000",
        "SCALER_HTTP_ADDRESS": ":70000",
        "SCALER_REFLECTION": "maybe",
        "SCALER_TLS_CERT": "/tls.crt",
    }
    with pytest.raises(ConfigurationError) as caught:
        ProcessSettings.from_env(environ, log_level="loud")
    assert caught.value.errors == (
        "SCALER_GRPC_ADDRESS: must be a host and a port, such as :6000, 127.0.0.1:6000 or [::1]:6000, not '6000'",
        "SCALER_HTTP_ADDRESS: must be a host and a port, such as :6000, 127.0.0.1:6000 or [::1]:6000, not ':70000'",
        "--log-level: must be one of debug, info, warning, error, not 'loud'",
        "SCALER_REFLECTION: must be true or false, not 'maybe'",
        "--tls-cert (SCALER_TLS_CERT): is given together with --tls-key (SCALER_TLS_KEY), or neither is",
    )


def test_clients_authorities_need_a_certificate() -> None:
    """Mutual TLS is TLS first."""
    with pytest.raises(ConfigurationError, match=r"--tls-client-ca \(SCALER_TLS_CLIENT_CA\): needs --tls-cert"):
        ProcessSettings.from_env({"SCALER_TLS_CLIENT_CA": "/ca.crt"})


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("Ai", "must be names of namespaces with commas between them, not 'Ai'"),
        ("ai;lab", "must be names of namespaces with commas between them, not 'ai;lab'"),
        (
            ",".join(f"n{number}" for number in range(21)),
            "must be 20 namespaces at most, not 21; none of them means all",
        ),
    ],
)
def test_what_is_no_namespace_is_refused(text: str, told: str) -> None:
    """And so are more than can be watched one by one."""
    with pytest.raises(ConfigurationError) as caught:
        ProcessSettings.from_env({"SCALER_OBSERVE": "true", "SCALER_OBSERVE_NAMESPACES": text})
    assert caught.value.errors == (f"SCALER_OBSERVE_NAMESPACES: {told}",)


def test_what_an_observer_does_needs_one() -> None:
    """Each is named that would have no effect; one that is off harms nobody."""
    environ = {"SCALER_EVENTS": "true", "SCALER_POD_DELETION_COST": "false", "SCALER_OBSERVE_NAMESPACES": "ai"}
    with pytest.raises(ConfigurationError) as caught:
        ProcessSettings.from_env(environ)
    assert caught.value.errors == (
        "--observe-namespaces (SCALER_OBSERVE_NAMESPACES): needs --observe (SCALER_OBSERVE)",
        "--events (SCALER_EVENTS): needs --observe (SCALER_OBSERVE)",
    )


def test_every_setting_has_a_variable() -> None:
    """The table and the class do not drift apart."""
    assert set(VARIABLES) == set(ProcessSettings.__slots__)
