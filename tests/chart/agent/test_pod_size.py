"""
What an agent gets of a node: by profile, outright, and in GPUs; and which nodes these are.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.chart.agent.agents import ON_NODES, agent, container, deployment, found, mounts, pod, rendered, volumes
from tests.chart.helm import Chart

MEMORY = "nvidia.com/gpu.memory"


def resources(chart: Chart, values: str) -> Any:
    """
    Return the agent's resources.
    """
    return agent(pod(chart, values))["resources"]


def terms(spec: dict[str, Any]) -> Any:
    """
    Return the alternatives of what a node must be.
    """
    return spec["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]["nodeSelectorTerms"]


def at_least(mebibytes: int, label: str = MEMORY) -> dict[str, Any]:
    """
    Return the condition on a node's memory of a GPU; there is no "at least", only "more than".
    """
    return {"key": label, "operator": "Gt", "values": [str(mebibytes - 1)]}


def test_with_nothing_set_it_is_small_and_has_no_gpu(chart: Chart) -> None:
    """
    It runs on any node.
    """
    spec = pod(chart)
    assert agent(spec)["resources"] == {
        "requests": {"cpu": "500m", "memory": "2Gi"},
        "limits": {"cpu": "2", "memory": "4Gi"},
    }
    assert not {"nodeSelector", "affinity", "tolerations", "resourceClaims", "runtimeClassName"} & spec.keys()


@pytest.mark.parametrize(
    ("profile", "requests", "limits", "gpus"),
    [
        ("medium", {"cpu": "2", "memory": "16Gi"}, {"cpu": "4", "memory": "32Gi"}, "1"),
        ("large", {"cpu": "8", "memory": "64Gi"}, {"cpu": "16", "memory": "128Gi"}, "4"),
    ],
)
def test_a_profile_brings_its_gpus(
    newest: Chart, profile: str, requests: dict[str, str], limits: dict[str, str], gpus: str
) -> None:
    """
    CPU, memory and GPUs are in one map of resources; GPUs are requested as often as they may be used.
    """
    own = {"nvidia.com/gpu": gpus}
    assert resources(newest, f"{{profile: {profile}, {ON_NODES}}}") == {
        "requests": {**requests, **own},
        "limits": {**limits, **own},
    }


def test_what_is_given_outright_wins_over_the_profile(newest: Chart) -> None:
    """
    Each value by itself; what is not given stays, and other resources come along.
    """
    values = """
    profile: medium
    gpu: {enabled: false}
    resources: {requests: {memory: 20Gi, ephemeral-storage: 1Gi}, limits: {cpu: 8}}
    """
    assert resources(newest, values) == {
        "requests": {"cpu": "2", "memory": "20Gi", "ephemeral-storage": "1Gi"},
        "limits": {"cpu": "8", "memory": "32Gi"},
    }


@pytest.mark.parametrize(
    ("kind", "resource", "taint"),
    [
        ("nvidia", "nvidia.com/gpu", "nvidia.com/gpu"),
        ("amd", "amd.com/gpu", "amd.com/gpu"),
        ("intel", "gpu.intel.com/i915", "gpu.intel.com/i915"),
        ("nvidia.com/mig-1g.10gb", "nvidia.com/mig-1g.10gb", "nvidia.com/gpu"),
        ("gpu.intel.com/xe", "gpu.intel.com/xe", "gpu.intel.com/i915"),
        ("habana.ai/gaudi", "habana.ai/gaudi", "habana.ai/gaudi"),
    ],
)
def test_a_gpu_is_its_vendors_resource_and_taint(newest: Chart, kind: str, resource: str, taint: str) -> None:
    """
    Or the resource that is named; one of it unless more are asked for. The user's tolerations come first.
    """
    values = f"""
    gpu: {{enabled: true, type: {kind}, count: 2, nodeSelector: {{gpu-node: 'true'}}}}
    resources.limits: {{memory: 16Gi}}
    tolerations: [{{key: own}}]
    """
    spec = pod(newest, values)
    for part in ("requests", "limits"):
        assert agent(spec)["resources"][part][resource] == "2"
        assert {name for name in agent(spec)["resources"][part] if "/" in name} == {resource}
    assert spec["tolerations"] == [{"key": "own"}, {"key": taint, "operator": "Exists", "effect": "NoSchedule"}]


def test_one_gpu_is_the_default(newest: Chart) -> None:
    """
    On a small agent too; the vendor's toleration can be left out.
    """
    spec = pod(newest, f"{{gpu: {{enabled: true, toleration: false}}, {ON_NODES}}}")
    assert agent(spec)["resources"]["limits"] == {"cpu": "2", "memory": "4Gi", "nvidia.com/gpu": "1"}
    assert "tolerations" not in spec


def test_selectors_are_merged_and_text(newest: Chart) -> None:
    """
    The GPU's beside the workload's own; true is written as "true", which a node's label is.
    """
    values = "{gpu: {enabled: true, nodeSelector: {gpu-node: true}}, nodeSelector: {spot: false, zone: a}}"
    assert pod(newest, values)["nodeSelector"] == {"gpu-node": "true", "spot": "false", "zone": "a"}


def test_a_gpus_selector_waits_for_gpus(newest: Chart) -> None:
    """
    While they are off the agent may run anywhere.
    """
    assert "nodeSelector" not in pod(newest, f"{{{ON_NODES}}}")


def test_an_affinity_is_a_choice_of_nodes_too(newest: Chart) -> None:
    """
    It is passed on as it is.
    """
    own = [{"matchExpressions": [{"key": "gpu-node", "operator": "Exists"}]}]
    values = """
    gpu.enabled: true
    affinity:
      nodeAffinity:
        requiredDuringSchedulingIgnoredDuringExecution:
          nodeSelectorTerms: [{matchExpressions: [{key: gpu-node, operator: Exists}]}]
    """
    assert terms(pod(newest, values)) == own


def test_a_gpus_memory_is_a_condition_on_the_node(newest: Chart) -> None:
    """
    Kubernetes has no limit for it. A card that is sold with 24 GiB reports less (an L4 23034 MiB), so less will do.
    """
    spec = pod(newest, "{gpu: {enabled: true, memory: 24}}")
    assert terms(spec) == [{"matchExpressions": [at_least(22609)]}]
    assert MEMORY not in str(agent(spec)["resources"])


@pytest.mark.parametrize(
    ("sold", "reported"), [(16, 15109), (24, 23028), (40, 40536), (48, 46068), (80, 81251), (141, 143771)]
)
def test_cards_are_known_by_what_they_are_sold_with(newest: Chart, sold: int, reported: int) -> None:
    """
    What T4, A10G, A100, L40S, H100 and H200 report is enough for their own size, and not for the next one.
    """
    ((condition,),) = (
        term["matchExpressions"] for term in terms(pod(newest, f"{{gpu: {{enabled: true, memory: {sold}}}}}"))
    )
    bound = int(condition["values"][0])
    assert bound < reported < bound * 1.1


def test_a_gpus_memory_goes_into_each_alternative(newest: Chart) -> None:
    """
    Terms are alternatives: a condition in a term of its own would let every GPU pass.
    """
    values = """
    gpu: {enabled: true, memory: 80}
    affinity:
      podAntiAffinity: {preferredDuringSchedulingIgnoredDuringExecution: []}
      nodeAffinity:
        requiredDuringSchedulingIgnoredDuringExecution:
          nodeSelectorTerms:
            - matchExpressions: [{key: zone, operator: In, values: [a]}]
            - matchFields: [{key: metadata.name, operator: In, values: [node-1]}]
    """
    spec = pod(newest, values)
    own = {"key": "zone", "operator": "In", "values": ["a"]}
    field = {"key": "metadata.name", "operator": "In", "values": ["node-1"]}
    assert terms(spec) == [
        {"matchExpressions": [own, at_least(75366)]},
        {"matchFields": [field], "matchExpressions": [at_least(75366)]},
    ]
    assert "podAntiAffinity" in spec["affinity"]


def test_a_part_of_a_gpu_has_a_label_of_its_own(newest: Chart) -> None:
    """
    Where MIG's parts are resources, the node's label for the memory is theirs. Other vendors have no such label.
    """
    part = pod(newest, "{gpu: {enabled: true, type: nvidia.com/mig-1g.10gb, memory: 10}}")
    assert terms(part) == [{"matchExpressions": [at_least(9420, "nvidia.com/mig-1g.10gb.memory")]}]
    assert "affinity" not in pod(newest, f"{{gpu: {{enabled: true, type: amd, memory: 192}}, {ON_NODES}}}")


def test_several_gpus_share_memory(newest: Chart) -> None:
    """
    `/dev/shm` is 64 MiB otherwise, and libraries that let GPUs talk fail in it. One GPU needs none, unless asked for.
    """
    spec = pod(newest, f"{{profile: large, {ON_NODES}}}")
    assert volumes(spec)["shared-memory"] == {"emptyDir": {"medium": "Memory", "sizeLimit": "8Gi"}}
    assert mounts(agent(spec))["/dev/shm"]["name"] == "shared-memory"
    assert "shared-memory" not in volumes(pod(newest, f"{{profile: medium, {ON_NODES}}}"))
    asked = f"{{profile: medium, {ON_NODES}, gpu.sharedMemory: {{enabled: true, sizeLimit: 2Gi}}}}"
    assert volumes(pod(newest, asked))["shared-memory"]["emptyDir"]["sizeLimit"] == "2Gi"
    refused = f"{{profile: large, {ON_NODES}, gpu.sharedMemory.enabled: false}}"
    assert "shared-memory" not in volumes(pod(newest, refused))


def test_a_claim_asks_for_devices(newest: Chart) -> None:
    """
    By DRA: a claim per pod, with the memory as a condition on the device; no counted resource, no selector needed.
    """
    values = """
    profile: large
    gpu: {memory: 80, dra: {enabled: true, selectors: ['device.attributes[device.driver].productName == "H100"']}}
    """
    every = rendered(newest, values, kubernetes="1.34")
    claim = found(every, "ResourceClaimTemplate", "ai-agent-gpu")
    assert claim["apiVersion"] == "resource.k8s.io/v1"
    (request,) = claim["spec"]["spec"]["devices"]["requests"]
    assert request["exactly"] == {
        "deviceClassName": "gpu.nvidia.com",
        "allocationMode": "ExactCount",
        "count": 4,
        "selectors": [
            {"cel": {"expression": 'device.attributes[device.driver].productName == "H100"'}},
            {"cel": {"expression": "device.capacity[device.driver].memory.compareTo(quantity('75366Mi')) >= 0"}},
        ],
    }
    spec = found(every, "Deployment")["spec"]["template"]["spec"]
    assert spec["resourceClaims"] == [{"name": "gpu", "resourceClaimTemplateName": "ai-agent-gpu"}]
    assert agent(spec)["resources"]["claims"] == [{"name": request["name"]}]
    assert "nvidia.com/gpu" not in agent(spec)["resources"]["limits"]
    assert "affinity" not in spec


def test_a_model_that_fits_is_accepted(newest: Chart) -> None:
    """
    With a fifth to spare, in all GPUs together; on the claim as it is. Without a GPU, in memory.
    """
    fits = """
    gpu: {enabled: true, memory: 24}
    model: {name: a, sizeGiB: 20}
    models: {enabled: true, size: 20Gi}
    keda.maxReplicaCount: 1
    """
    assert deployment(newest, fits)
    assert deployment(newest, "{profile: large, gpu.memory: 48, model.sizeGiB: 160}")
    assert deployment(newest, "{model.sizeGiB: 3.3}")


def test_placement_is_passed_on(newest: Chart) -> None:
    """
    Classes, scheduler, DNS, hosts; constraints of the user's own count the agent's pods.
    """
    values = """
    priorityClassName: gpu-batch
    runtimeClassName: nvidia
    schedulerName: gang
    dnsPolicy: None
    dnsConfig: {nameservers: [10.0.0.10]}
    hostAliases: [{ip: 10.0.0.1, hostnames: [models]}]
    topologySpreadConstraints: [{maxSkew: 2, topologyKey: zone, whenUnsatisfiable: DoNotSchedule}]
    """
    spec = pod(newest, values)
    assert (spec["priorityClassName"], spec["runtimeClassName"], spec["schedulerName"]) == (
        "gpu-batch",
        "nvidia",
        "gang",
    )
    assert (spec["dnsPolicy"], spec["dnsConfig"]) == ("None", {"nameservers": ["10.0.0.10"]})
    assert spec["hostAliases"] == [{"ip": "10.0.0.1", "hostnames": ["models"]}]
    (constraint,) = spec["topologySpreadConstraints"]
    assert constraint["labelSelector"]["matchLabels"]["app.kubernetes.io/component"] == "agent"
    assert (constraint["maxSkew"], constraint["topologyKey"]) == (2, "zone")


def test_agents_are_spread_over_the_nodes(newest: Chart) -> None:
    """
    As far as that is possible; an empty list means no constraint.
    """
    (constraint,) = pod(newest)["topologySpreadConstraints"]
    assert (constraint["topologyKey"], constraint["whenUnsatisfiable"]) == ("kubernetes.io/hostname", "ScheduleAnyway")
    assert "topologySpreadConstraints" not in pod(newest, "{topologySpreadConstraints: []}")


def test_the_agent_is_the_lab_s_worker(newest: Chart) -> None:
    """
    With nothing set it does real work, in the image of this version.
    """
    own = container(pod(newest), "agent")
    assert own["command"] == ["loadgen", "worker"]
    assert own["image"].startswith("gpu-agent-scaler:")
