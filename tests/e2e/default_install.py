"""
The first install of a user, going on in the background: the agent's chart with nothing set, and its notes followed.
"""

from __future__ import annotations

import shlex
from concurrent.futures import Future, ThreadPoolExecutor

from tests.e2e.agents import merged
from tests.e2e.charts import IMAGES_HERE, SMALL, Release
from tests.e2e.kubectl import kubectl
from tests.e2e.stage import Stage, note

_READY_WITHIN = 150.0
AGENT = "agent-ai-agent"
"""The name that the chart gives it."""


class DefaultInstall:
    """
    The agent's chart with nothing set but what images this cluster has, and how little room it needs.

    Ten jobs are sent as soon as KEDA is ready.

    Attributes:
        sent: when the jobs were on the queue, on the clock of the history.
    """

    def __init__(self, stage: Stage, namespace: str) -> None:
        self.release = Release(stage, "ai-agent", "agent", namespace)
        self._notes = self.release.install(merged(IMAGES_HERE, SMALL)).notes
        self._pool = ThreadPoolExecutor(1)
        self.sent: Future[float] = self._pool.submit(self._begin)

    def _begin(self) -> float:
        for deployment in ("agent-agent-scaler", f"{AGENT}-try-redis"):
            self.release.stage.rolled_out(f"deploy/{deployment}", self.release.namespace)
        up = self.release.stage.history.now()
        # KEDA asks the scaler before that is up, and again after a while; until then one agent works alone.
        ready = f"--timeout={_READY_WITHIN:g}s", "--for=condition=Ready"
        kubectl("-n", self.release.namespace, "wait", *ready, f"scaledobject/{AGENT}", within=_READY_WITHIN + 5)
        note(f"default install: KEDA was content {self.release.stage.history.now() - up:.0f} s after its scaler was up")
        self.told("loadgen publish")
        return self.release.stage.history.now()

    def told(self, what: str) -> str:
        """
        Run the command of the notes that contains this, just as it stands there, and return its output.
        """
        lines = self._notes.replace("\\\n", " ").splitlines()
        (line,) = (line for line in lines if what in line)
        program, *arguments = shlex.split(line)
        assert program == "kubectl"
        return kubectl(*arguments)

    def queued(self) -> list[str]:
        """
        Return the keys in its Redis: a list that is empty is none.
        """
        server = f"deploy/{AGENT}-try-redis"
        return kubectl(
            "-n", self.release.namespace, "exec", server, "--", "redis-cli", "KEYS", f"{AGENT}-jobs*"
        ).split()

    def close(self) -> None:
        """
        Wait for what goes on.
        """
        self._pool.shutdown()
