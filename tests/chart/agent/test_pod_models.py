"""
Where models are: claims that stay, claims that are shared, images; and the cache beside them.
"""

from __future__ import annotations

import pytest

from tests.chart.agent.agents import (
    agent,
    deployment,
    found,
    labelled,
    mounts,
    names,
    pod,
    rendered,
    variables,
    volumes,
)
from tests.chart.helm import Chart

ONE = "keda.maxReplicaCount: 1"
TIER = "backup.velero.io/backup-tier"
IMAGE = "{enabled: true, type: image, image: {registry: models.example.com, repository: org/name, tag: v1}}"


def test_models_have_a_claim_that_stays(newest: Chart) -> None:
    """
    Of the cluster's own class, kept when the release goes, backed up as what is hard to get again.
    """
    every = rendered(newest, f"{{models.enabled: true, {ONE}}}")
    claim = found(every, "PersistentVolumeClaim", "ai-agent-models")
    assert claim["spec"] == {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "100Gi"}}}
    assert claim["metadata"]["annotations"] == {"helm.sh/resource-policy": "keep"}
    assert labelled(claim)[TIER] == "GFS"
    spec = found(every, "Deployment")["spec"]["template"]["spec"]
    assert volumes(spec)["models"] == {"persistentVolumeClaim": {"claimName": "ai-agent-models"}}
    assert mounts(agent(spec))["/models"] == {"name": "models", "mountPath": "/models"}


def test_a_claim_is_as_it_is_described(newest: Chart) -> None:
    """
    Size, class, mode, labels, annotations; what is easy to get again is backed up daily, and need not stay.
    """
    values = """
    models:
      {enabled: true, size: 50Gi, storageClassName: ceph, accessMode: ReadWriteMany, keep: false, critical: false,
       labels: {team: search}, annotations: {note: big}, mountPath: /weights, readOnly: true}
    """
    every = rendered(newest, values)
    claim = found(every, "PersistentVolumeClaim", "ai-agent-models")
    assert claim["spec"] == {
        "accessModes": ["ReadWriteMany"],
        "resources": {"requests": {"storage": "50Gi"}},
        "storageClassName": "ceph",
    }
    assert claim["metadata"]["annotations"] == {"note": "big"}
    assert (labelled(claim)[TIER], labelled(claim)["team"]) == ("Daily", "search")
    own = agent(found(every, "Deployment")["spec"]["template"]["spec"])
    assert mounts(own)["/weights"]["readOnly"] is True


def test_a_class_can_be_none(newest: Chart) -> None:
    """
    "-" says so: an empty class, which no provisioner serves, unlike none given.
    """
    every = rendered(newest, f"{{models: {{enabled: true, storageClassName: '-'}}, {ONE}}}")
    assert found(every, "PersistentVolumeClaim", "ai-agent-models")["spec"]["storageClassName"] == ""


def test_a_claim_that_is_there_is_used(newest: Chart) -> None:
    """
    And none is made.
    """
    every = rendered(newest, f"{{models: {{enabled: true, existingClaim: mine}}, {ONE}}}")
    assert names(every, "PersistentVolumeClaim", "models") == []
    spec = found(every, "Deployment")["spec"]["template"]["spec"]
    assert volumes(spec)["models"] == {"persistentVolumeClaim": {"claimName": "mine"}}


def test_there_may_be_several_model_volumes(newest: Chart) -> None:
    """
    Each by a name of its own, beside or without the first.
    """
    values = """
    extraModels:
      embeddings: {size: 20Gi, accessMode: ReadWriteMany, critical: false}
      rerank: {existingClaim: mine, accessMode: ReadOnlyMany, mountPath: /rerank, readOnly: true}
    """
    every = rendered(newest, values)
    assert names(every, "PersistentVolumeClaim", "models") == ["ai-agent-models-embeddings"]
    claim = found(every, "PersistentVolumeClaim", "ai-agent-models-embeddings")
    assert (labelled(claim)[TIER], claim["spec"]["accessModes"]) == ("Daily", ["ReadWriteMany"])
    own = mounts(agent(found(every, "Deployment")["spec"]["template"]["spec"]))
    assert own["/models-embeddings"] == {"name": "models-embeddings", "mountPath": "/models-embeddings"}
    assert own["/rerank"] == {"name": "models-rerank", "mountPath": "/rerank", "readOnly": True}


def test_shared_models_are_only_read(newest: Chart) -> None:
    """
    A claim for many, which the agents cannot write to.
    """
    every = rendered(newest, "{sharedModels.enabled: true}")
    claim = found(every, "PersistentVolumeClaim", "ai-agent-shared-models")
    assert claim["spec"]["accessModes"] == ["ReadWriteMany"]
    assert claim["metadata"]["annotations"] == {"helm.sh/resource-policy": "keep"}
    own = mounts(agent(found(every, "Deployment")["spec"]["template"]["spec"]))
    assert own["/shared-models"]["readOnly"] is True


