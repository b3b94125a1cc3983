"""
Every network policy of everything that is rendered: each rule says who and where, and nothing runs without one.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.chart.charts import Source
from tests.chart.everything import EVERY_FILE, asked, renders
from tests.chart.helm import Helm
from tests.chart.rendered import Object, owned, selects
from tests.chart.test_every_name import chosen

PEERS = {
    "ingress": ("fromEndpoints", "fromCIDR", "fromCIDRSet", "fromEntities"),
    "egress": ("toEndpoints", "toCIDR", "toCIDRSet", "toEntities", "toFQDNs"),
}
"""What names a peer in a Cilium rule. Several in one rule would be a mistake: they are alternatives, not conditions."""

EVERYBODY: tuple[Object, ...] = (
    {},
    {"namespaceSelector": {}},
    {"podSelector": {}},
    {"namespaceSelector": {}, "podSelector": {}},
)
"""Peers that leave out nobody, in the cluster, in a namespace, or anywhere."""


PROBES = "169.254.7.127/32"
"""Where the kubelet's probes come from in Istio's ambient mesh: an address of the node's own, whatever the port."""


def loose(rule: Object, direction: str) -> str:
    """
    Return what a rule of the flavour `kubernetes` leaves open that it should not; nothing if it is tight.

    A rule out may leave out its peers, since hosts outside of the cluster have no other name; never its ports.
    """
    peers = rule.get("from" if direction == "ingress" else "to")
    if peers == [{"ipBlock": {"cidr": PROBES}}]:
        return ""
    if not rule.get("ports") or not all("port" in port for port in rule["ports"]):
        return "any port"
    if peers is None and direction == "ingress":
        return "anybody"
    if peers == []:
        return "anybody, by an empty list"
    return "everybody" if any(peer in EVERYBODY for peer in peers or ()) else ""


def loose_in_cilium(rule: Object, direction: str, namespace: str) -> str:
    """
    Return what a rule of the flavour `cilium` leaves open, or lets nobody through for want of; nothing if it is tight.

    A rule with nothing in it is tight: it names nobody, and only says that the direction is closed.
    """
    if not rule or rule == {"fromCIDR": [PROBES]}:
        return ""
    named = [key for key in PEERS[direction] if rule.get(key)]
    if len(named) != 1:
        return f"{len(named)} kinds of peers"
    if "ports" in rule or not rule.get("toPorts") or not all(part.get("ports") for part in rule["toPorts"]):
        return "any port"
    (key,) = named
    if {"all", "world"} & set(rule[key] if key.endswith("Entities") else ()):
        return "everybody"
    if key.endswith("Endpoints") and not all(each.get("matchLabels") for each in rule[key]):
        return f"all of {namespace}"
    return ""


@EVERY_FILE
def test_every_rule_is_tight(newest_helm: Helm, source: Source, values: Path) -> None:
    """
    Who, and at which ports: no rule opens everything, in neither direction, in neither flavour.
    """
    for kubernetes, found in renders(newest_helm, source, values):
        for each in found:
            name, spec = each["metadata"]["name"], each.get("spec", {})
            for direction in ("ingress", "egress"):
                if each["kind"] == "NetworkPolicy":
                    assert direction not in spec or direction.capitalize() in spec["policyTypes"], name
                    for rule in spec.get(direction, ()):
                        assert not loose(rule, direction), f"{name} under {kubernetes}: {direction} {rule}"
                elif each["kind"] == "CiliumNetworkPolicy":
                    for rule in spec.get(direction, ()):
                        problem = loose_in_cilium(rule, direction, source.namespace)
                        assert not problem, f"{name} under {kubernetes}: {direction} {problem} {rule}"


@EVERY_FILE
def test_cilium_learns_the_names_that_it_lets_out_to(newest_helm: Helm, source: Source, values: Path) -> None:
    """
    A policy with hosts by name reads the DNS answers of its pods too: otherwise it never knows their addresses.
    """
    for _, found in renders(newest_helm, source, values):
        for each in (each for each in found if each["kind"] == "CiliumNetworkPolicy"):
            rules = each["spec"].get("egress", [])
            if any("toFQDNs" in rule for rule in rules):
                parts = [part for rule in rules for part in rule["toPorts"]]
                assert any(part.get("rules", {}).get("dns") for part in parts), each["metadata"]["name"]


