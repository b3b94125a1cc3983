"""
The stage: a scaler installed by its chart behind mutual TLS, the servers of the queues, and a Prometheus.
"""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property, partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

import trustme
import yaml

from tests.chart.helm import unpacked
from tests.e2e.history import History
from tests.e2e.kubectl import Forward, KubectlError, apply, eventually, get, kubectl, manifest
from tests.e2e.names import AGENTS, AUTHENTICATION, CHARTS, KEDA_CERTIFICATE, PASSWORD, SYSTEM
from tests.e2e.policies import DOCUMENT

ROOT = Path(__file__).parents[2]
_MANIFESTS = Path(__file__).parent / "manifests"
_HELM_WITHIN = 180.0
_ROLLED_OUT_WITHIN = 120.0
_GONE_WITHIN = 120.0
_LOGS = 16
_GPUS = "nvidia.com/gpu"
_SCALER = "app.kubernetes.io/name=agent-scaler"


def image(name: str, default: str) -> str:
    """
    Return an image: `SCALER_E2E_<NAME>_IMAGE`, or the one that the tests with containers use, or the official one.
    """
    return os.environ.get(f"SCALER_E2E_{name}_IMAGE") or os.environ.get(f"SCALER_TEST_{name}_IMAGE") or default


SCALER_IMAGE = os.environ.get("SCALER_E2E_IMAGE", "gpu-agent-scaler:e2e")
"""The project's own image: the scaler's, and the worker's."""

IMAGES = {
    "redis": image("REDIS", "redis:7.2.11"),
    "rabbitmq": image("RABBITMQ", "rabbitmq:3.13.7-management"),
    "prometheus": image("PROMETHEUS", "prom/prometheus:v2.55.1"),
}
"""The images of the servers."""


class Helm:
    """
    Helm on this cluster, with the user's own files left alone.
    """

    def __init__(self, home: Path) -> None:
        self._home = home
        self.program = Path(os.environ.get("SCALER_TEST_HELM", "").split(os.pathsep)[0] or unpacked("4.1"))

    def __call__(self, *arguments: str, values: Mapping[str, Any] | None = None) -> str:
        """
        Run it and return its output.

        Raises:
            KubectlError: it failed; the message is what it said.
        """
        folders = {f"HELM_{name}_HOME": str(self._home) for name in ("CACHE", "CONFIG", "DATA")}
        given = () if values is None else ("--values", "-")
        done = subprocess.run(
            [self.program, *arguments, *given],
            input=None if values is None else yaml.safe_dump(dict(values)),
            env={**os.environ, **folders},
            capture_output=True,
            text=True,
            check=False,
            timeout=_HELM_WITHIN,
        )
        if done.returncode:
            raise KubectlError(f"helm {' '.join(arguments)}: {done.stderr.strip()}")
        return done.stdout


