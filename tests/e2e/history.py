"""
The history of every Deployment and pod, as the API server tells it, from the beginning of the session to its end.
"""

from __future__ import annotations

import subprocess
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

_AGAIN_AFTER = 0.2
_FIELDS = r"{.type}|{.object.metadata.namespace}|{.object.metadata.name}|"
_DEPLOYMENT = _FIELDS + r"{.object.spec.replicas}|{.object.status.readyReplicas}{'\n'}"
_POD = (
    _FIELDS + r"{.object.metadata.deletionTimestamp}|"
    r"{.object.status.conditions[?(@.type=='Ready')].status}|{.object.spec.nodeName}{'\n'}"
)


@dataclass(frozen=True, slots=True)
class Size:
    """
    How large a Deployment was from a moment on.

    Attributes:
        at: when it was told, in seconds of `time.monotonic`.
        wanted: `spec.replicas`; `ready`: pods that are ready.
    """

    at: float
    wanted: int
    ready: int


@dataclass(frozen=True, slots=True)
class Standing:
    """
    Where a pod stood from a moment on.

    Attributes:
        bound: whether it had a node, and so its GPU.
    """

    at: float
    pod: str
    ready: bool
    going: bool
    gone: bool = False
    bound: bool = False


class History:
    """
    What was seen. A watch that ends (the API server was away) is begun anew, and what it tells then is new.
    """

    def __init__(self) -> None:
        self._sizes: defaultdict[tuple[str, str], list[Size]] = defaultdict(list)
        self._pods: list[Standing] = []
        self._news = threading.Condition()
        self._closed = False
        self._processes: dict[str, subprocess.Popen[str]] = {}
        self._threads = [
            threading.Thread(target=self._watch, args=arguments, daemon=True)
            for arguments in (("deployments", _DEPLOYMENT, self._deployment), ("pods", _POD, self._pod))
        ]
        for thread in self._threads:
            thread.start()

    def close(self) -> None:
        """
        See no more.
        """
        self._closed = True
        for process in list(self._processes.values()):
            with suppress(ProcessLookupError):
                process.kill()
        for thread in self._threads:
            thread.join()

    @staticmethod
    def now() -> float:
        """
        Return the present on the clock of the history.
        """
        return time.monotonic()

    def sizes(self, namespace: str, name: str, since: float = 0.0) -> list[Size]:
        """
        Return how large a Deployment was since a moment, beginning with its size at that moment.
        """
        with self._news:
            known = list(self._sizes[namespace, name])
        before = [size for size in known if size.at <= since]
        return before[-1:] + [size for size in known if size.at > since]

    def lowest(self, namespace: str, name: str, since: float) -> int:
        """
        Return the fewest replicas that were wanted of a Deployment since a moment.
        """
        return min(size.wanted for size in self.sizes(namespace, name, since))

    def until(
        self, namespace: str, name: str, wanted: Callable[[Size], bool], within: float, since: float = 0.0
    ) -> Size:
        """
        Return the first size that is as wanted, in what is or will be known since a moment.

        Raises:
            AssertionError: there was none in time.
        """
        until = time.monotonic() + within
        with self._news:
            while True:
                known = self._sizes[namespace, name]
                before = [size for size in known if size.at <= since]
                for size in before[-1:] + [size for size in known if size.at > since]:
                    if wanted(size):
                        return size
                left = until - time.monotonic()
                if left <= 0:
                    raise AssertionError(f"{namespace}/{name}: not within {within:g} s; it was {known[-12:]}")
                self._news.wait(left)

    def replicas(self, namespace: str, name: str, count: int, within: float, since: float = 0.0) -> Size:
        """
        Return the first size with just so many replicas wanted.
        """
        return self.until(namespace, name, lambda size: size.wanted == count, within, since)

    def ready(self, namespace: str, name: str, count: int, within: float) -> Size:
        """
        Return when so many replicas are ready.
        """
        now = time.monotonic()
        return self.until(namespace, name, lambda size: size.ready == count == size.wanted, within, since=now)

    def pods(self, namespace: str, prefix: str, since: float = 0.0) -> list[Standing]:
        """
        Return all that was told of the pods whose name begins so.
        """
        with self._news:
            return [
                standing
                for standing in self._pods
                if standing.pod.startswith(f"{namespace}/{prefix}") and standing.at >= since
            ]

    def told(self, last: float = 600.0) -> str:
        """
        Return the sizes of all Deployments in the last seconds, for a person who wants to know what went wrong.
        """
        now = time.monotonic()
        with self._news:
            told = [
                f"{size.at - now:8.2f} s  {namespace}/{name}: {size.wanted} wanted, {size.ready} ready"
                for (namespace, name), sizes in self._sizes.items()
                for size in sizes
                if size.at > now - last
            ]
        return "\n".join(sorted(told, key=lambda line: float(line.split(" s")[0])))

    def _watch(self, kind: str, template: str, note: Callable[[float, list[str]], None]) -> None:
        arguments = ("get", kind, "-A", "--watch", "--output-watch-events", "-o", f"jsonpath={template}")
        while not self._closed:
            process = subprocess.Popen(
                ["kubectl", *arguments], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, bufsize=1
            )
            self._processes[kind] = process
            for line in process.stdout or ():
                at = time.monotonic()
                with self._news:
                    note(at, line.strip().split("|"))
                    self._news.notify_all()
            process.wait()
            if process.stdout is not None:
                process.stdout.close()
            time.sleep(_AGAIN_AFTER)

    def _deployment(self, at: float, fields: list[str]) -> None:
        event, namespace, name, wanted, ready = fields
        size = Size(at, 0 if event == "DELETED" else int(wanted or 1), 0 if event == "DELETED" else int(ready or 0))
        known = self._sizes[namespace, name]
        if not known or (known[-1].wanted, known[-1].ready) != (size.wanted, size.ready):
            known.append(size)

    def _pod(self, at: float, fields: list[str]) -> None:
        event, namespace, name, going, ready, node = fields
        pod, gone = f"{namespace}/{name}", event == "DELETED"
        self._pods.append(Standing(at, pod, ready == "True" and not gone, bool(going) or gone, gone, bool(node)))
