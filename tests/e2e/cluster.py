"""
The cluster before anything is on it: whether it will do, and the images that its nodes need.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess

from tests.e2e.kubectl import KubectlError, get, kubectl
from tests.e2e.stage import IMAGES, SCALER_IMAGE, note

_ANSWERS_WITHIN = 20.0
_LOADED_WITHIN = 300.0
_MORE = "see tests/e2e/README.md"


class UnfitError(Exception):
    """
    There is no cluster to test on; the message says in one sentence what is missing.
    """


def fit() -> None:
    """
    Return if there is a cluster with KEDA.

    Raises:
        UnfitError: there is not.
    """
    if shutil.which("kubectl") is None:
        raise UnfitError(f"The end-to-end tests need a cluster, and kubectl is not installed; {_MORE}.")
    try:
        kubectl("version", within=_ANSWERS_WITHIN)
    except KubectlError as error:
        last = (str(error).splitlines() or ["nothing was said"])[-1]
        raise UnfitError(f"The end-to-end tests need a cluster, and none answers ({last}); {_MORE}.") from error
    try:
        get("deployments", "-n", "keda", "keda-operator")
    except KubectlError as error:
        raise UnfitError(f"The end-to-end tests need KEDA in the cluster's namespace keda; {_MORE}.") from error


def load() -> None:
    """
    Put the images onto the nodes by the command in `SCALER_E2E_LOAD`; without one the nodes get them by themselves.

    The project's own is always loaded, for it may have changed; the servers' only where no node has them.

    Raises:
        UnfitError: the command failed.
    """
    command = os.environ.get("SCALER_E2E_LOAD")
    if not command:
        return
    images = [image for node in get("nodes")["items"] for image in node["status"].get("images", ())]
    there = {name.split("/", 1)[-1] for image in images for name in image.get("names") or ()}
    for image in (SCALER_IMAGE, *IMAGES.values()):
        if image != SCALER_IMAGE and there & {image, image.split("/", 1)[-1], f"library/{image}"}:
            continue
        note(f"loading {image} onto the nodes")
        done = subprocess.run([*shlex.split(command), image], check=False, timeout=_LOADED_WITHIN)
        if done.returncode:
            raise UnfitError(f"The image {image} could not be put onto the nodes by {command!r}.")
