"""
A model store on disk, and the scripts that look after it, run as pods run them.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.chart.charts import AGENT

SCRIPTS = AGENT.path / "files"

PATIENCE = 10
"""Looks without a sign of life after which a download counts as dead here; one every 50 ms."""


@dataclass
class Store:
    """
    A volume for models, and what its pods write down about themselves.
    """

    folder: Path
    model: str = "org/name@v1"
    running: list[subprocess.Popen[str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        (self.folder / "models").mkdir()
        for name in ("started", "go"):
            os.mkfifo(self.folder / name)

    @property
    def models(self) -> Path:
        """
        The volume.
        """
        return self.folder / "models"

    @property
    def directory(self) -> Path:
        """
        Where the model is when it is whole.
        """
        return self.models / self.model

    @property
    def runs(self) -> list[str]:
        """
        Who has run the command, one entry a run.
        """
        path = self.folder / "runs"
        return path.read_text().split() if path.exists() else []

    def start(self, command: str, owner: str = "first", **variables: str) -> subprocess.Popen[str]:
        """
        Start a pod's download, in a process group of its own; the command is a line of shell.
        """
        environment = {
            "PATH": os.environ["PATH"],
            "MODELS": str(self.models),
            "MODEL": self.model,
            "IDENTITY": "v1",
            "OWNER": owner,
            "POLL": "0.05",
            "PATIENCE": str(PATIENCE),
            "FOLDER": str(self.folder),
            **variables,
        }
        process = subprocess.Popen(
            ["sh", SCRIPTS / "download.sh", "sh", "-c", f'echo "$OWNER" >>"$FOLDER/runs"; {command}'],
            env=environment,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self.running.append(process)
        return process

    def download(self, command: str, owner: str = "first", **variables: str) -> tuple[int, str]:
        """
        Run a pod's download to its end; return its exit status and what it said.
        """
        return ended(self.start(command, owner, **variables))

    def until_started(self) -> None:
        """
        Wait until a command that waits has come that far.
        """
        (self.folder / "started").read_text()

    def go(self) -> None:
        """
        Let it go on.
        """
        (self.folder / "go").write_text("go\n")

    def close(self) -> None:
        """
        End what still runs.
        """
        for process in self.running:
            kill(process)
            process.communicate()


WHOLE = 'echo weights >weights; echo "{}" >config.json'
"""A command that gets a whole model."""

WAITS = 'echo half >half; echo here >"$FOLDER/started"; read -r _ <"$FOLDER/go"'
"""A command that has half a model, says so, and waits."""


def ended(process: subprocess.Popen[str]) -> tuple[int, str]:
    """
    Wait for a process; return its exit status and what it said.
    """
    said, _ = process.communicate(timeout=60)
    return process.returncode, said


def kill(process: subprocess.Popen[str], sign: signal.Signals = signal.SIGKILL) -> None:
    """
    Send a signal to a pod's every process, as far as there still are some.
    """
    try:
        os.killpg(process.pid, sign)
    except ProcessLookupError:
        return


@contextmanager
def store(folder: Path) -> Iterator[Store]:
    """
    An empty store, and nothing that runs on when it is left.
    """
    found = Store(folder)
    try:
        yield found
    finally:
        found.close()


def script(name: str, folder: Path, **variables: str) -> tuple[int, str]:
    """
    Run one of the Python scripts in a folder; return its exit status and what it said.
    """
    done = subprocess.run(
        [sys.executable, SCRIPTS / name],
        cwd=folder,
        env={"PATH": os.environ["PATH"], **variables},
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    return done.returncode, done.stdout
