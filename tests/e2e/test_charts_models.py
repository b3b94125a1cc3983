"""
The whole agent of the example: GPU, model volume, download, sidecar for logs, probes, neighbours.

Small programs in the scaler's image stand in for the agent and for the sidecar; everything else is the chart's.
"""

from __future__ import annotations

from collections.abc import Generator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.agents import merged
from tests.e2e.charts import CHART_PATHS, IMAGES_HERE, SMALL, Grounds, Release, everywhere, here, kept, left
from tests.e2e.kubectl import KubectlError, apply, eventually, get, kubectl, manifest
from tests.e2e.names import CHARTS, PASSWORD, SYSTEM
from tests.e2e.stage import SCALER_IMAGE, Stage, note, secret

_FILE = CHART_PATHS["ai-agent"] / "examples" / "agent-7b.yaml"
_MANIFESTS = Path(__file__).parent / "manifests"
_SERVER = f"{CHARTS}-files"
_WEIGHTS = "0123456789" * 1000
_LOAD = 4.0
_READY_WITHIN = 120.0
_SHIP = 'trap "exit 0" TERM; touch "$0"; tail -n +1 -F "$0" & wait'
_SECRETS = {
    "models-token": {"HF_TOKEN": "token"},
    "jobs-redis": {"password": PASSWORD},
    "qdrant-key": {"api-key": "key"},
    "agent-key": {"virtual-key": "key"},
}
_AGENT = "app.kubernetes.io/component=agent"
_PAUSED = {"keda": {"annotations": {"autoscaling.keda.sh/paused-replicas": "0"}}}


def _values(stage: Stage, greeting: str = "hello") -> dict[str, Any]:
    """
    Return what has to be said beside the example: where its images, its model and its neighbours are here.
    """
    files = f"http://files.{_SERVER}.svc:8000"
    own = {
        "command": ["python", "-c", (_MANIFESTS / "agent.py").read_text()],
        "env": [{"name": "LOAD_SECONDS", "value": f"{_LOAD:g}"}, {"name": "GREETING", "value": greeting}],
        "download": {
            "image": here(SCALER_IMAGE),
            "files": [{"url": f"{files}/chat-7b/{name}"} for name in ("model.safetensors", "config.json")],
            "resources": {"requests": {"cpu": "20m", "memory": "64Mi"}},
        },
        "logging": {
            "image": here(SCALER_IMAGE),
            "command": ["sh", "-c", _SHIP],
            "args": ["/var/log/agent/agent.log"],
        },
        "probes": {
            "startup": {"periodSeconds": 1, "failureThreshold": 240},
            "liveness": {"periodSeconds": 1},
            "readiness": {"periodSeconds": 1},
        },
        "drain": {"preStopSeconds": 1, "jobSeconds": 20},
        "queue": {"address": f"redis.{SYSTEM}.svc:6379"},
        "policy": {"connections": {"metrics": {"url": f"http://prometheus.{SYSTEM}.svc:9090"}}},
        "qdrant": {"url": files},
        "litellm": {"baseUrl": files},
        "networkPolicy": {"egress": {"download": {"ports": [8000]}}},
    }
    if not stage.gpus:
        note("no node has a GPU: the agent and `helm test` run without one")
        own |= {"gpu": {"enabled": False}, "runtimeClassName": ""}
    return merged(merged(IMAGES_HERE, SMALL), own)


@pytest.fixture(scope="module")
def agent(stage: Stage, grounds: Grounds) -> Generator[Release]:
    """
    The agent, ready.
    """
    release = Release(stage, "ai-agent", "chat", grounds.namespace("models"))
    assert grounds.namespace("files") == _SERVER
    apply(*manifest(_MANIFESTS / "models.yaml", namespace=_SERVER, image=SCALER_IMAGE, weights=_WEIGHTS))
    apply(*(secret(release.namespace, name, **texts) for name, texts in _SECRETS.items()))
    stage.rolled_out("deploy/files", _SERVER)
    release.install(_values(stage), _FILE)
    _ready(release)
    yield release
    if release.name in stage.helm("list", "-n", release.namespace, "--short"):
        release.uninstall(wait=False)


def _ready(release: Release, *not_these: str) -> dict[str, Any]:
    """
    Return the agent's pod, once there is one that is ready, and not one of those.
    """

    def found() -> dict[str, Any] | None:
        pods = [pod for pod in release.pods("agent") if pod["metadata"]["name"] not in not_these]
        return pods[0] if pods and _is(pods[0], "Ready") else None

    return eventually("the agent is ready", found, _READY_WITHIN)


def _is(pod: dict[str, Any], condition: str) -> bool:
    return any(each["type"] == condition and each["status"] == "True" for each in pod["status"].get("conditions", ()))


def _status(pod: dict[str, Any], container: str) -> dict[str, Any]:
    status = pod["status"]
    every = [*status.get("initContainerStatuses", ()), *status["containerStatuses"]]
    (found,) = (each for each in every if each["name"] == container)
    return dict(found)


def _logs(release: Release, pod: dict[str, Any], container: str) -> str:
    return kubectl("-n", release.namespace, "logs", pod["metadata"]["name"], "-c", container)