class Stage:
    """
    What all tests share.

    Attributes:
        history: of every Deployment and pod, since before the first of them was made.
    """

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="scaler-e2e-")
        self.folder = Path(self._folder.name)
        self.helm = Helm(self.folder / "helm")
        self.forwards = {
            name: Forward(SYSTEM, target, port)
            for name, target, port in (
                ("redis", "svc/redis", 6379),
                ("amqp", "svc/rabbitmq", 5672),
                ("management", "svc/rabbitmq", 15672),
                ("prometheus", "svc/prometheus", 9090),
                ("scaler", "deploy/agent-scaler", 8080),
            )
        }
        self._authority = trustme.CA()
        self.history = History()

    def build(self, document: Mapping[str, Any] = DOCUMENT) -> None:
        """
        Take away what an earlier run left, and put up everything, the scaler with that document.
        """
        self._remove()
        for name in (SYSTEM, AGENTS):
            labels = {f"pod-security.kubernetes.io/{what}": "restricted" for what in ("enforce", "warn")}
            apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}})
        for namespace in (SYSTEM, AGENTS):
            apply(secret(namespace, "queues", redis=PASSWORD, rabbitmq="guest"))
        self.trust()
        for server, name in IMAGES.items():
            apply(*manifest(_MANIFESTS / f"{server}.yaml", namespace=SYSTEM, agents=AGENTS, image=name))
        apply(*manifest(_MANIFESTS / "exporter.yaml", namespace=SYSTEM, image=SCALER_IMAGE))
        self.configure(document)
        with ThreadPoolExecutor() as pool:
            list(pool.map(self.rolled_out, ("sts/redis", "sts/rabbitmq", "deploy/prometheus", "deploy/agent-scaler")))

    def close(self) -> None:
        """
        Take everything away, unless `SCALER_E2E_KEEP` is set. The namespaces go while others go on.
        """
        for forward in self.forwards.values():
            forward.close()
        self.history.close()
        if not os.environ.get("SCALER_E2E_KEEP"):
            self._remove("--wait=false")
        self._folder.cleanup()

    def trust(self) -> str:
        """
        Issue certificates for the scaler and for KEDA, into the Secrets that both read; return the scaler's, as PEM.
        """
        ca = self._authority.cert_pem.bytes().decode()
        server = _pem(
            self._authority.issue_cert(*(f"agent-scaler{rest}" for rest in ("", f".{SYSTEM}", f".{SYSTEM}.svc")))
        )
        client = {**_pem(self._authority.issue_cert("keda.e2e")), "ca.crt": ca}
        apply(
            secret(SYSTEM, "scaler-certificate", **server, **{"ca.crt": ca}),
            secret(SYSTEM, "clients", **{"ca.crt": ca}),
            secret(SYSTEM, "keda-certificate", **client),
            secret("keda", KEDA_CERTIFICATE, **client),
        )
        return server["tls.crt"]

    def configure(self, document: Mapping[str, Any], **values: Any) -> None:
        """
        Install the scaler with a document, or change what is installed.
        """
        repository, _, tag = SCALER_IMAGE.rpartition(":")
        chosen = {
            "fullnameOverride": "agent-scaler",
            "image": {"repository": repository, "tag": tag},
            "config": document,
            "secrets": [{"name": "queues"}],
            "log": {"level": "debug"},
            "tls": {
                "enabled": True,
                "secretName": "scaler-certificate",
                "mutual": {"enabled": True, "caSecretName": "clients", "clientSecretName": "keda-certificate"},
            },
            "keda": {
                "authentication": {"create": True, "name": AUTHENTICATION, "secretName": KEDA_CERTIFICATE},
            },
            "resources": {"requests": {"cpu": "50m", "memory": "96Mi"}},
            **values,
        }
        chart = str(ROOT / "charts" / "agent-scaler")
        self.helm("upgrade", "--install", "agent-scaler", chart, "-n", SYSTEM, values=chosen)

    def rolled_out(self, what: str, namespace: str = SYSTEM) -> None:
        """
        Return when what was applied is there and ready.
        """
        within = f"--timeout={_ROLLED_OUT_WITHIN:g}s"
        kubectl("-n", namespace, "rollout", "status", what, within, within=_ROLLED_OUT_WITHIN + 5)

    def stop(self, *servers: str) -> None:
        """
        Take servers away (`redis`, `rabbitmq`, `prometheus`); returns when their pods are gone.
        """
        self._scale(servers, 0)
        for server in servers:
            eventually(f"{server} is gone", partial(self._gone, server), 60)

    def start(self, *servers: str) -> None:
        """
        Bring servers back; returns when they are ready.
        """
        self._scale(servers, 1)
        for server in servers:
            self.rolled_out(f"{_KINDS[server]}/{server}")

    def scaler_page(self, path: str) -> str:
        """
        Return a page of the scaler's HTTP port.
        """
        return self._page("scaler", path)

    def explained(self, name: str, namespace: str = AGENTS) -> dict[str, Any]:
        """
        Return where the scaler says that a workload stands.
        """
        told = json.loads(self.scaler_page(f"/v1/workloads/{namespace}/{name}"))
        first: dict[str, Any] = told["workloads"][0] if told.get("workloads") else {"sentence": told.get("error", "")}
        return first

    def says(self, name: str, what: str, within: float, **facts: Any) -> dict[str, Any]:
        """
        Return what the scaler says of a workload, once its sentence contains *what* and it has those facts.
        """

        def found() -> dict[str, Any] | None:
            told = self.explained(name)
            return told if what in told["sentence"] and all(told.get(key) == facts[key] for key in facts) else None

        return eventually(f"the scaler says {what!r} {facts} of {name}", found, within)

    def query(self, promql: str) -> list[float]:
        """
        Return the values that Prometheus has for a query.
        """
        page = f"/api/v1/query?query={quote(promql)}"
        return [float(series["value"][1]) for series in json.loads(self._page("prometheus", page))["data"]["result"]]

    def sync(self) -> None:
        """
        Let the node look after the scaler's mounted files at once, which it otherwise does once a minute.
        """
        kubectl("-n", SYSTEM, "annotate", "pods", "-l", _SCALER, f"e2e/looked-at={time.time():.0f}", "--overwrite")

    def expose(self, page: str) -> None:
        """
        Let the exporter show a page of metrics.
        """
        kubectl("-n", SYSTEM, "exec", "-i", "deploy/exporter", "--", "sh", "-c", "cat > /page/metrics", stdin=page)

    @cached_property
    def gpus(self) -> bool:
        """
        Whether a node of the cluster offers GPUs, and agents are to take them (`SCALER_E2E_GPU=none`: they are not).
        """
        if os.environ.get("SCALER_E2E_GPU") == "none":
            return False
        nodes = get("nodes")["items"]
        return any(int(node["status"].get("allocatable", {}).get(_GPUS, 0)) for node in nodes)

    def logs(self) -> str:
        """
        Return the last lines of everybody's logs, for a person who wants to know what went wrong.
        """
        told = [f"--- deploy/keda-operator\n{_logs('keda', 'deploy/keda-operator')}"]
        pods = [(pod["metadata"]["namespace"], pod) for pod in get("pods", "-A")["items"]]
        ours = [(namespace, pod) for namespace, pod in pods if namespace == SYSTEM]
        theirs = [each for each in pods if each[0] == AGENTS or each[0].startswith(f"{CHARTS}-")]
        for namespace, pod in (ours + theirs)[:_LOGS]:
            name, status = pod["metadata"]["name"], pod["status"]
            started = sum(each["restartCount"] for each in status.get("containerStatuses", ()))
            told.append(
                f"--- {namespace}/{name}: {status.get('phase')}, restarted {started} times\n{_logs(namespace, name)}"
            )
        return "\n".join(told)

    def _page(self, server: str, path: str) -> str:
        return self.fetched(self.forwards[server], path)

    def fetched(self, forward: Forward, path: str) -> str:
        """
        Return a page that is served at a forwarded port.
        """

        def fetched() -> str:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{forward.port}{path}", timeout=10) as answer:
                    body: bytes = answer.read()
            except urllib.error.HTTPError as error:
                with error:
                    body = error.read()
            except OSError:
                forward.close()  # to a pod that is gone, perhaps
                raise
            return body.decode()

        return eventually(f"{path} is answered", fetched, 30)

    def _gone(self, app: str) -> bool:
        return not get("pods", "-n", SYSTEM, "-l", f"app={app}")["items"]

    def _scale(self, servers: tuple[str, ...], replicas: int) -> None:
        for server in servers:
            kubectl("-n", SYSTEM, "scale", f"{_KINDS[server]}/{server}", f"--replicas={replicas}")

    def _remove(self, *how: str) -> None:
        """
        Remove the namespaces: ScaledObjects first, whose end KEDA has to be there for.
        """
        for kind in ("scaledobjects.keda.sh", "scaledjobs.keda.sh"):
            for namespace in (AGENTS, SYSTEM):
                kubectl(
                    "delete", kind, "--all", "-n", namespace, "--ignore-not-found", "--wait=true", within=_GONE_WITHIN
                )
        kubectl(
            "delete", "namespace", AGENTS, SYSTEM, "--ignore-not-found", "--timeout=110s", *how, within=_GONE_WITHIN
        )
        kubectl("-n", "keda", "delete", "secret", KEDA_CERTIFICATE, "--ignore-not-found")
        kubectl("delete", "clustertriggerauthentication", AUTHENTICATION, "--ignore-not-found")


_KINDS = {"redis": "sts", "rabbitmq": "sts", "prometheus": "deploy", "exporter": "deploy"}


def secret(namespace: str, name: str, **texts: str) -> dict[str, Any]:
    """
    Return a Secret.
    """
    data = {key: base64.b64encode(text.encode()).decode() for key, text in texts.items()}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "namespace": namespace}, "data": data}


def _pem(leaf: trustme.LeafCert) -> dict[str, str]:
    """
    Return a certificate with its key, as a Secret has them.
    """
    chain = "".join(pem.bytes().decode() for pem in leaf.cert_chain_pems)
    return {"tls.crt": chain, "tls.key": leaf.private_key_pem.bytes().decode()}


def _logs(namespace: str, what: str) -> str:
    try:
        return kubectl("-n", namespace, "logs", what, "--tail=40", "--all-containers")
    except KubectlError as error:
        return str(error)


def note(line: str) -> None:
    """
    Tell the person who watches what is going on.
    """
    sys.stderr.write(f"{time.strftime('%H:%M:%S')} {line}\n")
    sys.stderr.flush()
