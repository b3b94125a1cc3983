"""
The observer's rights: exactly those of what is switched on, and no more.
"""

from __future__ import annotations

from typing import Any

import pytest

from scaler.observer.objects import PODS, SCALED_OBJECTS, TARGETS
from scaler.settings.process import ProcessSettings
from tests.chart.charts import SCALER, given
from tests.chart.helm import Chart
from tests.chart.rendered import kind, objects

Json = dict[str, Any]


def rules(role: Json) -> dict[tuple[str, str], set[str]]:
    """
    Return what a role allows, by group and resource.
    """
    return {
        (group, resource): set(rule["verbs"])
        for rule in role["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
    }


def looking() -> dict[tuple[str, str], set[str]]:
    """
    Return what looking needs, by what the observer's own kinds are.
    """
    kinds = (SCALED_OBJECTS, PODS, *TARGETS.values())
    return {(each.group, each.plural): {"list", "watch"} for each in kinds}


def settings(chart: Chart, *arguments: str) -> ProcessSettings:
    """
    Return the process settings that the pod has, as the scaler reads them.
    """
    (container,) = kind(chart.template(*arguments), "Deployment")["spec"]["template"]["spec"]["containers"]
    return ProcessSettings.from_env({each["name"]: each.get("value", "") for each in container["env"]})


def bound(chart: Chart, *arguments: str) -> list[tuple[Json, Json]]:
    """
    Return each role with its binding.
    """
    found = [each for each in objects(chart.template(*arguments)) if each["apiVersion"].startswith("rbac")]
    roles = [each for each in found if not each["kind"].endswith("Binding")]
    bindings = [each for each in found if each["kind"].endswith("Binding")]
    assert len(roles) == len(bindings)
    return list(zip(roles, bindings, strict=True))


@pytest.mark.parametrize(
    ("values", "more"),
    [
        pytest.param("observer.events: false", {}, id="looking"),
        pytest.param("{}", {("", "events"): {"create", "patch"}}, id="events"),
        pytest.param(
            "{observer.events: false, observer.podDeletionCost: true}",
            {("", "pods"): {"list", "watch", "patch"}},
            id="deletion costs",
        ),
    ],
)
def test_it_may_do_what_is_switched_on_and_no_more(newest: Chart, values: str, more: dict[Any, Any]) -> None:
    """
    It may list and watch what the observer's code lists and watches; what it may write is what it is told to write.
    """
    ((role, _),) = bound(newest, *given(values))
    assert rules(role) == {**looking(), **more}
    told = settings(newest, *given(values))
    assert told.observe
    assert told.events == (("", "events") in more)
    assert told.pod_deletion_cost == ("patch" in rules(role)["", "pods"])


def test_everywhere_needs_the_clusters_role(newest: Chart) -> None:
    """
    Bound to the pod's own account, by names that other namespaces' releases do not have; the token is mounted.
    """
    text = newest.template()
    ((role, binding),) = bound(newest)
    assert (role["kind"], binding["kind"]) == ("ClusterRole", "ClusterRoleBinding")
    assert role["metadata"]["name"] == binding["metadata"]["name"] == "keda-agent-scaler"
    assert "namespace" not in role["metadata"].keys() | binding["metadata"].keys()
    assert binding["roleRef"]["kind"] == "ClusterRole"
    assert binding["roleRef"]["name"] == role["metadata"]["name"]
    pod = kind(text, "Deployment")["spec"]["template"]["spec"]
    assert binding["subjects"] == [{"kind": "ServiceAccount", "name": pod["serviceAccountName"], "namespace": "keda"}]
    assert pod["automountServiceAccountToken"] is True
    assert settings(newest).observe_namespaces == ()


def test_named_namespaces_need_roles_there_alone(newest: Chart) -> None:
    """
    One in each, bound to the account in the release's namespace, and the scaler looks there and nowhere else.
    """
    pairs = bound(newest, *SCALER.file("sources"))
    assert [role["metadata"]["namespace"] for role, _ in pairs] == ["ai", "lab"]
    for role, binding in pairs:
        assert (role["kind"], binding["kind"]) == ("Role", "RoleBinding")
        assert binding["metadata"]["namespace"] == role["metadata"]["namespace"]
        assert binding["roleRef"] == {
            "apiGroup": "rbac.authorization.k8s.io",
            "kind": "Role",
            "name": role["metadata"]["name"],
        }
        assert binding["subjects"][0]["namespace"] == "keda"
    assert settings(newest, *SCALER.file("sources")).observe_namespaces == ("ai", "lab")


def test_roles_may_be_somebody_elses(newest: Chart) -> None:
    """
    Then none is made, and it looks nevertheless.
    """
    assert bound(newest, *given("observer.rbac: false")) == []
    assert settings(newest, *given("observer.rbac: false")).observe


def test_switched_off_it_is_told_nothing(newest: Chart) -> None:
    """
    No role, no setting, no token; the notes say what is lost.
    """
    off = given("observer.enabled: false")
    told = settings(newest, *off)
    assert bound(newest, *off) == []
    assert (told.observe, told.events, told.pod_deletion_cost) == (False, False, False)
    assert "It does not watch the workloads" in newest.notes(*off)
    assert "It does not watch the workloads" not in newest.notes()