def _shipped(release: Release, pod: dict[str, Any], line: str) -> None:
    """
    Return when the sidecar has shipped a line, which it looks for once a second.
    """
    eventually(f"{line!r} is shipped", lambda: line in _logs(release, pod, "logging"), 20)


def _do(release: Release, pod: dict[str, Any], *command: str) -> None:
    kubectl("-n", release.namespace, "exec", pod["metadata"]["name"], "-c", "agent", "--", *command)


def _fetched() -> int:
    """
    Return how many files of the model were ever fetched from the server.
    """
    return kubectl("-n", _SERVER, "logs", "deploy/files").count("GET /chat-7b/")


def _moment(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def test_the_model_is_whole_before_the_agent_starts(agent: Release) -> None:
    """The init container fetched each file once; the agent, which may only read, found them where it was told."""
    pod = _ready(agent)
    ended = _status(pod, "download")["state"]["terminated"]
    assert ended["exitCode"] == 0
    assert _moment(ended["finishedAt"]) <= _moment(_status(pod, "agent")["state"]["running"]["startedAt"])
    assert "model example/chat-7b@v2: downloaded" in _logs(agent, pod, "download")
    assert _fetched() == 2
    _shipped(agent, pod, f"model.safetensors has {len(_WEIGHTS)} bytes")
    with pytest.raises(KubectlError, match="Read-only file system"):
        _do(agent, pod, "touch", "/models/mine")


def test_the_sidecar_ships_what_the_agent_writes(agent: Release) -> None:
    """It is a native one: it runs since before the agent, and does not keep the pod from being ready."""
    pod = _ready(agent)
    (sidecar,) = (each for each in pod["spec"]["initContainers"] if each["name"] == "logging")
    assert sidecar["restartPolicy"] == "Always"
    started = _moment(_status(pod, "logging")["state"]["running"]["startedAt"])
    assert started <= _moment(_status(pod, "agent")["state"]["running"]["startedAt"])
    _shipped(agent, pod, "hello: config.json has 2 bytes")


def test_the_probes_are_asked(agent: Release) -> None:
    """Ready only when loaded; not ready when it says so, and not restarted for that; restarted when it hangs."""
    pod = _ready(agent)
    (ready,) = (each for each in pod["status"]["conditions"] if each["type"] == "Ready")
    started = _moment(_status(pod, "agent")["state"]["running"]["startedAt"])
    assert _moment(ready["lastTransitionTime"]) - started >= _LOAD - 1, "ready before the model was loaded"

    def now() -> dict[str, Any]:
        return dict(get("pod", "-n", agent.namespace, pod["metadata"]["name"]))

    restarts = _status(pod, "agent")["restartCount"]
    _do(agent, pod, "touch", "/tmp/busy")
    eventually("it is not ready", lambda: not _is(now(), "Ready"), 20)
    _do(agent, pod, "rm", "/tmp/busy")
    eventually("it is ready again", lambda: _is(now(), "Ready"), 20)
    assert _status(now(), "agent")["restartCount"] == restarts
    _do(agent, pod, "touch", "/tmp/hung")
    eventually("it is restarted", lambda: _status(now(), "agent")["restartCount"] == restarts + 1, 60)
    eventually("it is ready again", lambda: _is(now(), "Ready"), 60)


def test_an_upgrade_of_the_values_arrives(stage: Stage, agent: Release) -> None:
    """Another pod takes the place of the one that is there, with the new values, and downloads nothing."""
    before = _ready(agent)
    name = before["metadata"]["name"]
    agent.upgrade(_values(stage, greeting="good day"), _FILE)
    after = _ready(agent, name)
    gone = next(each.at for each in stage.history.pods(agent.namespace, name) if each.gone)
    came = stage.history.pods(agent.namespace, after["metadata"]["name"])[0].at
    # What has ended is still listed for a moment; a Deployment that rolls would wait until the next one has loaded.
    stood = [each for each in stage.history.pods(agent.namespace, name) if each.at <= came][-1]
    assert stood.going, "the one that was there was not on its way out"
    assert not stood.ready, "both were at work"
    assert gone <= came + _LOAD, "both had the volume"
    _shipped(agent, after, "good day: config.json has 2 bytes")
    assert "model example/chat-7b@v2: there already" in _logs(agent, after, "download")
    assert _fetched() == 2


def test_the_model_outlives_the_release(stage: Stage, agent: Release) -> None:
    """`helm test` passes with nobody at work; uninstalled, the claim is all that stays, and serves the next install."""
    where = agent.namespace
    stays = kept(agent.upgrade(merged(_values(stage), _PAUSED), _FILE).objects)
    eventually("the agent has gone", lambda: not get("pods", "-n", where, "-l", _AGENT)["items"], 60)
    agent.test()
    assert stays == {f"{where}/PersistentVolumeClaim/chat-ai-agent-models"}
    agent.uninstall()
    assert not everywhere(agent.name)
    left({where}, stays | {f"{where}/Secret/{name}" for name in _SECRETS})
    agent.install(_values(stage), _FILE)
    pod = _ready(agent)
    assert "model example/chat-7b@v2: there already" in _logs(agent, pod, "download")
    assert _fetched() == 2
