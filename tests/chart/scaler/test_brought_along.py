"""
A chart that brings the scaler along may make the document, and let the scaler out to what is in it.
"""

from __future__ import annotations

import pytest

from tests.chart.charts import given
from tests.chart.helm import Chart, RefusedError
from tests.chart.rendered import kind, objects

ELSEWHERE = "existingConfigMap: '{{ .Release.Name }}-document', networkPolicy.egress.otherPolicy: true"


def mounted(text: str) -> str:
    """
    Return the name of the ConfigMap that the scaler mounts.
    """
    volumes = kind(text, "Deployment")["spec"]["template"]["spec"]["volumes"]
    name: str = next(volume["configMap"]["name"] for volume in volumes if volume["name"] == "config")
    return name


def test_the_documents_name_may_be_a_template(newest: Chart) -> None:
    """
    The ConfigMap is the one that it means, and none is made; the notes name it too.
    """
    text = newest.template(*given(f"{{{ELSEWHERE}}}"))
    assert mounted(text) == "agent-scaler-document"
    assert not [each for each in objects(text) if each["kind"] == "ConfigMap"]
    assert "in the ConfigMap agent-scaler-document." in newest.notes(*given(f"{{{ELSEWHERE}}}"))


def test_a_template_may_mean_none(newest: Chart) -> None:
    """
    Then the document is `config`, as ever.
    """
    values = "existingConfigMap: '{{ if not .Values.config }}elsewhere{{ end }}', config.limits.workloads: 5"
    text = newest.template(*given(f"{{{values}}}"))
    assert mounted(text) == kind(text, "ConfigMap")["metadata"]["name"] == "agent-scaler"


def test_another_policy_may_let_out(newest: Chart) -> None:
    """
    Its own then lets out to DNS and the API server alone, in both flavours; without that word it is refused.
    """
    for flavour in ("NetworkPolicy", "CiliumNetworkPolicy"):
        chosen = "kubernetes" if flavour == "NetworkPolicy" else "cilium"
        ports = "networkPolicy.egress.ports: {jobs: [1]}"
        text = newest.template(*given(f"{{{ELSEWHERE}, {ports}, networkPolicy.flavour: {chosen}}}"))
        dns, _ = kind(text, flavour)["spec"]["egress"]
        assert "kube-dns" in str(dns)
    with pytest.raises(RefusedError, match=r"in networkPolicy\.egress\.otherPolicy that another policy lets out"):
        newest.template(*given("existingConfigMap: document"))