def test_a_model_may_be_an_image(newest: Chart) -> None:
    """
    The node has it, read-only: no claim, no download. The model is the whole volume.
    """
    every = rendered(newest, f"{{models: {IMAGE}, model.name: org/name}}")
    assert names(every, "PersistentVolumeClaim", "models") == []
    spec = found(every, "Deployment")["spec"]["template"]["spec"]
    reference = {"reference": "models.example.com/org/name:v1", "pullPolicy": "IfNotPresent"}
    assert volumes(spec)["models"] == {"image": reference}
    assert mounts(agent(spec))["/models"]["readOnly"] is True
    assert variables(agent(spec))["MODEL_PATH"] == "/models"
    assert deployment(newest, f"{{models: {IMAGE}}}")["strategy"]["type"] == "RollingUpdate"


@pytest.mark.parametrize("kubernetes", ["1.31", "1.34"])
def test_older_clusters_may_know_images_too(newest: Chart, kubernetes: str) -> None:
    """
    Behind a feature gate, whose being on has to be said.
    """
    gated = IMAGE.replace("tag: v1", "tag: v1, featureGate: true")
    assert "image" in volumes(pod(newest, f"{{models: {gated}}}", kubernetes=kubernetes))["models"]


def test_an_ephemeral_volume_has_to_be_asked_for(newest: Chart) -> None:
    """
    Twice, so to speak; then it is bounded by the size.
    """
    values = "{models: {enabled: true, type: emptyDir, allowEphemeral: true, size: 10Gi}}"
    assert volumes(pod(newest, values))["models"] == {"emptyDir": {"sizeLimit": "10Gi"}}


def test_a_claim_of_one_pod_is_handed_over(newest: Chart) -> None:
    """
    The old pod goes before the new one comes: a rolling update would wait for ever. With many readers, it rolls.
    """
    assert deployment(newest, f"{{models.enabled: true, {ONE}}}")["strategy"] == {"type": "Recreate"}
    assert deployment(newest, f"{{cache.claim.enabled: true, {ONE}}}")["strategy"] == {"type": "Recreate"}
    shared = deployment(newest, "{models: {enabled: true, accessMode: ReadWriteMany}}")
    assert shared["strategy"]["type"] == "RollingUpdate"


def test_the_agent_knows_where_its_model_is(newest: Chart) -> None:
    """
    By variables, with the revision in the directory's name.
    """
    own = variables(agent(pod(newest, f"{{models.enabled: true, {ONE}, model: {{name: org/name, revision: v2}}}}")))
    assert (own["MODEL_NAME"], own["MODEL_PATH"]) == ("org/name", "/models/org/name@v2")
    assert not {"MODEL_NAME", "MODEL_PATH"} & variables(agent(pod(newest))).keys()


def test_caches_have_a_place(newest: Chart) -> None:
    """
    Bounded, on the node's disk, and known to those who cache: the root file system cannot be written to.
    """
    spec = pod(newest)
    assert volumes(spec)["cache"] == {"emptyDir": {"sizeLimit": "2Gi"}}
    assert mounts(agent(spec))["/cache"]["name"] == "cache"
    own = variables(agent(spec))
    assert (own["HOME"], own["XDG_CACHE_HOME"], own["HF_HOME"]) == ("/cache", "/cache", "/cache/huggingface")
    assert volumes(spec)["tmp"] == {"emptyDir": {"sizeLimit": "1Gi"}}
    assert "/tmp" in mounts(agent(spec))


def test_a_cache_may_be_in_memory_or_gone(newest: Chart) -> None:
    """
    In memory within the memory limit; without one, nothing points at it.
    """
    memory = volumes(pod(newest, "{cache: {medium: Memory, sizeLimit: 1Gi, mountPath: /c}, tmp.medium: Memory}"))
    assert memory["cache"] == {"emptyDir": {"medium": "Memory", "sizeLimit": "1Gi"}}
    assert memory["tmp"] == {"emptyDir": {"medium": "Memory", "sizeLimit": "1Gi"}}
    spec = pod(newest, "{cache.enabled: false}")
    assert "cache" not in volumes(spec)
    assert not {"HOME", "HF_HOME", "XDG_CACHE_HOME"} & variables(agent(spec)).keys()


def test_a_cache_may_stay(newest: Chart) -> None:
    """
    In a claim, backed up daily, and not kept when the release goes: it is only a cache.
    """
    every = rendered(
        newest, "{cache.claim: {enabled: true, accessMode: ReadWriteMany, size: 5Gi, storageClassName: nfs}}"
    )
    claim = found(every, "PersistentVolumeClaim", "ai-agent-cache")
    assert labelled(claim)[TIER] == "Daily"
    assert "annotations" not in claim["metadata"]
    assert claim["spec"] == {
        "accessModes": ["ReadWriteMany"],
        "resources": {"requests": {"storage": "5Gi"}},
        "storageClassName": "nfs",
    }
    spec = found(every, "Deployment")["spec"]["template"]["spec"]
    assert volumes(spec)["cache"] == {"persistentVolumeClaim": {"claimName": "ai-agent-cache"}}
    mine = pod(newest, f"{{cache.claim: {{enabled: true, existingClaim: mine}}, {ONE}}}")
    assert volumes(mine)["cache"] == {"persistentVolumeClaim": {"claimName": "mine"}}
