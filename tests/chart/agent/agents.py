"""
The agent's workload among everything that is rendered.
"""

from __future__ import annotations

from typing import Any

from tests.chart.charts import given
from tests.chart.helm import KUBERNETES, Chart
from tests.chart.rendered import Object, objects

ON_NODES = "gpu.nodeSelector: {gpu-node: 'true'}"
"""The least that GPUs need: a choice of nodes."""


def rendered(chart: Chart, values: str = "{}", *, kubernetes: str = KUBERNETES[-1]) -> list[Object]:
    """
    Return what is rendered with values.
    """
    return objects(chart.template(*given(values), kubernetes=kubernetes))


def found(rendered: list[Object], kind: str, name: str = "ai-agent") -> Object:
    """
    Return an object by its kind and name.
    """
    (each,) = (each for each in rendered if (each["kind"], each["metadata"]["name"]) == (kind, name))
    return each


def names(rendered: list[Object], kind: str, component: str) -> list[str]:
    """
    Return the names of a component's objects of a kind.
    """
    label = "app.kubernetes.io/component"
    return [
        each["metadata"]["name"] for each in rendered if each["kind"] == kind and labelled(each)[label] == component
    ]


def labelled(each: Object) -> dict[str, str]:
    """
    Return an object's labels.
    """
    labels: dict[str, str] = each["metadata"]["labels"]
    return labels


def deployment(chart: Chart, values: str = "{}", *, kubernetes: str = KUBERNETES[-1]) -> dict[str, Any]:
    """
    Return what the agent's Deployment says.
    """
    spec: dict[str, Any] = found(rendered(chart, values, kubernetes=kubernetes), "Deployment")["spec"]
    return spec


def pod(chart: Chart, values: str = "{}", *, kubernetes: str = KUBERNETES[-1]) -> dict[str, Any]:
    """
    Return what the agent's pod says.
    """
    spec: dict[str, Any] = deployment(chart, values, kubernetes=kubernetes)["template"]["spec"]
    return spec


def agent(spec: dict[str, Any]) -> dict[str, Any]:
    """
    Return the agent's container of a pod.
    """
    return container(spec, "agent")


def container(spec: dict[str, Any], name: str) -> dict[str, Any]:
    """
    Return a container of a pod, of those that start it too.
    """
    every = [*spec.get("initContainers", ()), *spec["containers"]]
    (each,) = (each for each in every if each["name"] == name)
    return dict(each)


def variables(container: dict[str, Any]) -> dict[str, Any]:
    """
    Return a container's variables; each is set once.
    """
    listed = [(each["name"], each.get("value", each.get("valueFrom"))) for each in container["env"]]
    assert len(dict(listed)) == len(listed)
    return dict(listed)


def mounts(container: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """
    Return a container's mounts by their paths.
    """
    return {each["mountPath"]: each for each in container["volumeMounts"]}


def volumes(spec: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """
    Return a pod's volumes by their names.
    """
    return {each["name"]: {key: value for key, value in each.items() if key != "name"} for each in spec["volumes"]}
