"""
Who may reach the scaler, and what it may reach, in both flavours.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.chart.charts import SCALER, given
from tests.chart.helm import Chart
from tests.chart.rendered import kind, selects

NAMESPACE = "kubernetes.io/metadata.name"
CILIUM_NAMESPACE = "k8s:io.kubernetes.pod.namespace"


def policy(chart: Chart, *arguments: str) -> dict[str, Any]:
    """
    Return the policy of the flavour `kubernetes`.
    """
    spec: dict[str, Any] = kind(chart.template(*arguments), "NetworkPolicy")["spec"]
    return spec


def cilium(chart: Chart, *arguments: str) -> dict[str, Any]:
    """
    Return the policy of the flavour `cilium`.
    """
    spec: dict[str, Any] = kind(chart.template(*arguments), "CiliumNetworkPolicy")["spec"]
    return spec


def rule(peers: Any, *ports: int) -> dict[str, Any]:
    """
    Return a rule of the flavour `kubernetes` that lets out by TCP.
    """
    return {"to": peers, "ports": [{"port": port, "protocol": "TCP"} for port in ports]}


def namespace(name: str, **labels: str) -> dict[str, Any]:
    """
    Return a peer in a namespace.
    """
    inner = {"podSelector": {"matchLabels": labels}} if labels else {}
    return {"namespaceSelector": {"matchLabels": {NAMESPACE: name}}, **inner}


def test_keda_monitoring_and_the_test_are_let_in(newest: Chart) -> None:
    """
    KEDA to gRPC alone, monitoring to HTTP alone, the test's pod to both; both directions are closed otherwise.
    """
    text = newest.template()
    spec = kind(text, "NetworkPolicy")["spec"]
    assert spec["policyTypes"] == ["Ingress", "Egress"]
    keda, monitoring, test = spec["ingress"]
    assert keda == {"from": [namespace("keda")], "ports": [{"port": 6000, "protocol": "TCP"}]}
    assert monitoring == {"from": [namespace("monitoring")], "ports": [{"port": 8080, "protocol": "TCP"}]}
    (peer,) = test["from"]
    assert selects(peer["podSelector"]["matchLabels"], kind(text, "Pod"))
    assert [port["port"] for port in test["ports"]] == [6000, 8080]


def test_without_sources_only_names_are_asked(newest: Chart) -> None:
    """
    DNS in the cluster, by UDP and TCP, and nothing else where nothing is observed.
    """
    (dns,) = policy(newest, "--set", "observer.enabled=false")["egress"]
    assert dns["to"] == [namespace("kube-system", **{"k8s-app": "kube-dns"})]
    assert [(port["port"], port["protocol"]) for port in dns["ports"]] == [(53, "UDP"), (53, "TCP")]


def test_an_observer_is_let_out_to_the_api_server(newest: Chart) -> None:
    """
    At its ports, anywhere or where it is said to be; Cilium knows where it is.
    """
    _, anywhere = policy(newest)["egress"]
    assert anywhere == {"ports": [{"port": 443, "protocol": "TCP"}, {"port": 6443, "protocol": "TCP"}]}
    _, there = policy(newest, *given("networkPolicy.apiServer: {ports: [8443], cidrs: [10.0.0.10/32]}"))["egress"]
    assert there == rule([{"ipBlock": {"cidr": "10.0.0.10/32"}}], 8443)
    _, known = cilium(newest, "--set", "networkPolicy.flavour=cilium")["egress"]
    assert known == {
        "toEntities": ["kube-apiserver"],
        "toPorts": [{"ports": [{"port": "443", "protocol": "TCP"}, {"port": "6443", "protocol": "TCP"}]}],
    }
    (_,) = cilium(newest, *given("{networkPolicy.flavour: cilium, observer.enabled: false}"))["egress"]


def test_sources_are_let_out_to(newest: Chart) -> None:
    """
    Each by its namespace, its address or the networks outside, at its ports; what was added comes last.
    """
    dns, _, *rules, extra = policy(newest, *SCALER.file("sources"))["egress"]
    assert dns["to"][1] == {"ipBlock": {"cidr": "169.254.20.10/32"}}
    expected = [
        rule([{"ipBlock": {"cidr": "10.0.0.7/32"}}], 9400),
        rule([{"ipBlock": {"cidr": "fd00::7/128"}}], 9400),
        rule([namespace("ai")], 6379),
        rule([{"ipBlock": {"cidr": "203.0.113.0/24"}}], 443),
        rule([namespace("keda")], 5672),
        rule([namespace("keda")], 15672),
        rule([namespace("ai")], 26379, 6379),
    ]
    assert rules == expected
    assert extra["to"] == [{"ipBlock": {"cidr": "198.51.100.7/32"}}]


def test_a_name_outside_is_let_out_to_at_its_port(newest: Chart) -> None:
    """
    NetworkPolicy knows no names: without networks that are given, anywhere, at that port only.
    """
    values = "config: {connections: {m: {type: prometheus, url: 'https://prometheus.example.com:9443/x'}}}"
    *_, outside = policy(newest, *given(values))["egress"]
    assert outside == {"ports": [{"port": 9443, "protocol": "TCP"}]}


@pytest.mark.parametrize("name", ["pods", "ports"])
def test_peers_can_be_named_closer(newest: Chart, name: str) -> None:
    """
    KEDA's and monitoring's pods by their labels; a Service's pods by their own ports.
    """
    if name == "pods":
        keda, monitoring, _, portal = policy(newest, *SCALER.file("sources"))["ingress"]
        assert portal["from"] == [namespace("portal")]
        assert keda["from"] == [namespace("keda", app="keda-operator")]
        assert monitoring["from"] == [namespace("monitoring", **{"app.kubernetes.io/name": "prometheus"})]
    else:
        values = (
            "{config: {connections: {m: {type: prometheus, url: 'http://prometheus.monitoring.svc'}}}, "
            "networkPolicy.egress.ports: {m: [9090]}}"
        )
        assert policy(newest, *given(values))["egress"][-1] == rule([namespace("monitoring")], 9090)


def test_monitoring_and_the_test_can_be_left_out(newest: Chart) -> None:
    """
    Then KEDA alone is let in.
    """
    values = "{networkPolicy: {ingress: {monitoringNamespace: ''}}, test: {enabled: false}}"
    assert len(policy(newest, *given(values))["ingress"]) == 1
    assert len(cilium(newest, *given(values), "--set", "networkPolicy.flavour=cilium")["ingress"]) == 1


def test_another_dns(newest: Chart) -> None:
    """
    Of OpenShift: its namespace, its pods, its port.
    """
    spec = policy(newest, *SCALER.file("openshift"))
    assert spec["egress"][0]["to"] == [
        namespace("openshift-dns", **{"dns.operator.openshift.io/daemonset-dns": "default"})
    ]
    assert {port["port"] for port in spec["egress"][0]["ports"]} == {5353}
    assert spec["ingress"][0]["from"] == [namespace("openshift-keda")]


def test_cilium_names_ports_where_it_reads_them(newest: Chart) -> None:
    """
    Every rule has `toPorts`, as texts; a bare `ports` would be dropped and open everything.
    """
    spec = cilium(newest, *SCALER.file("cilium"))
    for each in spec["ingress"] + spec["egress"]:
        assert all(
            part["ports"] and all(isinstance(port["port"], str) for port in part["ports"]) for part in each["toPorts"]
        )


def test_cilium_names_the_namespaces_of_peers(newest: Chart) -> None:
    """
    A peer in another namespace is not found without its label; the test's pod is in the scaler's own.
    """
    keda, monitoring, test, _ = cilium(newest, *SCALER.file("cilium"))["ingress"]
    assert keda["fromEndpoints"] == [{"matchLabels": {CILIUM_NAMESPACE: "keda", "app": "keda-operator"}}]
    assert monitoring["fromEndpoints"] == [{"matchLabels": {CILIUM_NAMESPACE: "monitoring"}}]
    assert test["fromEndpoints"][0]["matchLabels"]["app.kubernetes.io/component"] == "test"


def test_cilium_lets_out_by_name(newest: Chart) -> None:
    """
    Names need the DNS rule, without which Cilium never learns their addresses.
    """
    dns, cache, _, address, inside, outside, extra = cilium(newest, *SCALER.file("cilium"))["egress"]
    assert dns["toEndpoints"] == [{"matchLabels": {CILIUM_NAMESPACE: "kube-system", "k8s-app": "kube-dns"}}]
    assert cache["toCIDR"] == ["169.254.20.10/32"]
    for each in (dns, cache):
        (part,) = each["toPorts"]
        assert part == {"ports": [{"port": "53", "protocol": "ANY"}], "rules": {"dns": [{"matchPattern": "*"}]}}
    assert address["toCIDR"] == ["10.0.0.7/32"]
    assert inside["toEndpoints"] == [{"matchLabels": {CILIUM_NAMESPACE: "ai"}}]
    assert outside["toFQDNs"] == [{"matchName": "prometheus.example.com"}]
    assert [each["toPorts"][0]["ports"][0]["port"] for each in (address, inside, outside)] == ["9400", "6379", "443"]
    assert extra["toEntities"] == ["host"]
