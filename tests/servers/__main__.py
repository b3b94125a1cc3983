"""
Makes sure that the tests have servers and a browser, before they run: `python -m tests.servers`.

It says in one line where the servers run. On Debian and Ubuntu it installs those that are missing, if it may; elsewhere
it ends with one sentence that says what to install.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.servers.browser import PACKAGE, NoBrowserError, executable
from tests.servers.place import PROGRAMS, NoServersError, Place, advice, missing, place

POLICY = Path("/usr/sbin/policy-rc.d")
"""Debian's packages ask this program whether they may start their daemons."""


def prepare() -> str:
    """
    Return where the servers run, once they can; and the browser is there that the page is tested in.

    Raises:
        NoServersError: they cannot; the message says what to do.
    """
    where = place()
    lacking = [] if where is Place.CONTAINERS else list(missing())
    try:
        executable(os.environ)
    except NoBrowserError as error:
        if not _may_install():
            raise NoServersError(str(error)) from error
        lacking.append(PACKAGE)
    if lacking and not _may_install():
        raise NoServersError(advice(lacking))
    if lacking:
        install(lacking)
    if where is Place.CONTAINERS:
        return "containers"
    return "this machine's own redis-server, rabbitmq-server and prometheus"


def _may_install() -> bool:
    return os.geteuid() == 0 and shutil.which("apt-get") is not None


def install(packages: Sequence[str]) -> None:
    """
    Install Debian packages and leave their daemons off, now and after a restart of the machine.

    Raises:
        NoServersError: a step failed; the message has its last line.
    """
    print(f"Installing {', '.join(packages)} for the tests", flush=True)
    with _no_daemons():
        _run("apt-get", "update", "-qq")
        _run("apt-get", "install", "-y", "-qq", "--no-install-recommends", *packages)
    if Path("/run/systemd/system").is_dir():
        _run("systemctl", "disable", *(package for package in packages if package in PROGRAMS))


@contextmanager
def _no_daemons() -> Iterator[None]:
    if POLICY.exists():
        yield
        return
    POLICY.write_text("#!/bin/sh\nexit 101\n")
    POLICY.chmod(0o755)
    try:
        yield
    finally:
        POLICY.unlink()


def _run(*argv: str) -> None:
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    done = subprocess.run(
        argv, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    if done.returncode:
        last = (done.stdout.strip().splitlines() or ["no output"])[-1]
        raise NoServersError(
            f"Install what is missing by hand ({' '.join(argv[2:])}): {' '.join(argv[:2])} failed ({last})."
        )


if __name__ == "__main__":
    try:
        print(f"Servers for the tests: {prepare()}")
    except NoServersError as error:
        sys.exit(str(error))
