"""
How an agent starts, is asked, stops and is replaced; what is around its pod; and what users add to it.
"""

from __future__ import annotations

from tests.chart.agent.agents import (
    ON_NODES,
    agent,
    container,
    deployment,
    found,
    labelled,
    mounts,
    pod,
    rendered,
    variables,
    volumes,
)
from tests.chart.helm import Chart
from tests.chart.rendered import selects

RESTRICTED = {
    "allowPrivilegeEscalation": False,
    "readOnlyRootFilesystem": True,
    "capabilities": {"drop": ["ALL"]},
}


def test_the_startup_probe_gates_the_others(chart: Chart) -> None:
    """
    Ten minutes to load, and no initial delay, which could only be a guess.
    """
    own = agent(pod(chart))
    assert own["startupProbe"] == {
        "httpGet": {"path": "/health/startup", "port": "http"},
        "periodSeconds": 10,
        "failureThreshold": 60,
        "timeoutSeconds": 5,
    }
    assert own["livenessProbe"]["httpGet"] == {"path": "/health/live", "port": "http"}
    assert own["readinessProbe"]["httpGet"] == {"path": "/health/ready", "port": "http"}
    assert not [name for name in own if "initialDelaySeconds" in own[name]]


def test_a_lost_gpu_may_start_the_agent_anew(newest: Chart) -> None:
    """
    When it is asked for.
    """
    own = agent(pod(newest, f"{{profile: medium, {ON_NODES}, probes.liveness.gpu: true}}"))
    assert own["livenessProbe"]["httpGet"]["path"] == "/health/gpu"


def test_probes_can_ask_otherwise(newest: Chart) -> None:
    """
    Other paths, ports, patience and ways; or not at all.
    """
    values = """
    ports: [{name: api, containerPort: 9000}, {name: grpc, containerPort: 9001}]
    probes:
      startup: {path: /up, port: api, failureThreshold: 180}
      liveness: {handler: {grpc: {port: 9001}}}
      readiness: {enabled: false}
    """
    own = agent(pod(newest, values))
    assert own["startupProbe"]["httpGet"] == {"path": "/up", "port": "api"}
    assert own["livenessProbe"]["grpc"] == {"port": 9001}
    assert "httpGet" not in own["livenessProbe"]
    assert "readinessProbe" not in own
    assert deployment(newest, values)["progressDeadlineSeconds"] == 1800 + 300


def test_an_agent_may_finish_its_job(newest: Chart) -> None:
    """
    First no request comes any more, then it hears that it goes; in all it has the longest job's time and some more.
    """
    spec = pod(newest)
    assert agent(spec)["lifecycle"] == {"preStop": {"sleep": {"seconds": 5}}}
    assert spec["terminationGracePeriodSeconds"] == 5 + 120 + 15
    longer = pod(newest, "{drain: {preStopSeconds: 0, jobSeconds: 900}}")
    assert longer["terminationGracePeriodSeconds"] == 915
    assert "lifecycle" not in agent(longer)
    assert pod(newest, "{terminationGracePeriodSeconds: 600}")["terminationGracePeriodSeconds"] == 600


def test_hooks_of_the_users_own_stand(newest: Chart) -> None:
    """
    A preStop instead of the wait, a postStart beside it.
    """
    stop = {"exec": {"command": ["drain"]}}
    assert agent(pod(newest, "{lifecycle: {preStop: {exec: {command: [drain]}}}}"))["lifecycle"] == {"preStop": stop}
    both = agent(pod(newest, "{lifecycle: {postStart: {exec: {command: [drain]}}}}"))["lifecycle"]
    assert both == {"preStop": {"sleep": {"seconds": 5}}, "postStart": stop}


def test_agents_with_gpus_are_replaced_without_a_spare_one(newest: Chart) -> None:
    """
    Where all GPUs are in use, a surge would wait for ever; without GPUs one more comes first.
    """
    one_less = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}}
    assert deployment(newest, f"{{profile: medium, {ON_NODES}}}")["strategy"] == one_less
    one_more = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}
    assert deployment(newest)["strategy"] == one_more
    assert deployment(newest, "{strategy: {type: Recreate}}")["strategy"] == {"type": "Recreate"}


