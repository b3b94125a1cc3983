"""
Every pod of everything that is rendered, whoever it is of: restricted, measured, pinned, and with no rights.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.chart.charts import Source
from tests.chart.everything import EVERY_FILE, asked, renders
from tests.chart.helm import Helm
from tests.chart.rendered import Object, containers, owned

PINNED = re.compile(r"[^\s:@]+(:\d+/[^\s:@]+)?(:(?!latest\b)\w[\w.-]*(@sha256:[0-9a-f]{64})?|@sha256:[0-9a-f]{64})")

VOLUMES = frozenset(
    {
        *("configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "image", "persistentVolumeClaim"),
        *("projected", "secret"),
    }
)
"""The kinds of volumes of the "restricted" standard."""


PROBES = ("startupProbe", "livenessProbe", "readinessProbe")

HANDLERS = frozenset({"exec", "grpc", "httpGet", "sleep", "tcpSocket"})
"""The ways of asking a container, or of telling it something."""


def every_pod(helm: Helm, source: Source, values: Path) -> Iterator[tuple[Object, Object]]:
    """
    Yield every pod of a value file, after whose it is.
    """
    found = [each for _, rendered in renders(helm, source, values) for each in owned(rendered)]
    assert found
    yield from found


def security(pod: Object, container: Object) -> dict[str, Any]:
    """
    Return what holds for a container: its own settings over its pod's.
    """
    return {**pod["spec"].get("securityContext", {}), **container.get("securityContext", {})}


@EVERY_FILE
def test_every_pod_is_restricted(newest_helm: Helm, source: Source, values: Path) -> None:
    """
    Nothing of the node is shared, and only volumes that the "restricted" standard knows are mounted.
    """
    for _, pod in every_pod(newest_helm, source, values):
        spec = pod["spec"]
        assert not {key for key in ("hostNetwork", "hostPID", "hostIPC", "hostUsers") if spec.get(key)}
        assert not spec.get("securityContext", {}).get("sysctls")
        for volume in spec.get("volumes", ()):
            assert volume.keys() - {"name"} <= VOLUMES, volume


@EVERY_FILE
def test_every_container_is_restricted(newest_helm: Helm, source: Source, values: Path) -> None:
    """
    The "restricted" standard, and a read-only root beyond it: of every container, init container and sidecar.
    """
    for owner, pod in every_pod(newest_helm, source, values):
        for container in containers(pod):
            place = f"{owner['kind']} {owner['metadata']['name']}, container {container['name']}"
            own = security(pod, container)
            assert own.get("runAsNonRoot") is True, place
            assert own.get("runAsUser", 65532) > 0, place
            assert own.get("seccompProfile") == {"type": "RuntimeDefault"}, place
            assert own.get("allowPrivilegeEscalation") is False, place
            assert own.get("readOnlyRootFilesystem") is True, place
            assert own.get("capabilities") == {"drop": ["ALL"]}, place
            assert not own.get("privileged"), place
            assert own.get("procMount", "Default") == "Default", place
            assert not [port for port in container.get("ports", ()) if port.get("hostPort")], place
            assert not list(hosts(container)), place


def hosts(container: Object) -> Iterator[str]:
    """
    Yield the hosts that a container's probes and hooks ask instead of itself: the "baseline" standard has none.
    """
    probes = [container.get(name, {}) for name in PROBES]
    for each in [*probes, *container.get("lifecycle", {}).values()]:
        for action in ("httpGet", "tcpSocket"):
            if host := each.get(action, {}).get("host"):
                yield host


@EVERY_FILE
def test_every_container_is_measured(newest_helm: Helm, source: Source, values: Path) -> None:
    """
    CPU and memory are requested, memory is limited, no request is above its limit.
    """
    for owner, pod in every_pod(newest_helm, source, values):
        for container in containers(pod):
            place = f"{owner['kind']} {owner['metadata']['name']}, container {container['name']}"
            resources = container.get("resources", {})
            requests, limits = resources.get("requests", {}), resources.get("limits", {})
            assert {"cpu", "memory"} <= requests.keys(), place
            assert "memory" in limits, place
            for name in requests.keys() & limits.keys():
                assert quantity(requests[name]) <= quantity(limits[name]), f"{place}: {name}"


def quantity(text: Any) -> float:
    """
    Return a quantity as Kubernetes reads it, such as `500m` or `2Gi`.
    """
    number, suffix = re.fullmatch(r"([\d.]+)([a-zA-Z]*)", str(text)).groups()  # type: ignore[union-attr]  # the schema
    units = {"": 1.0, "m": 1e-3, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12}
    binary = {f"{sign}i": 1024.0**power for power, sign in enumerate("KMGT", start=1)}
    return float(number) * {**units, **binary}[suffix]


@EVERY_FILE
def test_every_gpu_is_whole(newest_helm: Helm, source: Source, values: Path) -> None:
    """
    A device is requested as often as it may be used, from one vendor, and only where a node that has it is chosen.
    """
    for owner, pod in every_pod(newest_helm, source, values):
        for container in containers(pod):
            resources = container["resources"]
            devices = {name for part in ("requests", "limits") for name in resources.get(part, {}) if "/" in name}
            assert not {"gpu", "gpus"} & {*resources.get("requests", {}), *resources.get("limits", {})}
            assert len({name.partition("/")[0] for name in devices}) <= 1
            for name in devices:
                assert resources["requests"][name] == resources["limits"][name]
                spec = pod["spec"]
                chosen = spec.get("nodeSelector") or spec.get("affinity", {}).get("nodeAffinity")
                assert chosen, f"{owner['metadata']['name']} asks for {name} on any node"


@EVERY_FILE
def test_every_image_is_pinned(newest_helm: Helm, source: Source, values: Path) -> None:
    """
    By a tag that is not `latest`, or a digest: containers' and models' alike.
    """
    for _, pod in every_pod(newest_helm, source, values):
        images = [container["image"] for container in containers(pod)]
        images += [volume["image"]["reference"] for volume in pod["spec"].get("volumes", ()) if "image" in volume]
        assert [image for image in images if not PINNED.fullmatch(image)] == []


def test_what_is_not_pinned_is_seen() -> None:
    """
    A port of the registry is no tag, and `latest-fips` still moves.
    """
    for image in ("a", "a:latest", "a:", "registry:5000/a", "a:latest-fips", "a@sha256:12", "a:1@sha256:12"):
        assert not PINNED.fullmatch(image)
    for image in ("a:1", "registry:5000/b/a:v1.2-x", f"a@sha256:{'0' * 64}", f"registry:1/a:1@sha256:{'0' * 64}"):
        assert PINNED.fullmatch(image)


@EVERY_FILE
def test_no_pod_may_ask_the_api(newest_helm: Helm, source: Source, values: Path) -> None:
    """
    No token (unless values ask for one), no account beside one of the user's, no variables of other Services.

    Nor any role, but those of a scaler that observes, whose pod alone has a token then.
    """
    account = asked(source, values)["serviceAccount"]
    token = account.get("token", False)
    for kubernetes, found in renders(newest_helm, source, values):
        accounts = [each for each in found if each["kind"] == "ServiceAccount"]
        made = [each for each in accounts if each["metadata"]["labels"]["helm.sh/chart"].startswith(source.name)]
        assert bool(made) == account["create"]
        roles = [each for each in found if each["apiVersion"].startswith("rbac")]
        assert {each["metadata"]["labels"]["app.kubernetes.io/component"] for each in roles} <= {"scaler"}, kubernetes
        assert all(each["automountServiceAccountToken"] is False for each in accounts)
        for owner, pod in owned(found):
            place = f"{owner['kind']} {owner['metadata']['name']}"
            mounted = pod["spec"].get("automountServiceAccountToken")
            observes = "SCALER_OBSERVE" in str(pod)
            assert mounted is (observes or (token and mounted)), place
            assert pod["spec"].get("enableServiceLinks") is False, place


@EVERY_FILE
def test_every_mount_has_a_volume(newest_helm: Helm, source: Source, values: Path) -> None:
    """
    And every volume a mount; a container has each path once, and none inside of a volume that it may only read.
    """
    for owner, pod in every_pod(newest_helm, source, values):
        place = f"{owner['kind']} {owner['metadata']['name']}"
        volumes = [volume["name"] for volume in pod["spec"].get("volumes", ())]
        assert len(volumes) == len(set(volumes)), place
        mounted = {mount["name"] for container in containers(pod) for mount in container.get("volumeMounts", ())}
        assert mounted == set(volumes), place
        for container in containers(pod):
            mounts = container.get("volumeMounts", ())
            paths = [Path(mount["mountPath"]) for mount in mounts]
            assert len(paths) == len(set(paths)), place
            closed = {Path(mount["mountPath"]) for mount in mounts if mount.get("readOnly")}
            assert not [path for path in paths if set(path.parents) & closed], place


@EVERY_FILE
def test_every_pod_stops_in_time(newest_helm: Helm, source: Source, values: Path) -> None:
    """
    What a container does before it stops, and a probe's whole patience, fit into what the pod is given.
    """
    for owner, pod in every_pod(newest_helm, source, values):
        grace = pod["spec"].get("terminationGracePeriodSeconds", 30)
        for container in containers(pod):
            stop = container.get("lifecycle", {}).get("preStop", {})
            assert stop.get("sleep", {}).get("seconds", 0) < grace, owner["metadata"]["name"]


@EVERY_FILE
def test_every_choice_is_made_once(newest_helm: Helm, source: Source, values: Path) -> None:
    """
    A volume has one source, a probe one way of asking, a variable one value: the schema would let two of them pass.
    """
    for owner, pod in every_pod(newest_helm, source, values):
        place = f"{owner['kind']} {owner['metadata']['name']}"
        for volume in pod["spec"].get("volumes", ()):
            assert len(volume.keys() - {"name"}) == 1, f"{place}: {volume}"
        for container in containers(pod):
            for name in PROBES:
                assert len(container.get(name, {"exec": 1}).keys() & HANDLERS) == 1, f"{place}: {name}"
            for hook, handler in container.get("lifecycle", {}).items():
                assert len(handler.keys() & HANDLERS) == 1, f"{place}: {hook}"
            for variable in container.get("env", ()):
                assert len(variable.keys() & {"value", "valueFrom"}) == 1, f"{place}: {variable}"


@EVERY_FILE
def test_every_pod_ends_as_its_owner_needs(newest_helm: Helm, source: Source, values: Path) -> None:
    """
    What runs once is not started anew for ever; what stays is. Of the containers that start a pod, only sidecars go on.
    """
    for owner, pod in every_pod(newest_helm, source, values):
        once = owner["kind"] in {"CronJob", "Job", "Pod", "ScaledJob"}
        place = f"{owner['kind']} {owner['metadata']['name']}"
        assert (pod["spec"].get("restartPolicy", "Always") != "Always") == once, place
        started = [each.get("restartPolicy", "Always") for each in pod["spec"].get("initContainers", ())]
        assert set(started) <= {"Always"}, place
        assert not [each for each in pod["spec"]["containers"] if "restartPolicy" in each], place
