"""
Whom the agent, the Redis to try with and the scaler may talk to, in both flavours.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.chart.charts import given
from tests.chart.helm import Chart
from tests.chart.rendered import Object, objects, pods, selects

NAMESPACE = "kubernetes.io/metadata.name"
CILIUM_NAMESPACE = "k8s:io.kubernetes.pod.namespace"
CILIUM = "networkPolicy.flavour: cilium, scaler.networkPolicy.flavour: cilium"
NEIGHBOURS = "qdrant.enabled: true, litellm: {enabled: true, virtualKeySecret: {name: key}}"
MODELS = "model.name: org/name, models: {enabled: true, accessMode: ReadWriteMany}"
FILES = f"{MODELS}, download: {{enabled: true, files: [{{url: 'https://models.example.com/a.bin'}}]}}"
COMMAND = f"{MODELS}, download: {{enabled: true, command: [fetch]}}"


def policies(chart: Chart, values: str = "") -> dict[str, Object]:
    """
    Return what the network policies say, by their names.
    """
    found = objects(chart.template(*given(f"{{{values}}}")))
    return {each["metadata"]["name"]: each["spec"] for each in found if each["kind"].endswith("NetworkPolicy")}


def own(chart: Chart, values: str = "") -> Object:
    """
    Return the agent's own policy.
    """
    return policies(chart, values)["ai-agent"]


def namespace(name: str, **labels: str) -> Object:
    """
    Return a peer in a namespace.
    """
    inner = {"podSelector": {"matchLabels": labels}} if labels else {}
    return {"namespaceSelector": {"matchLabels": {NAMESPACE: name}}, **inner}


def tcp(*ports: int) -> list[Object]:
    """
    Return ports of the flavour `kubernetes`.
    """
    return [{"port": port, "protocol": "TCP"} for port in ports]


def labels(component: str, name: str = "ai-agent") -> dict[str, str]:
    """
    Return the labels that pick the pods of a part of the release.
    """
    prefix = "app.kubernetes.io"
    return {f"{prefix}/name": name, f"{prefix}/instance": "ai-agent", f"{prefix}/component": component}


def test_with_nothing_set_it_reaches_names_and_its_queue(newest: Chart) -> None:
    """
    DNS and the Redis to try with; monitoring alone is let in.
    """
    spec = own(newest)
    assert spec["policyTypes"] == ["Ingress", "Egress"]
    assert spec["ingress"] == [{"from": [namespace("monitoring")], "ports": tcp(8080)}]
    dns, queue = spec["egress"]
    assert dns["to"] == [namespace("kube-system", **{"k8s-app": "kube-dns"})]
    assert [(port["port"], port["protocol"]) for port in dns["ports"]] == [(53, "UDP"), (53, "TCP")]
    assert queue == {"to": [{"podSelector": {"matchLabels": labels("try-redis")}}], "ports": tcp(6379)}


def test_the_neighbours_are_reached_where_they_are(newest: Chart) -> None:
    """
    Qdrant at 6333 and LiteLLM at 4000 in their namespace, the queue in its own; nobody's provider is named.
    """
    values = f"{NEIGHBOURS}, queue.address: 'redis.queues.svc:6379'"
    _, *rules = own(newest, values)["egress"]
    assert rules == [
        {"to": [namespace("queues")], "ports": tcp(6379)},
        {"to": [namespace("ai")], "ports": tcp(6333)},
        {"to": [namespace("ai")], "ports": tcp(4000)},
    ]
    text = newest.template(*given(f"{{{values}}}"))
    assert not [name for name in ("openai.com", "anthropic.com", "googleapis.com", "mistral.ai") if name in text]


def test_pods_may_have_other_ports_than_services(newest: Chart) -> None:
    """
    A policy is about the ports of pods.
    """
    values = (
        f"{NEIGHBOURS}, queue: {{address: 'redis.ai.svc:80', podPorts: [6379, 26379]}}, "
        "networkPolicy.egress: {qdrantPorts: [1], litellmPorts: [2]}"
    )
    _, *rules = own(newest, values)["egress"]
    assert [rule["ports"] for rule in rules] == [tcp(6379, 26379), tcp(1), tcp(2)]


@pytest.mark.parametrize(
    ("address", "peers"),
    [
        ("redis:6379", [namespace("ai")]),
        ("redis-0.redis.mq.svc.cluster.local:6379", [namespace("mq")]),
        ("10.0.0.7:6379", [{"ipBlock": {"cidr": "10.0.0.7/32"}}]),
        ("[fd00::7]:6379", [{"ipBlock": {"cidr": "fd00::7/128"}}]),
        ("redis.example.com:6379", None),
    ],
)
def test_an_address_says_where_it_is(newest: Chart, address: str, peers: list[Object] | None) -> None:
    """
    A namespace, an address, or outside: anywhere, at that port only.
    """
    _, rule = own(newest, f"queue.address: '{address}'")["egress"]
    assert rule.get("to") == peers
    assert rule["ports"] == tcp(6379)


def test_the_gateway_is_let_in_where_it_is_named(newest: Chart) -> None:
    """
    To the agent's ports; extra rules come last; without monitoring and gateway nobody is let in.
    """
    values = """networkPolicy.ingress: {gatewayNamespace: gateway, gatewayPodLabels: {app: envoy},
        monitoringPodLabels: {app: prometheus}, extra: [{from: [{podSelector: {}}]}]},
        ports: [{name: http, containerPort: 8080}, {name: grpc, containerPort: 9000}]"""
    gateway, monitoring, extra = own(newest, values)["ingress"]
    assert gateway == {"from": [namespace("gateway", app="envoy")], "ports": tcp(8080, 9000)}
    assert monitoring["from"] == [namespace("monitoring", app="prometheus")]
    assert extra == {"from": [{"podSelector": {}}]}
    closed = own(newest, "networkPolicy.ingress.monitoringNamespace: ''")
    assert "ingress" not in closed
    assert "Ingress" in closed["policyTypes"]


def test_models_are_fetched_from_where_they_are(newest: Chart) -> None:
    """
    Only while something is downloaded: from the files' hosts, from networks that are named, or from anywhere at 443.
    """
    assert own(newest, FILES)["egress"][-1] == {"ports": tcp(443)}
    assert own(newest, COMMAND)["egress"][-1] == {"ports": tcp(443)}
    networks = "networkPolicy.egress.download: {cidrs: [10.1.0.0/16], ports: [9000]}"
    assert own(newest, f"{COMMAND}, {networks}")["egress"][-1] == {
        "to": [{"ipBlock": {"cidr": "10.1.0.0/16"}}],
        "ports": tcp(9000),
    }
    inside = FILES.replace("https://models.example.com", "http://minio.storage.svc:9000")
    assert own(newest, inside)["egress"][-1] == {"to": [namespace("storage")], "ports": tcp(9000)}
    assert len(own(newest, MODELS)["egress"]) == 2


def test_sidecars_reach_their_control_planes(newest: Chart) -> None:
    """
    Dapr's and Istio's; in an ambient mesh traffic comes by the mesh's port, and probes from its address.
    """
    rules = own(newest, "dapr.enabled: true, istio.enabled: true")["egress"]
    assert {"to": [namespace("dapr-system")], "ports": tcp(6500, 50001, 50005, 50006)} in rules
    assert {"to": [namespace("istio-system")], "ports": tcp(15012)} in rules
    ambient = own(newest, "istio: {enabled: true, mode: ambient}")
    assert ambient["egress"][1]["ports"] == tcp(6379, 15008)
    assert ambient["ingress"][0]["ports"] == tcp(8080, 15008)
    assert ambient["ingress"][1] == {"from": [{"ipBlock": {"cidr": "169.254.7.127/32"}}]}


@pytest.mark.parametrize("flavour", ["kubernetes", "cilium"])
def test_the_redis_to_try_with_is_closed(newest: Chart, flavour: str) -> None:
    """
    The agent and its scaler are let in, and nobody else; it goes nowhere.
    """
    spec = policies(newest, f"networkPolicy.flavour: {flavour}")["ai-agent-try-redis"]
    agent, scaler = labels("agent"), labels("scaler", "agent-scaler")
    (rule,) = spec["ingress"]
    if flavour == "kubernetes":
        assert rule == {
            "from": [{"podSelector": {"matchLabels": each}} for each in (agent, scaler)],
            "ports": tcp(6379),
        }
        assert spec["policyTypes"] == ["Ingress", "Egress"]
        assert "egress" not in spec
    else:
        assert rule["fromEndpoints"] == [{"matchLabels": agent}, {"matchLabels": scaler}]
        assert spec["egress"] == [{}]
    there = "scaler.enabled: false, keda.trigger: {address: 's.keda.svc:6000', policy: p}"
    (rule,) = policies(newest, f"networkPolicy.flavour: {flavour}, {there}")["ai-agent-try-redis"]["ingress"]
    assert "keda" in str(rule)


@pytest.mark.parametrize("flavour", ["kubernetes", "cilium"])
def test_the_scaler_reaches_the_sources_of_its_document(newest: Chart, flavour: str) -> None:
    """
    By a policy beside its own, which closes it; a document of one's own needs none.
    """
    metrics = "policy.connections: {metrics: {type: prometheus, url: 'http://prometheus.monitoring.svc:9090'}}"
    found = policies(newest, f"scaler.networkPolicy.flavour: {flavour}, {metrics}")
    spec = found["ai-agent-scaler-sources"]
    assert (spec.get("podSelector") or spec["endpointSelector"]) == {"matchLabels": labels("scaler", "agent-scaler")}
    reached = [
        str(rule.get("to") or rule["toEndpoints"]).count(where)
        for rule, where in zip(spec["egress"], ("monitoring", "'ai'"), strict=True)
    ]
    assert reached == [1, 1]
    config = (
        "connections: {m: {type: redis, addresses: ['r:1']}}, policies: {default: {queue: {connection: m, target: 1}}}"
    )
    assert "ai-agent-scaler-sources" not in policies(newest, f"scaler.config: {{{config}}}")
    assert "ai-agent-scaler-sources" not in policies(newest, "scaler.networkPolicy.enabled: false")


def test_the_scaler_may_read_the_agents_own_pages(newest: Chart) -> None:
    """
    Where its document scrapes.
    """
    pages = "policy.connections: {pages: {type: scrape, urls: ['http://ai-agent.ai.svc:8080/metrics']}}"
    *_, rule = own(newest, pages)["ingress"]
    assert rule["from"] == [{"podSelector": {"matchLabels": labels("scaler", "agent-scaler")}}]
    *_, rule = own(newest, f"{CILIUM}, {pages}")["ingress"]
    assert rule["fromEndpoints"] == [{"matchLabels": labels("scaler", "agent-scaler")}]


def test_policies_pick_the_pods_that_they_are_for(newest: Chart) -> None:
    """
    Each exactly one of the release's, tests aside.
    """
    text = newest.template()
    found = [pod for pod in pods(text) if "labels" in pod["metadata"]]
    for name, component in (
        ("ai-agent", "agent"),
        ("ai-agent-try-redis", "try-redis"),
        ("ai-agent-scaler-sources", "scaler"),
    ):
        picked = [pod for pod in found if selects(policies(newest)[name]["podSelector"]["matchLabels"], pod)]
        assert [pod["metadata"]["labels"]["app.kubernetes.io/component"] for pod in picked] == [component]


def test_policies_can_be_left_out(newest: Chart) -> None:
    """
    All of this chart's, and the scaler's.
    """
    assert policies(newest, "networkPolicy.enabled: false, scaler.networkPolicy.enabled: false") == {}


def test_cilium_names_ports_namespaces_and_hosts_where_it_reads_them(newest: Chart) -> None:
    """
    `toPorts` with texts in every rule, a namespace on every peer that is elsewhere, names with the DNS rule.
    """
    values = f"{CILIUM}, {NEIGHBOURS}, {FILES}, networkPolicy.egress.download.hosts: ['*.cdn.example.com']"
    spec = own(
        newest, f"{values}, networkPolicy.ingress: {{gatewayNamespace: gateway, gatewayPodLabels: {{app: envoy}}}}"
    )
    for rule in spec["ingress"] + spec["egress"]:
        (part,) = rule["toPorts"]
        assert all(isinstance(port["port"], str) for port in part["ports"])
    gateway, monitoring = spec["ingress"]
    assert gateway["fromEndpoints"] == [{"matchLabels": {CILIUM_NAMESPACE: "gateway", "app": "envoy"}}]
    assert monitoring["fromEndpoints"] == [{"matchLabels": {CILIUM_NAMESPACE: "monitoring"}}]
    dns, queue, qdrant, litellm, file, host = spec["egress"]
    assert dns["toEndpoints"] == [{"matchLabels": {CILIUM_NAMESPACE: "kube-system", "k8s-app": "kube-dns"}}]
    assert dns["toPorts"][0]["rules"] == {"dns": [{"matchPattern": "*"}]}
    assert queue["toEndpoints"] == [{"matchLabels": labels("try-redis")}]
    assert qdrant["toEndpoints"] == litellm["toEndpoints"] == [{"matchLabels": {CILIUM_NAMESPACE: "ai"}}]
    assert file["toFQDNs"] == [{"matchName": "models.example.com"}]
    assert host["toFQDNs"] == [{"matchPattern": "*.cdn.example.com"}]


def test_cilium_lets_nobody_in_where_nobody_is_named(newest: Chart) -> None:
    """
    An empty rule closes; no rule at all would leave it open.
    """
    assert own(newest, f"{CILIUM}, networkPolicy.ingress.monitoringNamespace: ''")["ingress"] == [{}]


@pytest.mark.parametrize("flavour", ["kubernetes", "cilium"])
def test_further_rules_and_another_dns(newest: Chart, flavour: str) -> None:
    """
    What is added comes last; OpenShift's DNS has other pods and another port, a cache on the nodes an address.
    """
    extra: dict[str, Any] = {"kubernetes": "{to: [{podSelector: {}}]}", "cilium": "{toEntities: [host]}"}
    values = f"""networkPolicy: {{flavour: {flavour}, egress: {{extra: [{extra[flavour]}]}},
        dns: {{namespace: openshift-dns, podLabels: {{dns: default}}, ports: [5353], cidrs: [169.254.20.10/32]}}}}"""
    dns, *_, last = own(newest, values)["egress"]
    assert "openshift-dns" in str(dns)
    assert "5353" in str(dns)
    assert "kube-dns" not in str(dns)
    assert last in ({"to": [{"podSelector": {}}]}, {"toEntities": ["host"]})
    assert "169.254.20.10/32" in str(own(newest, values)["egress"])