def test_a_drain_takes_one_at_a_time(newest: Chart) -> None:
    """
    And is never held up for ever; the budget is of the agent's pods.
    """
    every = rendered(newest)
    budget = found(every, "PodDisruptionBudget")["spec"]
    assert (budget["maxUnavailable"], budget["unhealthyPodEvictionPolicy"]) == (1, "AlwaysAllow")
    assert selects(budget["selector"]["matchLabels"], found(every, "Deployment")["spec"]["template"])
    off = rendered(newest, "{podDisruptionBudget.enabled: false, service.enabled: false}")
    assert not [
        each
        for each in off
        if each["metadata"]["name"] == "ai-agent" and each["kind"] in {"Service", "PodDisruptionBudget"}
    ]


def test_the_service_has_the_agents_ports(newest: Chart) -> None:
    """
    By their names; the number outside may be another one.
    """
    values = """
    ports:
      - {name: http, containerPort: 9000, servicePort: 80, appProtocol: http}
      - {name: dns, containerPort: 53, protocol: UDP}
    service: {type: LoadBalancer, labels: {tier: front}, annotations: {lb: inner}}
    """
    every = rendered(newest, values)
    service = found(every, "Service")
    assert service["spec"]["ports"] == [
        {"name": "http", "port": 80, "targetPort": "http", "protocol": "TCP", "appProtocol": "http"},
        {"name": "dns", "port": 53, "targetPort": "dns", "protocol": "UDP"},
    ]
    assert service["spec"]["type"] == "LoadBalancer"
    assert (labelled(service)["tier"], service["metadata"]["annotations"]) == ("front", {"lb": "inner"})
    template = found(every, "Deployment")["spec"]["template"]
    assert selects(service["spec"]["selector"], template)
    assert agent(template["spec"])["ports"] == [
        {"name": "http", "containerPort": 9000, "protocol": "TCP"},
        {"name": "dns", "containerPort": 53, "protocol": "UDP"},
    ]


def test_a_job_has_no_service_and_is_not_ready(newest: Chart) -> None:
    """
    Nothing is sent to an agent that ends by itself: no Service, no budget, no readiness, no Deployment.
    """
    every = rendered(newest, "{keda.kind: ScaledJob, worker.enabled: false, image: {repository: own, tag: '1'}}")
    own = {each["kind"] for each in every if each["metadata"]["name"] == "ai-agent"}
    assert not {"Deployment", "Service", "PodDisruptionBudget"} & own
    template = found(every, "ScaledJob")["spec"]["jobTargetRef"]["template"]
    assert template["spec"]["restartPolicy"] == "Never"
    assert {"startupProbe", "livenessProbe"} < agent(template["spec"]).keys()
    assert "readinessProbe" not in agent(template["spec"])


def test_replicas_belong_to_keda(newest: Chart) -> None:
    """
    The Deployment says nothing of them, which an upgrade would set back; without KEDA it does.
    """
    assert "replicas" not in deployment(newest)
    assert deployment(newest, "{keda.enabled: false, scaler.enabled: false, replicas: 3}")["replicas"] == 3


def test_a_token_is_only_there_when_asked_for(newest: Chart) -> None:
    """
    In the agent's pod alone; the account can be the user's own.
    """
    assert pod(newest)["automountServiceAccountToken"] is False
    own = rendered(newest, "{serviceAccount: {token: true, annotations: {role: reader}}}")
    assert found(own, "Deployment")["spec"]["template"]["spec"]["automountServiceAccountToken"] is True
    account = found(own, "ServiceAccount")
    assert (account["automountServiceAccountToken"], account["metadata"]["annotations"]) == (False, {"role": "reader"})
    mine = rendered(newest, "{serviceAccount: {create: false, name: mine}}")
    assert found(mine, "Deployment")["spec"]["template"]["spec"]["serviceAccountName"] == "mine"


def test_every_container_is_restricted(newest: Chart) -> None:
    """
    The chart's own and those that users add, which may say less or more of it, never against the standard.
    """
    values = """
    logging.enabled: true
    keda.maxReplicaCount: 1
    model.name: a
    models.enabled: true
    download: {enabled: true, command: [x]}
    securityContext.readOnlyRootFilesystem: false
    extraContainers: [{name: side, image: 'a:1', securityContext: {readOnlyRootFilesystem: false, runAsUser: 1000}}]
    extraInitContainers: [{name: first, image: 'a:1'}]
    """
    spec = pod(newest, values)
    looser = {**RESTRICTED, "readOnlyRootFilesystem": False}
    assert {each["name"]: each["securityContext"] for each in [*spec["initContainers"], *spec["containers"]]} == {
        "logging": RESTRICTED,
        "download": RESTRICTED,
        "first": RESTRICTED,
        "agent": looser,
        "side": {**looser, "runAsUser": 1000},
    }
    assert spec["securityContext"] == {
        "runAsNonRoot": True,
        "seccompProfile": {"type": "RuntimeDefault"},
        "runAsUser": 65532,
        "runAsGroup": 65532,
        "fsGroup": 65532,
        "fsGroupChangePolicy": "OnRootMismatch",
    }


