"""
The cluster, as `kubectl` reaches it: one command, an object as JSON, a port of a pod on this machine.
"""

from __future__ import annotations

import json
import re
import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from string import Template
from typing import Any, TypeVar

import yaml

_COMMAND_WITHIN = 90.0
_FORWARD_WITHIN = 15.0
_POLL, _POLL_AT_MOST = 0.1, 1.0
_PAUSE = 4.0
"""So many times as long as a question took nothing is asked: each `kubectl` takes a processor a tenth of a second."""

Found = TypeVar("Found")


class KubectlError(Exception):
    """
    A command failed; the message is what it said.
    """


def kubectl(*arguments: str, stdin: str | None = None, within: float = _COMMAND_WITHIN) -> str:
    """
    Run a command and return its output.

    Raises:
        KubectlError: it failed, or did not end within so many seconds.
    """
    try:
        done = subprocess.run(
            ["kubectl", *arguments], input=stdin, capture_output=True, text=True, check=False, timeout=within
        )
    except subprocess.TimeoutExpired as error:
        raise KubectlError(f"kubectl {' '.join(arguments)}: no end within {within:g} s") from error
    if done.returncode:
        raise KubectlError(f"kubectl {' '.join(arguments)}: {done.stderr.strip()}")
    return done.stdout


def get(*arguments: str) -> Any:
    """
    Return an object, or a list of objects under `items`.
    """
    return json.loads(kubectl("get", *arguments, "-o", "json"))


def events(namespace: str, name: str) -> list[dict[str, Any]]:
    """
    Return the events on an object.
    """
    found: list[dict[str, Any]] = get("events", "-n", namespace, f"--field-selector=involvedObject.name={name}")[
        "items"
    ]
    return found


def apply(*objects: Mapping[str, Any]) -> None:
    """
    Make objects, or change them.
    """
    kubectl("apply", "-f", "-", stdin=yaml.safe_dump_all(objects))


def create(*objects: Mapping[str, Any]) -> None:
    """
    Make objects that are not there yet, which takes half as many requests.
    """
    kubectl("create", "-f", "-", stdin=yaml.safe_dump_all(objects))


def manifest(path: Path, **names: str) -> list[dict[str, Any]]:
    """
    Return the objects in a file, in which `$name` stands for a name's value (and `$$` for a dollar).
    """
    return [each for each in yaml.safe_load_all(Template(path.read_text()).substitute(names)) if each]


def eventually(what: str, ask: Callable[[], Found | None], within: float) -> Found:
    """
    Return what is found once it is anything: neither None nor False, nor empty. That may be seen a second late.

    Raises:
        AssertionError: it was not found in time.
    """
    until = time.monotonic() + within
    trouble: Exception | None = None
    while True:
        begun = time.monotonic()
        try:
            found = ask()
        except (KubectlError, OSError) as error:
            found, trouble = None, error
        if found:
            return found
        now = time.monotonic()
        if now > until:
            raise AssertionError(f"not within {within:g} s: {what}" + (f" ({trouble})" if trouble else ""))
        time.sleep(min(max(_POLL, _PAUSE * (now - begun)), _POLL_AT_MOST))


class Forward:
    """
    A port of a Service or pod on the loopback address, for as long as the pod lives; then it has to be opened again.
    """

    def __init__(self, namespace: str, target: str, port: int) -> None:
        self._arguments = ("-n", namespace, "port-forward", "--address", "127.0.0.1", target, f":{port}")
        self._process: subprocess.Popen[str] | None = None
        self._port = 0
        self._opening = threading.Lock()

    @property
    def port(self) -> int:
        """
        The port on this machine; the forwarding is begun, or begun anew, where none runs.

        Raises:
            KubectlError: it cannot be begun.
        """
        with self._opening:
            if self._process is None or self._process.poll() is not None:
                self.close()
                self._open()
            return self._port

    def close(self) -> None:
        """
        End it.
        """
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            if self._process.stdout is not None:
                self._process.stdout.close()
        self._process = None

    def _open(self) -> None:
        process = subprocess.Popen(
            ["kubectl", *self._arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        self._process = process
        overdue = threading.Timer(_FORWARD_WITHIN, process.kill)
        overdue.start()
        said: list[str] = []
        for line in process.stdout or ():
            said.append(line.strip())
            if found := re.search(r"127\.0\.0\.1:(\d+)", line):
                overdue.cancel()
                self._port = int(found[1])
                threading.Thread(target=_drain, args=(process,), daemon=True).start()
                return
        overdue.cancel()
        process.wait()
        raise KubectlError(f"kubectl {' '.join(self._arguments)}: {' '.join(said) or 'nothing was said'}")


def _drain(process: subprocess.Popen[str]) -> None:
    for _ in process.stdout or ():
        pass
