"""
Prometheus' own checker of rules: of this machine, or out of the image that the tests run Prometheus from.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from contextlib import closing
from pathlib import Path

from docker.errors import ContainerError
from testcontainers.core.docker_client import DockerClient

IMAGE = os.environ.get("SCALER_TEST_PROMETHEUS_IMAGE", "prom/prometheus:v2.55.1")


def promtool(folder: Path, *arguments: str, given: str = os.devnull) -> tuple[bool, str]:
    """
    Run promtool in a folder, and return whether it found nothing, and what it said.

    *given* is the name of a file in the folder that it reads as its standard input.
    """
    if program := shutil.which("promtool"):
        with (folder / given).open("rb") as text:
            done = subprocess.run(
                [program, *arguments], cwd=folder, capture_output=True, text=True, check=False, stdin=text
            )
        return done.returncode == 0, done.stdout + done.stderr
    with closing(DockerClient().client) as client:
        try:
            said = client.containers.run(
                IMAGE,
                ['exec promtool "$@" <"$0"', given, *arguments],
                entrypoint=["sh", "-c"],
                volumes={str(folder): {"bind": str(folder), "mode": "ro"}},
                working_dir=str(folder),
                user=f"{os.getuid()}:{os.getgid()}",
                remove=True,
                stderr=True,
            )
        except ContainerError as error:
            return False, str(error.stderr)
    return True, said.decode()
