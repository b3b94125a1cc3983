"""
The tests' own readers can fail: what Helm and a lenient schema would let pass is seen.
"""

from __future__ import annotations

import pytest
import yaml

from tests.chart.kinds import NEEDS_DEFINITIONS, every_rule
from tests.chart.rendered import StrictError, objects
from tests.chart.rules import RUN, about_a_change, broken, functions
from tests.chart.schemas import findings

ROUTE = "apiVersion: gateway.networking.k8s.io/v1, kind: HTTPRoute, metadata: {name: a}"
POD = "apiVersion: v1, kind: Pod, metadata: {name: a}"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("{kind: A, spec: {a: 1, a: 2}}", "given twice: a"),
        ("{kind: A, spec: {a: [{b: }]}}", "without a value: A.spec.a\\[0\\].b"),
    ],
)
def test_the_reader_is_strict(text: str, complaint: str) -> None:
    """
    What Helm would let pass is seen here.
    """
    with pytest.raises(StrictError, match=complaint):
        objects(text)


@NEEDS_DEFINITIONS
@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("{apiVersion: v1, kind: Service, metadata: {name: a}, spec: {port: 1}}", "'port' was unexpected"),
        ("{apiVersion: extensions/v1beta1, kind: Ingress, metadata: {name: a}}", "not served"),
        ("{apiVersion: policy/v1beta1, kind: PodDisruptionBudget, metadata: {name: a}}", "not served by"),
        ("{apiVersion: external-secrets.io/v1beta1, kind: ExternalSecret, metadata: {name: a}}", "or is not served"),
        (
            "{apiVersion: keda.sh/v1alpha1, kind: TriggerAuthentication, metadata: {name: a, lables: {}}, spec: {}}",
            "'lables' was unexpected",
        ),
        (
            (
                "{apiVersion: cilium.io/v2, kind: CiliumNetworkPolicy, metadata: {name: a}, "
                "spec: {endpointSelector: {}, egress: [{ports: [{port: '1'}]}]}}"
            ),
            "'ports' was unexpected",
        ),
        (
            f"{{{POD}, spec: {{containers: [{{name: a, image: b}}, {{name: a, image: c}}]}}}}",
            "given twice: {'name': 'a'}",
        ),
        (
            (
                "{apiVersion: keda.sh/v1alpha1, kind: ScaledObject, metadata: {name: a}, "
                "spec: {scaleTargetRef: {name: a}, minReplicaCount: 3, maxReplicaCount: 2, triggers: []}}"
            ),
            "minReplicaCount",
        ),
        (
            f"{{{ROUTE}, spec: {{parentRefs: [{{name: a}}, {{name: a}}]}}}}",
            "sectionName must be unique",
        ),
        (
            f"{{{ROUTE}, spec: {{rules: [{{matches: [{{path: {{value: a}}}}]}}]}}}}",
            "value must be an absolute path and start with '/' when type one of ['Exact', 'PathPrefix']",
        ),
    ],
)
def test_the_validator_is_strict(text: str, complaint: str) -> None:
    """
    It can fail: unknown fields, of metadata and of custom resources too, versions that are gone, keys of lists, rules.
    """
    assert complaint in "\n".join(findings(yaml.safe_load(text), "1.36"))


@NEEDS_DEFINITIONS
def test_defaults_come_before_rules() -> None:
    """
    Two parents that differ in a section are two though neither says its group and kind: the API server fills them in.
    """
    text = f"{{{ROUTE}, spec: {{parentRefs: [{{name: a, sectionName: b}}, {{name: a, sectionName: c}}]}}}}"
    assert findings(yaml.safe_load(text), "1.36") == []


@NEEDS_DEFINITIONS
def test_every_rule_is_run() -> None:
    """
    Of all definitions; only those about a change are left out, which the API server leaves out too at an install.
    """
    rules = sorted({rule for _, rule in every_rule()})
    assert len(rules) > 50
    assert {name for rule in rules for name in functions(rule)} <= RUN
    for rule in rules:
        complaints = list(broken([{"rule": rule}], {}, {}))
        assert not any("no such function" in each or "ParseError" in each for each in complaints)
    assert [rule for rule in rules if about_a_change(rule)] == [
        "!has(oldSelf.persistentVolumeClaimName) || has(self.persistentVolumeClaimName)",
        "!has(oldSelf.volumeSnapshotContentName) || has(self.volumeSnapshotContentName)",
        "self == oldSelf",
    ]


def test_a_rule_that_cannot_be_run_is_a_finding() -> None:
    """
    Neither a function that the library lacks nor a broken rule passes for one that holds.
    """
    assert "no such function: quantity" in "\n".join(broken([{"rule": "quantity(self) > 1"}], "1Gi", {}))
    assert "cannot be evaluated" in "\n".join(broken([{"rule": "self.missing == 1"}], {}, {}))
    assert list(broken([{"rule": "self == 2", "message": "two, please"}], 1, {})) == ["two, please"]
    assert (
        list(broken([{"rule": "self.__namespace__ == 'a'"}], {"namespace": "a"}, {"properties": {"namespace": {}}}))
        == []
    )