@EVERY_FILE
def test_nothing_runs_without_a_policy(newest_helm: Helm, source: Source, values: Path) -> None:
    """
    Each pod that stays is under a policy for both directions (a test's pod only asks), unless values switch them off.
    """
    enabled = asked(source, values)["networkPolicy"]["enabled"]
    for _, found in renders(newest_helm, source, values):
        policies = [each for each in found if each["kind"] in {"NetworkPolicy", "CiliumNetworkPolicy"}]
        for owner, pod in owned(found):
            if "test" not in owner["metadata"].get("annotations", {}).get("helm.sh/hook", ""):
                covering = [closed(policy) for policy in policies if selects(chosen(policy) or {}, pod)]
                both = {"Ingress", "Egress"} if enabled else set()
                assert set().union(*covering) == both, f"{owner['kind']} {owner['metadata']['name']}"


def closed(policy: Object) -> set[str]:
    """
    Return the directions in which a policy lets nothing through that it does not name.
    """
    if policy["kind"] == "NetworkPolicy":
        return set(policy["spec"]["policyTypes"])
    return {direction.capitalize() for direction in ("ingress", "egress") if direction in policy["spec"]}


ANYWHERE: list[tuple[dict[str, Any], str]] = [
    ({"from": [{"podSelector": {}}], "ports": [{"port": 1}]}, "everybody"),
    ({"from": [{"podSelector": {"matchLabels": {"a": "b"}}}]}, "any port"),
    ({"ports": [{"port": 1}]}, "anybody"),
    ({"from": [], "ports": [{"port": 1}]}, "anybody, by an empty list"),
    ({"from": [{"podSelector": {"matchLabels": {"a": "b"}}}], "ports": [{"protocol": "TCP"}]}, "any port"),
    ({"from": [{"ipBlock": {"cidr": "10.0.0.0/8"}}], "ports": [{"port": 1}]}, ""),
    ({"from": [{"ipBlock": {"cidr": "10.0.0.0/8"}}]}, "any port"),
    ({"from": [{"ipBlock": {"cidr": PROBES}}]}, ""),
    ({}, "any port"),
]

ANYWHERE_IN_CILIUM: list[tuple[dict[str, Any], str]] = [
    ({"fromEndpoints": [{}], "toPorts": [{"ports": [{"port": "1"}]}]}, "all of ai"),
    ({"fromEntities": ["world"], "toPorts": [{"ports": [{"port": "1"}]}]}, "everybody"),
    ({"fromEntities": ["cluster"], "ports": [{"port": "1"}]}, "any port"),
    ({"toPorts": [{"ports": [{"port": "1"}]}]}, "0 kinds of peers"),
    ({"fromCIDR": ["10.0.0.0/8"]}, "any port"),
    ({"fromCIDR": [PROBES]}, ""),
    ({}, ""),
    ({"fromEndpoints": [{"matchLabels": {"a": "b"}}], "toPorts": [{"ports": []}]}, "any port"),
    ({"fromEndpoints": [{"matchLabels": {"a": "b"}}], "toPorts": [{"ports": [{"port": "1"}]}]}, ""),
]


@pytest.mark.parametrize(("rule", "problem"), ANYWHERE)
def test_a_loose_rule_is_seen(rule: Object, problem: str) -> None:
    """
    Each way of opening everything by accident.
    """
    assert loose(rule, "ingress") == problem


@pytest.mark.parametrize(("rule", "problem"), ANYWHERE_IN_CILIUM)
def test_a_loose_rule_of_cilium_is_seen(rule: Object, problem: str) -> None:
    """
    Each way of opening everything by accident, or of naming peers in a way that Cilium reads differently.
    """
    assert loose_in_cilium(rule, "ingress", "ai") == problem
