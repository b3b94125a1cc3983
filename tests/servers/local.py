"""
Servers as processes of this machine.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess

from tests.servers.command import Command

# Debian keeps daemons in /usr/sbin, which is not on everybody's PATH.
SEARCH_PATH = os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/sbin"))


def installed(program: str) -> bool:
    """
    Tell whether this machine has a program.
    """
    return shutil.which(program, path=SEARCH_PATH) is not None


class LocalProcess:
    """
    A process group of this machine. Signals go to the whole group, since some servers start helpers.
    """

    def __init__(self, command: Command) -> None:
        self._command = command
        self._log = command.folder / "log"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """
        Start it; output is added to the log.
        """
        own = {"PATH": SEARCH_PATH, "HOME": str(self._command.folder), **self._command.environment}
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command.argv,
                cwd=self._command.folder,
                env={**os.environ, **own},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def stop(self) -> None:
        """
        Kill the group and wait for it.
        """
        if self._process is not None:
            self._signal(signal.SIGKILL)
            self._process.wait(timeout=10)
            self._process = None

    def pause(self) -> None:
        """
        Freeze the group.
        """
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """
        Let the group go on.
        """
        self._signal(signal.SIGCONT)

    def running(self) -> bool:
        """
        Tell whether the process that was started has not ended.
        """
        return self._process is not None and self._process.poll() is None

    def log(self) -> str:
        """
        Return the log of all starts.
        """
        return self._log.read_text(errors="replace") if self._log.exists() else ""

    def close(self) -> None:
        """
        Kill it; its folder is the test's.
        """
        self.stop()

    def _signal(self, number: signal.Signals) -> None:
        # The group outlives its leader if helpers are left, and is gone if they are not.
        if self._process is not None:
            try:
                os.killpg(self._process.pid, number)
            except ProcessLookupError:
                return