def test_the_cluster_may_choose_the_user(newest: Chart) -> None:
    """
    OpenShift does; further groups open device files.
    """
    values = "podSecurityContext: {runAsUser: null, runAsGroup: null, fsGroup: null, supplementalGroups: [44, 109]}"
    context = pod(newest, f"{{{values}}}")["securityContext"]
    assert not {"runAsUser", "runAsGroup", "fsGroup"} & context.keys()
    assert context["runAsNonRoot"] is True
    assert context["supplementalGroups"] == [44, 109]


def test_the_image_is_pinned(newest: Chart) -> None:
    """
    By the chart's version; registry, tag and digest where they are given, and the registry of all.
    """
    digest = f"sha256:{'0123456789abcdef' * 4}"
    values = f"""
    image: {{registry: r.example.com, repository: org/agent, tag: '2', digest: '{digest}'}}
    image.pullPolicy: Always
    image.pullSecrets: [a]
    global.imagePullSecrets: [all, {{name: b}}]
    """
    spec = pod(newest, values)
    assert agent(spec)["image"] == f"r.example.com/org/agent:2@{digest}"
    assert agent(spec)["imagePullPolicy"] == "Always"
    assert spec["imagePullSecrets"] == [{"name": "all"}, {"name": "b"}, {"name": "a"}]
    alone = f"{{image: {{repository: org/agent, tag: '', digest: '{digest}'}}}}"
    assert agent(pod(newest, alone))["image"] == f"org/agent@{digest}"
    mirrored = pod(newest, "{logging.enabled: true, global.imageRegistry: mirror.example.com}")
    assert agent(mirrored)["image"].startswith("mirror.example.com/gpu-agent-scaler:")
    assert container(mirrored, "logging")["image"].startswith("mirror.example.com/fluent/fluent-bit:")


def test_what_users_add_arrives(newest: Chart) -> None:
    """
    Everywhere that one would expect it.
    """
    values = """
    args: [--verbose]
    env: [{name: HF_HOME, value: /own}, {name: KEY, valueFrom: {secretKeyRef: {name: s, key: k}}}]
    envFrom: [{secretRef: {name: more}}]
    extraVolumes: [{name: data, configMap: {name: data}}]
    extraVolumeMounts: [{name: data, mountPath: /data}, {name: cache, mountPath: /models, subPath: m}]
    extraContainers: [{name: side, image: 'a:1', volumeMounts: [{name: data, mountPath: /data}]}]
    extraInitContainers: [{name: proxy, image: 'b:1', restartPolicy: Always}]
    podLabels: {team: search}
    podAnnotations: {note: own}
    commonLabels: {cost: ai}
    commonAnnotations: {owner: platform}
    extraObjects: [{apiVersion: v1, kind: ConfigMap, metadata: {name: '{{ .Release.Name }}-more'}}]
    """
    every = rendered(newest, values)
    template = found(every, "Deployment")["spec"]["template"]
    spec = template["spec"]
    own = agent(spec)
    assert own["args"] == ["--verbose"]
    assert own["envFrom"] == [{"secretRef": {"name": "more"}}]
    assert variables(own)["HF_HOME"] == "/own"
    assert variables(own)["KEY"] == {"secretKeyRef": {"name": "s", "key": "k"}}
    assert volumes(spec)["data"] == {"configMap": {"name": "data"}}
    assert mounts(own)["/data"] == {"name": "data", "mountPath": "/data"}
    assert container(spec, "side")["volumeMounts"] == [{"name": "data", "mountPath": "/data"}]
    assert container(spec, "proxy")["restartPolicy"] == "Always"
    assert {"team": "search", "cost": "ai"}.items() <= labelled(template).items()
    assert {"note": "own", "owner": "platform"}.items() <= template["metadata"]["annotations"].items()
    assert found(every, "ConfigMap", "ai-agent-more")
    assert labelled(found(every, "Service"))["cost"] == "ai"


def test_a_command_is_the_users_or_the_images(newest: Chart) -> None:
    """
    An image of the user's own has its own command, unless another one is given.
    """
    own = "worker.enabled: false, image: {repository: vllm, tag: '1'}"
    assert "command" not in agent(pod(newest, f"{{{own}}}"))
    assert agent(pod(newest, f"{{{own}, command: [vllm, serve]}}"))["command"] == ["vllm", "serve"]
