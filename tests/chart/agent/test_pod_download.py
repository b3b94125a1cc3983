"""
How the model is got, as it is rendered; that the scripts do what they should is tested where they are run.
"""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from tests.chart.agent.agents import (
    agent,
    container,
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
from tests.chart.agent.stores import SCRIPTS
from tests.chart.charts import AGENT
from tests.chart.helm import Chart
from tests.chart.rendered import Object, selects

COMMAND = """
keda.maxReplicaCount: 1
model: {name: org/name, revision: v1}
models: {enabled: true}
download: {enabled: true, command: [hf, download, org/name, --local-dir, .]}
"""

JOB = COMMAND.replace("enabled: true, command", "enabled: true, mode: job, command")

SHARED = """
model: {name: org/name}
sharedModels: {enabled: true}
download: {enabled: true, volume: sharedModels, files: [{url: 'https://models.example.com/a'}]}
"""


def download(chart: Chart, values: str) -> dict[str, Any]:
    """
    Return the container that gets the model.
    """
    return container(pod(chart, values), "download")


def job(every: list[Object]) -> Object:
    """
    Return the Job that gets the model.
    """
    (name,) = names(every, "Job", "download")
    return found(every, "Job", name)


def test_the_model_is_there_before_the_agent(newest: Chart) -> None:
    """
    A container that starts first runs the command by the script, and alone may write where the model is.
    """
    spec = pod(newest, COMMAND)
    own = container(spec, "download")
    assert own in spec["initContainers"]
    assert own["command"] == [
        *("/bin/sh", "/opt/download/download.sh"),
        *("hf", "download", "org/name", "--local-dir", "."),
    ]
    assert mounts(own)["/models"] == {"name": "models", "mountPath": "/models"}
    assert mounts(agent(spec))["/models"]["readOnly"] is True
    told = variables(own)
    assert (told["MODELS"], told["MODEL"], told["OWNER"]) == (
        "/models",
        "org/name@v1",
        {"fieldRef": {"fieldPath": "metadata.uid"}},
    )
    assert variables(agent(spec))["MODEL_PATH"] == f"{told['MODELS']}/{told['MODEL']}"


def test_the_scripts_are_those_that_are_tested(newest: Chart) -> None:
    """
    As files, where the container looks for them; Python only where it is needed.
    """
    every = rendered(newest, SHARED)
    data = found(every, "ConfigMap", "ai-agent-models")["data"]
    assert data["download.sh"].rstrip() == (SCRIPTS / "download.sh").read_text().rstrip()
    assert data["fetch.py"].rstrip() == (SCRIPTS / "fetch.py").read_text().rstrip()
    assert yaml.safe_load(data["files.json"]) == [{"url": "https://models.example.com/a"}]
    spec = found(every, "Deployment")["spec"]["template"]["spec"]
    own = container(spec, "download")
    assert own["command"][2:] == ["python3", "/opt/download/fetch.py"]
    assert variables(own)["DOWNLOAD_FILES"] == "/opt/download/files.json"
    assert volumes(spec)["download"] == {"configMap": {"name": "ai-agent-models"}}
    assert "fetch.py" not in found(rendered(newest, COMMAND), "ConfigMap", "ai-agent-models")["data"]


def test_every_variable_of_the_script_is_set(newest: Chart) -> None:
    """
    Those that it names in its head.
    """
    text = (SCRIPTS / "download.sh").read_text()
    named = {"MODELS", "MODEL", "IDENTITY", "OWNER", "SHARED", "POLL", "PATIENCE", "LIMIT"}
    assert all(f"${{{name}:" in text for name in named)
    assert named <= variables(download(newest, COMMAND)).keys()


@pytest.mark.parametrize(
    ("values", "shared"),
    [
        (COMMAND, "false"),
        (COMMAND.replace("models: {enabled: true}", "models: {enabled: true, existingClaim: mine}"), "true"),
        (COMMAND.replace("models: {enabled: true}", "models: {enabled: true, accessMode: ReadWriteMany}"), "true"),
        (JOB, "true"),
        (SHARED, "true"),
    ],
)
def test_others_are_waited_for_where_there_may_be_some(newest: Chart, values: str, shared: str) -> None:
    """
    A claim of one pod has no others, unless there is a Job beside it, or a claim that is somebody else's too.
    """
    assert variables(download(newest, values))["SHARED"] == shared


def test_shared_models_are_filled_and_then_only_read(newest: Chart) -> None:
    """
    The container that fills the volume may write; the agent may not.
    """
    spec = pod(newest, SHARED)
    assert "readOnly" not in mounts(container(spec, "download"))["/shared-models"]
    assert mounts(agent(spec))["/shared-models"]["readOnly"] is True
    assert variables(agent(spec))["MODEL_PATH"] == "/shared-models/org/name"


def test_what_is_asked_for_has_an_identity(newest: Chart) -> None:
    """
    Another revision, command or file is another one; another size of the container is not.
    """
    first = variables(download(newest, COMMAND))["IDENTITY"]
    assert variables(download(newest, COMMAND.replace("v1", "v2")))["IDENTITY"] != first
    assert variables(download(newest, COMMAND.replace("--local-dir", "--to")))["IDENTITY"] != first
    assert (
        variables(download(newest, f"{COMMAND}\ndownload.resources: {{limits: {{memory: 9Gi}}}}"))["IDENTITY"] == first
    )


def test_a_download_has_what_it_needs(newest: Chart) -> None:
    """
    Image, variables, credentials and resources of its own; the agent gets none of the credentials.
    """
    values = f"""{COMMAND}
download.image: {{registry: r.example.com, repository: hf, tag: '1', pullSecrets: [pull]}}
download.env: [{{name: HF_HUB_ENABLE_HF_TRANSFER, value: '1'}}]
download.envFrom: [{{configMapRef: {{name: proxy}}}}]
download.credentials: {{secretName: token}}
download.resources: {{requests: {{cpu: '1'}}}}
"""
    spec = pod(newest, values)
    own = container(spec, "download")
    assert own["image"] == "r.example.com/hf:1"
    assert variables(own)["HF_HUB_ENABLE_HF_TRANSFER"] == "1"
    assert own["envFrom"] == [{"configMapRef": {"name": "proxy"}}, {"secretRef": {"name": "token"}}]
    assert own["resources"]["requests"] == {"cpu": "1", "memory": "512Mi"}
    assert spec["imagePullSecrets"] == [{"name": "pull"}]
    assert "token" not in str(agent(spec))


def test_credentials_may_be_files(newest: Chart) -> None:
    """
    For the one container, readable by its group.
    """
    spec = pod(newest, f"{COMMAND}\ndownload.credentials: {{secretName: token, mountPath: /secrets}}")
    own = container(spec, "download")
    assert "envFrom" not in own
    assert mounts(own)["/secrets"] == {"name": "download-credentials", "mountPath": "/secrets", "readOnly": True}
    assert volumes(spec)["download-credentials"] == {"secret": {"secretName": "token", "defaultMode": 0o440}}
    assert "/secrets" not in mounts(agent(spec))


def test_a_rollout_has_time_for_it(newest: Chart) -> None:
    """
    What the download may take is part of what a rollout may; the script stops it by then.
    """
    values = f"{COMMAND}\ndownload.timeoutSeconds: 7200"
    assert deployment(newest, values)["progressDeadlineSeconds"] == 600 + 7200 + 300
    told = variables(download(newest, values))
    assert int(told["LIMIT"]) * int(told["POLL"]) == 7200
    assert int(told["PATIENCE"]) * int(told["POLL"]) == 120


def test_a_job_gets_it_ahead_of_time(newest: Chart) -> None:
    """
    On any node, with an account of its own, by the same container; the agent's pod still looks whether it is there.
    """
    values = f"""{JOB}
download.job: {{serviceAccountName: reader, backoffLimit: 2, nodeSelector: {{pool: cpu}}, tolerations: [{{key: spot}}]}}
profile: medium
gpu.nodeSelector: {{gpu-node: 'true'}}
"""
    every = rendered(newest, values)
    own = job(every)["spec"]
    spec = own["template"]["spec"]
    assert (own["backoffLimit"], own["activeDeadlineSeconds"]) == (2, 3 * 3660)
    assert (spec["serviceAccountName"], spec["restartPolicy"]) == ("reader", "Never")
    assert (spec["nodeSelector"], spec["tolerations"]) == ({"pool": "cpu"}, [{"key": "spot"}])
    assert "nvidia.com/gpu" not in str(spec)
    agents = found(every, "Deployment")["spec"]["template"]["spec"]
    assert container(spec, "download") == container(agents, "download")
    assert labelled(job(every)["spec"]["template"])["app.kubernetes.io/component"] == "download"


def test_another_download_is_another_job(newest: Chart) -> None:
    """
    A Job cannot be changed: what changes it changes its name, and nothing else does.
    """
    first = job(rendered(newest, JOB))["metadata"]["name"]
    assert job(rendered(newest, JOB.replace("v1", "v2")))["metadata"]["name"] != first
    assert job(rendered(newest, f"{JOB}\npodDisruptionBudget.enabled: false"))["metadata"]["name"] == first
    assert names(rendered(newest, COMMAND), "Job", "download") == []


def test_unused_models_are_looked_for_regularly(newest: Chart) -> None:
    """
    On the claim, with the models that values name; by the script that is tested. It only reports unless told otherwise.
    """
    values = f"{COMMAND}\nunusedModels: {{enabled: true, keep: [org/other, single], days: 14, schedule: '0 4 * * 0'}}"
    every = rendered(newest, values)
    cron = found(every, "CronJob", "ai-agent-unused-models")["spec"]
    assert (cron["schedule"], cron["concurrencyPolicy"]) == ("0 4 * * 0", "Forbid")
    spec = cron["jobTemplate"]["spec"]["template"]["spec"]
    (own,) = spec["containers"]
    assert variables(own) == {
        "MODELS": "/models",
        "KEEP": "org/name@v1 org/other single",
        "DAYS": "14",
        "REMOVE": "false",
    }
    assert mounts(own)["/models"] == {"name": "models", "mountPath": "/models"}
    assert volumes(spec)["models"] == {"persistentVolumeClaim": {"claimName": "ai-agent-models"}}
    assert own["command"] == ["python3", "/opt/models/unused.py"]
    data = found(every, "ConfigMap", "ai-agent-models")["data"]
    assert data["unused.py"].rstrip() == (SCRIPTS / "unused.py").read_text().rstrip()
    affinity = spec["affinity"]["podAffinity"]["preferredDuringSchedulingIgnoredDuringExecution"][0]
    assert affinity["podAffinityTerm"]["labelSelector"]["matchLabels"]["app.kubernetes.io/component"] == "agent"


def test_unused_models_are_removed_when_told_to(newest: Chart) -> None:
    """
    On another volume too.
    """
    values = "{sharedModels.enabled: true, unusedModels: {enabled: true, remove: true, volume: sharedModels}}"
    cron = found(rendered(newest, values), "CronJob", "ai-agent-unused-models")["spec"]
    (own,) = cron["jobTemplate"]["spec"]["template"]["spec"]["containers"]
    assert (variables(own)["REMOVE"], variables(own)["MODELS"]) == ("true", "/shared-models")


def test_the_longest_names_still_fit(newest: Chart) -> None:
    """
    With a release of 53 characters: a CronJob has 52, a Job 63; two releases that begin alike have names of their own.
    """
    values = f"{JOB}\nunusedModels.enabled: true"
    one, two = (rendered(Chart(newest.helm, AGENT.path, f"{'r' * 52}{end}", "ai"), values) for end in ("a", "b"))
    for component, most, kind in (
        ("unused-models", 52, "CronJob"),
        ("download", 63, "Job"),
        ("models", 63, "ConfigMap"),
    ):
        (first,), (second,) = names(one, kind, component), names(two, kind, component)
        assert len(first) <= most
        assert first != second


def test_the_jobs_reach_what_they_need(newest: Chart) -> None:
    """
    Where the models come from, and the cluster's DNS; the one that only looks reaches nothing. Nobody reaches them.
    """
    values = SHARED.replace("enabled: true, volume", "enabled: true, mode: job, volume")
    every = rendered(newest, f"{values}\nunusedModels: {{enabled: true, volume: sharedModels}}")
    download = found(every, "NetworkPolicy", "ai-agent-download")["spec"]
    assert download["policyTypes"] == ["Ingress", "Egress"]
    assert "ingress" not in download
    assert [[port["port"] for port in rule["ports"]] for rule in download["egress"]] == [[53, 53], [443]]
    assert selects(download["podSelector"]["matchLabels"], job(every)["spec"]["template"])
    unused = found(every, "NetworkPolicy", "ai-agent-unused-models")["spec"]
    assert (unused["policyTypes"], "egress" in unused) == (["Ingress", "Egress"], False)
    template = found(every, "CronJob", "ai-agent-unused-models")["spec"]["jobTemplate"]["spec"]["template"]
    assert selects(unused["podSelector"]["matchLabels"], template)


def test_cilium_has_the_same_for_the_jobs(newest: Chart) -> None:
    """
    By the host's name.
    """
    values = SHARED.replace("enabled: true, volume", "enabled: true, mode: job, volume")
    every = rendered(
        newest, f"{values}\nnetworkPolicy.flavour: cilium\nunusedModels: {{enabled: true, volume: sharedModels}}"
    )
    download = found(every, "CiliumNetworkPolicy", "ai-agent-download")["spec"]
    assert download["egress"][-1]["toFQDNs"] == [{"matchName": "models.example.com"}]
    assert download["ingress"] == [{}]
    unused = found(every, "CiliumNetworkPolicy", "ai-agent-unused-models")["spec"]
    assert (unused["ingress"], unused["egress"]) == ([{}], [{}])


def test_the_jobs_need_no_policy_where_there_is_none(newest: Chart) -> None:
    """
    Switched off, there is none of theirs either; a download that is a container has the agent's.
    """
    off = rendered(newest, f"{JOB}\nunusedModels.enabled: true\nnetworkPolicy.enabled: false")
    assert names(off, "NetworkPolicy", "download") == names(off, "NetworkPolicy", "unused-models") == []
    assert names(rendered(newest, COMMAND), "NetworkPolicy", "download") == []
