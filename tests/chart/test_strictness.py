"""
The tests' own readers can fail: what Helm and a lenient schema would let pass is seen.
"""

from __future__ import annotations

import pytest
import yaml

from tests.chart.rendered import StrictError, objects
from tests.chart.schemas import NEEDS_DEFINITIONS, findings


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
    ],
)
def test_the_validator_is_strict(text: str, complaint: str) -> None:
    """
    It can fail: unknown fields, of metadata and of custom resources too, and versions that are gone.
    """
    assert complaint in "\n".join(findings(yaml.safe_load(text), "1.36"))
